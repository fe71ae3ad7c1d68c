"""`cis snapshot`: make the gold tables and the dashboard page of a day."""

from datetime import date

import click

from cis_assets.cli.backfill import find_newest_complete_date, materialize
from cis_assets.cli.console import DAY, Refused, say, with_settings
from cis_assets.dates import DateRange
from cis_assets.settings import Settings


@click.command()
@click.argument("day", type=DAY, required=False)
@with_settings
def snapshot(settings: Settings, day: date | None) -> None:
    """Make the gold tables and dashboard page of a day.

    The default is the newest complete date with orders in silver. The models stay the same; they are trained only if
    there are none yet. Newer customers in landing are read first, because they may have withdrawn their consent.
    """
    from cis_assets.catalog import gold
    from cis_assets.cli.runs import run_assets
    from cis_assets.defs.jobs import PREDICTION_MODELS, SEGMENT_MODEL, SNAPSHOT, SNAPSHOT_TABLES
    from cis_assets.lake.lake import Lake
    from cis_assets.landing.folder import LandingFolder
    from cis_assets.views.snapshots import find_unread_customers, has_rows
    from cis_assets.views.tables import find_newest_order_date

    lake = Lake(settings.lake_uri)
    day = day or find_newest_order_date(lake, find_newest_complete_date(settings))
    if day is None:
        raise Refused("silver/orders has no orders yet: run `cis backfill` first.")
    folder = LandingFolder(settings.landing_uri, follow_links=settings.landing_links)
    if unread := find_unread_customers(lake, folder):
        say(f"Reading snapshots, because {unread} is newer than what the lake has read ...")
        say(f"Done in run {run_assets(settings, SNAPSHOT_TABLES, None)}.")
    missing = [] if has_rows(lake, gold.SEGMENT_MODEL) else [SEGMENT_MODEL]
    # Few orders make no version, so its rows do not tell whether a training was tried.
    missing += [] if lake.exists(gold.PREDICTION_MODELS) else [PREDICTION_MODELS]
    materialize(settings, " or ".join([SNAPSHOT, *missing]), DateRange(day, day))

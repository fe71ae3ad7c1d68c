"""`cis snapshot`: make the gold tables and the dashboard page of a day."""

from datetime import date

import click

from cis_assets.cli.backfill import find_newest_complete_date, materialize
from cis_assets.cli.console import DAY, Refused, with_settings
from cis_assets.dates import DateRange
from cis_assets.settings import Settings


@click.command()
@click.argument("day", type=DAY, required=False)
@with_settings
def snapshot(settings: Settings, day: date | None) -> None:
    """Make the gold tables and dashboard page of a day.

    The default is the newest complete date with orders in silver. The segment model stays the same; it is trained only if
    there is none yet.
    """
    from cis_assets.defs.jobs import SEGMENT_MODEL, SNAPSHOT
    from cis_assets.lake.lake import Lake
    from cis_assets.views.snapshots import has_segment_model
    from cis_assets.views.tables import find_newest_order_date

    lake = Lake(settings.lake_uri)
    day = day or find_newest_order_date(lake, find_newest_complete_date(settings))
    if day is None:
        raise Refused("silver/orders has no orders yet: run `cis backfill` first.")
    selection = SNAPSHOT if has_segment_model(lake) else f"{SNAPSHOT} or {SEGMENT_MODEL}"
    materialize(settings, selection, DateRange(day, day))

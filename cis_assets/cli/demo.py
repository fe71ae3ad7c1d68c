"""`cis demo`: the whole way from landing files to messages and dashboard, with what a person wants to see at its end."""

from __future__ import annotations

import os
import time
from datetime import date, datetime
from pathlib import Path

import click

from cis_assets.cli.backfill import INGEST, landed_range, materialize
from cis_assets.cli.console import heading, print_table, say
from cis_assets.cli.dashboard import dashboard_link
from cis_assets.cli.land import land_instacart, land_sample
from cis_assets.cli.show import notification_rows, print_notifications, print_segments, segment_rows, table_counts
from cis_assets.dates import DateRange
from cis_assets.settings import settings

# A fixed day, so that everybody's demo shows the same figures.
_END = datetime(2025, 10, 31)  # noqa: DTZ001
_CUSTOMERS = 2000
_DAYS = 180
_SNAPSHOT = "group:gold or group:dashboard"


@click.command()
@click.option(
    "--instacart",
    type=click.Path(path_type=Path),
    help="Use the public Instacart release in this folder instead of sample orders.",
)
def demo(instacart: Path | None) -> None:
    """Land orders, carry them through the lake, segment the customers and write their notifications."""
    started = time.monotonic()
    environment = _environment()
    heading("1. Landing")
    if instacart:
        land_instacart(instacart, _END, "saturday")
    else:
        land_sample(customers=_CUSTOMERS, days=_DAYS, end=_END, seed=7, dirty_share=0.002)
    days = landed_range()
    heading("2. Bronze and silver, one run for all dates")
    materialize(INGEST, days, "Materializing")
    heading("3. Gold as of the last date: features, segments, notifications; dashboard")
    materialize(_SNAPSHOT, DateRange(days.last, days.last), "Materializing")
    _print_results(days.last)
    _print_next(environment, time.monotonic() - started)


def _print_results(as_of: date) -> None:
    segments = segment_rows(as_of)
    heading(f"Customer segments as of {segments[0]['as_of_date']}")
    print_segments(segments)
    heading("Five notifications and the facts behind them")
    print_notifications(notification_rows(5, as_of))
    heading("Rows per table")
    print_table(["table", "rows"], [(table, f"{rows:,}") for table, rows in table_counts()], right=("rows",))
    heading("Where things are")
    say(f"  lake           {settings().lake_uri}")
    say(f"  landing files  {settings().landing_uri}")
    say(f"  dashboard      {dashboard_link()}")


def _print_next(environment: str, seconds: float) -> None:
    heading(f"Done in {seconds:.0f} s. Next")
    if environment:
        say(f"  export {environment}")
    for command, what in (
        ("make ui", "Dagster at http://localhost:3000: asset graph, runs, backfills"),
        (".venv/bin/cis show customer 5", "one customer, whole"),
        (".venv/bin/cis show notifications --limit 20", "more messages (--json for programs)"),
        (".venv/bin/cis show rejected", "rows that were set aside, and why"),
        (".venv/bin/cis backfill --help", "materialize other dates or tables"),
    ):
        say(f"  {command:<44} {what}")


def _environment() -> str:
    """The variables, as the user set them, that a next command needs to find the same lake."""
    names = ("CIS_LAKE_URI", "CIS_LANDING_URI", "CIS_FIRST_ORDER_DATE", "DAGSTER_HOME")
    return " ".join(f"{name}={os.environ[name]}" for name in names if os.environ.get(name))

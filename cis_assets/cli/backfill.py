"""`cis backfill`: materialize a range of order dates in one run."""

from __future__ import annotations

from datetime import date, datetime

import click

from cis_assets.cli.console import Refused, say
from cis_assets.dates import DateRange
from cis_assets.errors import OperatorError
from cis_assets.settings import settings

_DAY = click.DateTime(["%Y-%m-%d"])
INGEST = "group:bronze or group:silver or group:quality"


class DateOutsidePartitionsError(OperatorError):
    """A date lies outside the order dates of the asset graph."""


@click.command()
@click.option("--from", "first", type=_DAY, help="First order date (default: the first that has landed).")
@click.option("--to", "last", type=_DAY, help="Last order date (default: the last that has landed).")
@click.option("--select", default=INGEST, show_default=True, help="Which assets, in Dagster's selection syntax.")
def backfill(first: datetime | None, last: datetime | None, select: str) -> None:
    """Materialize order dates in one run, recorded where the Dagster UI shows it.

    The run covers every date from --from to --to. Gold tables are snapshots as of a day: to make those of one day,
    give that day twice and --select 'group:gold or group:dashboard'.
    """
    materialize(select, _asked_days(first, last), "Backfilling")


def _asked_days(first: datetime | None, last: datetime | None) -> DateRange:
    """The range of the options; where one is not given, the first or last complete order date that has landed."""
    if first and last:
        if last < first:
            raise DateOutsidePartitionsError(f"--to {last.date()} is before --from {first.date()}.")
        return DateRange(first.date(), last.date())
    landed = landed_range()
    newest = newest_complete_date()
    if landed.last > newest:
        say(f"Left for later: dates after {newest}, which are not over yet.")
    start, end = first.date() if first else landed.first, last.date() if last else min(landed.last, newest)
    if end < start:
        raise DateOutsidePartitionsError(f"No order date from {start} to {end} has landed.")
    return DateRange(start, end)


def landed_range() -> DateRange:
    """First to last order date that has landing files; OperatorError if there is none or a folder is no date."""
    from cis_assets.landing.folder import LandingError, LandingFolder

    landing_uri = settings().landing_uri
    dates = list(LandingFolder(landing_uri).order_dates())
    if not dates:
        raise LandingError(
            f"No order date has landed under {landing_uri}: put files there, or try `cis land sample --help`."
        )
    return DateRange(dates[0], dates[-1])


def materialize(selection: str, days: DateRange, label: str) -> str:
    """Run the selection for `days`; raise Refused with the failed steps' sentences unless it succeeds. Returns the run id."""
    from cis_assets.cli.runs import joined, run_assets

    refuse_dates_outside_partitions(days)
    say(f"{label} {selection} for {days} ...")
    outcome = run_assets(selection, days, label)
    for warning in outcome.warnings:
        say(f"Warning: {warning}")
    if outcome.failures:
        raise Refused(f"{joined(outcome.failures)} (run {outcome.run_id})")
    say(f"Done in run {outcome.run_id}.")
    return outcome.run_id


def refuse_dates_outside_partitions(days: DateRange) -> None:
    newest = newest_complete_date()
    if days.first < settings().first_order_date:
        raise DateOutsidePartitionsError(
            f"{days.first} is before the first order date {settings().first_order_date}: set CIS_FIRST_ORDER_DATE={days.first} or earlier."
        )
    if days.last > newest:
        raise DateOutsidePartitionsError(
            f"{days.last} is not over yet in time zone {settings().time_zone}: the last complete order date is {newest}."
        )


def newest_complete_date() -> date:
    """The last order date that is over in the time zone of the settings."""
    from cis_assets.defs.partitions import order_dates

    return date.fromisoformat(
        order_dates(settings()).get_last_partition_key() or settings().first_order_date.isoformat()
    )

"""`cis backfill`: materialize a range of order dates in one run."""

from datetime import date, timedelta

import click

from cis_assets.cli.console import DAY, Refused, say, with_settings
from cis_assets.dates import DateRange, today
from cis_assets.settings import Settings


@click.command()
@click.option("--from", "first", type=DAY, help="First order date (default: the first that has landed).")
@click.option("--to", "last", type=DAY, help="Last order date (default: the last that has landed).")
@click.option(
    "--select", help="Assets, in Dagster's selection syntax (default: the groups bronze, silver and quality)."
)
@with_settings
def backfill(settings: Settings, first: date | None, last: date | None, select: str | None) -> None:
    """Materialize order dates in one run. The Dagster UI shows the run.

    The run covers every date from --from to --to. `cis snapshot` makes the gold tables of a day.
    """
    from cis_assets.defs.jobs import INGEST

    if not (first and last):
        landed = find_landed_range(settings)
        newest = find_newest_complete_date(settings)
        if landed.last > newest:
            say(f"Left for later: dates after {newest}, which are not over yet.")
        first, last = first or landed.first, last or min(landed.last, newest)
        if last < first:
            raise Refused(f"No order date from {first} to {last} has landed.")
    if last < first:
        raise Refused(f"--to {last} is before --from {first}.")
    materialize(settings, select or INGEST, DateRange(first, last))


def find_landed_range(settings: Settings) -> DateRange:
    """Find the first and last order date with landing files. Raises Refused if there is none, LandingError if a folder is no date."""
    from cis_assets.landing.folder import LandingFolder

    dates = list(LandingFolder(settings.landing_uri).order_dates())
    if not dates:
        raise Refused(
            f"No order date has landed under {settings.landing_uri}: put files there, or try `cis land sample --help`."
        )
    return DateRange(dates[0], dates[-1])


def materialize(settings: Settings, selection: str, days: DateRange) -> None:
    """Run a selection for `days` and say so. Raises Refused unless the run succeeds."""
    from cis_assets.cli.runs import run_assets

    newest = find_newest_complete_date(settings)
    if days.first < settings.first_order_date:
        raise Refused(
            f"{days.first} is before the first order date {settings.first_order_date}: set CIS_FIRST_ORDER_DATE={days.first} or earlier."
        )
    if days.last > newest:
        raise Refused(
            f"{days.last} is not over yet in time zone {settings.time_zone}: the last complete order date is {newest}."
        )
    say(f"Materializing {selection} for {days} ...")
    say(f"Done in run {run_assets(settings, selection, days)}.")


def find_newest_complete_date(settings: Settings) -> date:
    """Find the newest order date that is over in the time zone of the settings."""
    return max(today(settings.time_zone) - timedelta(days=1), settings.first_order_date)

"""`cis land`: write landing files from a source."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from cis_assets.cli.console import progress, say
from cis_assets.settings import settings

_DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def land() -> None:
    """Write landing files under CIS_LANDING_URI."""


@land.command()
@click.option("--customers", default=2000, show_default=True, help="Customers who order.")
@click.option("--days", default=180, show_default=True, help="Order dates, ending with --end.")
@click.option("--end", type=_DAY, required=True, help="Last order date, YYYY-MM-DD.")
@click.option("--seed", default=7, show_default=True, help="Same seed, same files.")
@click.option("--dirty-share", default=0.002, show_default=True, help="Broken rows added, as a share of the good ones.")
def sample(customers: int, days: int, end: datetime, seed: int, dirty_share: float) -> None:
    """Invented orders of invented customers, believable in rhythm and basket."""
    land_sample(customers=customers, days=days, end=end, seed=seed, dirty_share=dirty_share)


@land.command()
@click.option("--source", type=click.Path(path_type=Path), required=True, help="Folder with the release's CSV files.")
@click.option("--end", type=_DAY, required=True, help="Day on which the release's story ends, YYYY-MM-DD.")
@click.option(
    "--weekday-zero",
    default="saturday",
    show_default=True,
    help="Weekday that order_dow 0 stands for (not said by the release).",
)
def instacart(source: Path, end: datetime, weekday_zero: str) -> None:
    """The public Instacart release of 2017, with calendar dates made from its weekdays and gaps."""
    land_instacart(source, end, weekday_zero)


def land_sample(*, customers: int, days: int, end: datetime, seed: int, dirty_share: float) -> None:
    from cis_assets.landing.sample import SampleOptions, SampleSource

    options = SampleOptions(customers=customers, days=days, end=end.date(), seed=seed, dirty_share=dirty_share)
    _land(SampleSource(options), "Landing sample orders")


def land_instacart(source: Path, end: datetime, weekday_zero: str) -> None:
    from cis_assets.landing.instacart import InstacartOptions, InstacartSource

    release = InstacartSource(InstacartOptions(source, end.date(), weekday_zero))
    _land(release, "Landing Instacart orders")
    say(f"Left out: {release.test_orders:,} orders of the test set, which have no lines.")
    if release.lines_left_out:
        say(f"Left out: {release.lines_left_out:,} lines of orders that are not in orders.csv, or are of the test set.")
    if release.contradicting_gaps:
        say(f"On {release.contradicting_gaps:,} orders the gap contradicts order_dow; the gap was taken.")
    say(
        f"Assumed: order_dow 0 is {weekday_zero.capitalize()}; each customer's last order lies in the four weeks before "
        f"{end.date()}; every customer has consented to notifications, since the release says nothing of consent."
    )


def _land(source, label: str) -> None:
    from cis_assets.landing.writer import land as write

    landing_uri = settings().landing_uri
    with progress(label, source.day_count) as advance:
        report = write(source, landing_uri, advance)
    say(
        f"Landed {report.orders:,} orders with {report.order_items:,} lines on {report.days:,} dates "
        f"({report.first} to {report.last}) under {landing_uri}."
    )
    if report.dirty_rows:
        say(f"{report.dirty_rows:,} further rows are broken on purpose; the lake sets them aside.")
    if report.first < settings().first_order_date:
        say(
            f"The first of these dates is before CIS_FIRST_ORDER_DATE ({settings().first_order_date}): "
            f"set CIS_FIRST_ORDER_DATE={report.first} to have them all in the lake."
        )

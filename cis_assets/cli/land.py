"""`cis land`: write landing files from a source."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cis_assets.cli.console import progress, say
from cis_assets.settings import settings

if TYPE_CHECKING:
    from cis_assets.sources.invoice_lines.landing import LinesReport

_DAY = click.DateTime(["%Y-%m-%d"])
_LISTS_NAMED = 3


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


@land.command()
@click.option("--mapping", required=True, help="TOML file, or the name of a shipped mapping such as online-retail.")
@click.option("--replace", is_flag=True, help="Let lines go that landed before and are not in these files.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FOLDER_OR_FILE...")
def lines(mapping: str, replace: bool, paths: tuple[Path, ...]) -> None:
    """CSV files with one row per invoice line, by a mapping of their columns (docs/your-data.md)."""
    land_invoice_lines(mapping, paths, replace=replace)


@land.command("id")
@click.option("--mapping", required=True, help="TOML file, or the name of a shipped mapping such as online-retail.")
@click.argument("kind", type=click.Choice(["order", "product", "customer"]))
@click.argument("key")
def id_command(mapping: str, kind: str, key: str) -> None:
    """Print the id that a key of invoice lines gets, for instance that of a customer who is to be shown."""
    from cis_assets.sources.invoice_lines.ids import id_of
    from cis_assets.sources.invoice_lines.mapping import read_mapping

    click.echo(id_of(kind, key.strip(), getattr(read_mapping(mapping).ids, kind)))


def land_sample(*, customers: int, days: int, end: datetime, seed: int, dirty_share: float) -> None:
    from cis_assets.sources.sample import SampleOptions, SampleSource

    options = SampleOptions(customers=customers, days=days, end=end.date(), seed=seed, dirty_share=dirty_share)
    _land(SampleSource(options), "Landing sample orders")


def land_instacart(source: Path, end: datetime, weekday_zero: str) -> None:
    from cis_assets.sources.instacart.source import InstacartOptions, InstacartSource

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


def land_invoice_lines(mapping_name: str, paths: Sequence[Path], *, replace: bool = False) -> None:
    from cis_assets.sources.invoice_lines.landing import land_lines
    from cis_assets.sources.invoice_lines.mapping import read_mapping
    from cis_assets.sources.invoice_lines.orders import read_lines

    landing_uri = settings().landing_uri
    mapping = read_mapping(mapping_name)
    read = read_lines(mapping, paths)
    with progress("Landing invoice lines", read.dates) as advance:
        report = land_lines(read, landing_uri, replace=replace, on_day=advance)
    say(f"Read {report.lines:,} lines of {report.files:,} files by the mapping {mapping_name}.")
    say(
        f"Landed {report.orders:,} orders with {report.order_items:,} lines on {report.days:,} dates "
        f"({report.first} to {report.last}) under {landing_uri}."
    )
    if report.days_left_alone:
        say(f"{report.days_left_alone:,} of these dates had landed before as they are; their files were left alone.")
    customers = f", {report.customers:,} customers" if mapping.customers.snapshot else ""
    say(f"Known there by now: {report.products:,} products{customers}.")
    _say_set_aside(report)
    if mapping.customers.snapshot:
        consent = "every customer has" if mapping.customers.push_consent else "no customer has"
        say(f"Assumed: {consent} consented to notifications (customers.push_consent of the mapping).")
    _say_next(report)


def _say_set_aside(report: LinesReport) -> None:
    for landed, what in (
        (False, "could not land, for want of a date"),
        (True, "landed as they are, and the lake will set them aside"),
    ):
        reasons = {reason: count for (reason, with_date), count in report.set_aside.items() if with_date == landed}
        if reasons:
            say(f"{sum(reasons.values()):,} lines {what}:")
            for reason, count in sorted(reasons.items(), key=lambda each: (-each[1], each[0])):
                say(f"  {count:>7,}  {reason}")
    if report.set_aside_files:
        further = len(report.set_aside_files) - _LISTS_NAMED
        more = f" and {further:,} more beside it" if further > 0 else ""
        named = ", ".join(report.set_aside_files[:_LISTS_NAMED])
        say(f"They are listed with file, line and text in {named}{more}.")


def _say_next(report: LinesReport) -> None:
    say("Next:")
    if report.first < settings().first_order_date:
        say(f"  export CIS_FIRST_ORDER_DATE={report.first}")
    say("  cis backfill")
    say(f"  cis backfill --from {report.last} --to {report.last} --select 'group:gold or group:dashboard'")


def _land(source, label: str) -> None:
    from cis_assets.sources.landing_writer import land as write

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

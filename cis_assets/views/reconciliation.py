"""The reconciliation of order dates and snapshots: what happened to each landed row, and which checks failed."""

from collections.abc import Collection
from datetime import date

import polars as pl

from cis_assets.catalog import Table, bronze, quality, silver
from cis_assets.dates import DAYS_AT_ONCE, DateRange
from cis_assets.errors import OperatorError
from cis_assets.lake.lake import Lake
from cis_assets.lake.quarantine import quarantined_dates
from cis_assets.quality import snapshots
from cis_assets.quality.reconciliation import DatedTables, find_dates_without_silver, reconciliation


class NoDateReadError(OperatorError):
    """No landing file of the dates asked for was read."""


def find_read_range(lake: Lake, first: date | None = None, last: date | None = None) -> DateRange:
    """The order dates from `first` to `last` (default: the first and last that were read). Raises NoDateReadError."""
    read = lake.figures(bronze.LANDED_FILES).days if lake.exists(bronze.LANDED_FILES) else ()
    if not read:
        raise NoDateReadError("No landing file was read yet: run `cis backfill` first.")
    start, end = first or min(read), last or max(read)
    if end < start:
        raise NoDateReadError(f"No order date from {start} to {end} was read.")
    return DateRange(start, end)


def list_unreadable_dates(lake: Lake, days: DateRange) -> dict[date, str]:
    """List the dates whose landing files cannot be read, with the reasons."""
    return quarantined_dates(lake, [bronze.LANDED_FILES.path], days)


def list_quarantined_dates(lake: Lake, days: DateRange) -> dict[date, str]:
    """List the dates that are unreadable or that a check blocks, with the reasons."""
    return quarantined_dates(lake, [bronze.LANDED_FILES.path, quality.DATE_CHECKS.path], days)


def list_failed_checks(lake: Lake, days: DateRange) -> pl.DataFrame:
    """List the checks that failed, those that quarantine a date first."""
    failed = _scan(lake, quality.DATE_CHECKS, days).filter(~pl.col("passed"))
    return failed.sort(pl.col("fault").is_null(), "order_date", "check").collect()


def list_pending_dates(lake: Lake, days: DateRange, counts: pl.DataFrame) -> list[date]:
    """List the dates that are read and not yet in silver. A date that was checked was in silver, so its rows are missing."""
    checked = _scan(lake, quality.DATE_CHECKS, days).select("order_date").unique().collect()
    return sorted(set(find_dates_without_silver(counts)) - set(checked["order_date"]))


def reconcile(lake: Lake, days: DateRange) -> pl.DataFrame:
    """Count the landed rows per date and source table, and where they are now, without unreadable dates."""
    unreadable = list_unreadable_dates(lake, days)
    return pl.concat(_reconcile(lake, chunk, unreadable) for chunk in days.chunks(DAYS_AT_ONCE))


def _reconcile(lake: Lake, days: DateRange, unreadable: Collection[date]) -> pl.DataFrame:
    tables = DatedTables(
        landed_files=_scan(lake, bronze.LANDED_FILES, days),
        bronze={table.name: _scan(lake, table, days) for table in (bronze.ORDERS, bronze.ORDER_ITEMS)},
        bronze_rejected=_scan(lake, bronze.REJECTED_ROWS, days),
        silver={table.name: _scan(lake, table, days) for table in (silver.ORDERS, silver.ORDER_ITEMS)},
        returned=_scan(lake, silver.RETURNED_ITEMS, days),
        silver_rejected=_scan(lake, silver.REJECTED_ROWS, days),
    )
    return reconciliation(tables, [day for day in days if day not in unreadable])


def list_landed_snapshots(lake: Lake) -> pl.DataFrame:
    """List the snapshots that were read, oldest first: the rows of bronze/landed_snapshots."""
    return _scan(lake, bronze.LANDED_SNAPSHOTS).sort("source_table", "arrived_at", "snapshot").collect()


def list_snapshot_faults(lake: Lake) -> dict[str, str]:
    """List the landing tables whose newest snapshot is not in force, each with the reason."""
    landed = list_landed_snapshots(lake)
    faults = {name: snapshots.describe_fault(landed, name) for name in landed["source_table"].unique().sort()}
    return {name: fault for name, fault in faults.items() if fault}


def reconcile_snapshots(lake: Lake) -> pl.DataFrame:
    """Count the landed rows of the snapshots in force, and where they are now."""
    judged = [
        (bronze.PRODUCTS, silver.PRODUCTS),
        (bronze.CUSTOMERS, silver.CUSTOMERS),
        (bronze.OFFERS, silver.OFFERS),
        (bronze.OFFER_AUDIENCE, silver.OFFER_AUDIENCE),
    ]
    return snapshots.reconcile(
        snapshots.SnapshotTables(
            landed_snapshots=_scan(lake, bronze.LANDED_SNAPSHOTS),
            bronze_rejected=_scan(lake, bronze.REJECTED_SNAPSHOT_ROWS),
            silver_rejected=_scan(lake, silver.REJECTED_SNAPSHOT_ROWS),
            bronze={
                landed.name: _scan(lake, landed)
                for landed in (bronze.AISLES, bronze.DEPARTMENTS, *(landed for landed, _ in judged))
            },
            silver={landed.name: _scan(lake, valid) for landed, valid in judged},
        )
    )


def _scan(lake: Lake, table: Table, days: DateRange | None = None) -> pl.LazyFrame:
    return lake.scan(table, days) if lake.exists(table) else table.empty().lazy()

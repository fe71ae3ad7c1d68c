"""Remove the undelivered messages of customers who have no consent any more."""

from datetime import date

import narwhals as nw
import polars as pl

from cis_assets.catalog import AS_OF_DATE, bronze, gold, silver
from cis_assets.dates import DateRange
from cis_assets.lake.lake import Lake
from cis_assets.lake.row_removal import keep_rows
from cis_assets.lake.slices import Slice
from cis_assets.notifications.consent import consenting_customers


def withdraw_messages(lake: Lake) -> tuple[date | None, int]:
    """Remove the messages of the newest snapshot whose customers have no consent, with the facts behind them.

    Return the day of that snapshot, and the number of removed messages. Messages of earlier snapshots are past their send
    date and stay as a record.
    """
    stored = [table for table in (gold.NOTIFICATION_CONTEXTS, gold.NOTIFICATIONS) if lake.exists(table)]
    newest = max((day for table in stored for day in lake.figures(table).days), default=None)
    if newest is None:
        return None, 0
    customers = nw.from_native(lake.scan(silver.CUSTOMERS))
    consenting = consenting_customers(customers, lake.scan(bronze.LANDED_SNAPSHOTS)).to_native()
    agreed = consenting.select("customer_id").collect(engine="streaming").lazy()

    def keep(rows: pl.LazyFrame) -> pl.LazyFrame:
        return rows.join(agreed, on="customer_id", how="semi")

    removed = {
        table: keep_rows(lake, table, Slice.of_days(table, DateRange(newest, newest)), keep)
        for table in stored
        if AS_OF_DATE in table.partition_by
    }
    return newest, removed.get(gold.NOTIFICATIONS, 0)

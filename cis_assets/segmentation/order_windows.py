"""Building blocks of engine-neutral transformations: windows of days, groups of customers, first rows, catalog types."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise

import narwhals as nw

from cis_assets.catalog import Table
from cis_assets.dates import EPOCH, DateRange, day_number


def snapshot_window(rows: nw.LazyFrame, window: DateRange) -> nw.LazyFrame:
    """The rows whose `day_number` is in the window."""
    return rows.filter(
        nw.col("day_number") >= day_number(window.first), nw.col("day_number") <= day_number(window.last)
    )


def customer_bounds(orders: nw.LazyFrame, groups: int) -> list[int]:
    """Customer ids that split customers into at most `groups` ranges with about equal numbers of orders, ascending.

    Each id is the first of a range of `customer_groups`; the first range has none.
    """
    if groups <= 1:
        return []
    customers = orders.select("customer_id").collect(backend="polars")["customer_id"].sort().to_native()
    return sorted({customers[len(customers) * group // groups] for group in range(1, groups)}) if len(customers) else []


def customer_groups(rows: nw.LazyFrame, bounds: Sequence[int]) -> list[nw.LazyFrame]:
    """Split the rows into ranges of customers: one below the first of `bounds`, and one from each of `bounds`.

    Ranges are cheaper to filter than remainders.
    """
    customer = nw.col("customer_id")
    groups = []
    for first, end in pairwise([None, *bounds, None]):
        group = rows if first is None else rows.filter(customer >= first)
        groups.append(group if end is None else group.filter(customer < end))
    return groups


def gaps_between_orders(orders: nw.LazyFrame) -> nw.LazyFrame:
    """The orders that follow another one of the same customer, with `gap_days`, the days since that order.

    Two orders on the same date are 0 days apart.
    """
    previous = nw.col("day_number").shift(1).over("customer_id", order_by=["day_number", "order_of_day"])
    return orders.with_columns(gap_days=nw.col("day_number") - previous).filter(~nw.col("gap_days").is_null())


def newest_order_date(orders: nw.LazyFrame, as_of: date) -> date | None:
    """The last date up to `as_of` with an order in the frame; None without any."""
    newest = orders.filter(nw.col("day_number") <= day_number(as_of)).select(nw.col("day_number").max())
    number = newest.collect(backend="polars").item()
    return None if number is None else EPOCH + timedelta(days=number)


def first_by(
    rows: nw.LazyFrame, key: str | Sequence[str], *, descending: Sequence[str], ascending: str
) -> nw.LazyFrame:
    """One row per key: the largest by the columns `descending`, in that order, then the smallest by `ascending`.

    `ascending` must be unique among rows of a key that are equal in `descending`; otherwise all of them remain. It
    uses window maxima and filters, because engines differ in rankings.
    """
    for column in descending:
        rows = rows.filter(nw.col(column) == nw.col(column).max().over(key))
    return rows.filter(nw.col(ascending) == nw.col(ascending).min().over(key))


def conform(table: Table, rows: nw.LazyFrame) -> nw.LazyFrame:
    """Select the table's columns in catalog order, cast to catalog types (engines differ in the types of counts)."""
    dtypes = nw.Schema.from_polars(table.dtypes)
    return rows.select(nw.col(name).cast(dtype) for name, dtype in dtypes.items())

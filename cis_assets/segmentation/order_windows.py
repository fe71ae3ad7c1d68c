"""Building blocks of engine-neutral transformations: windows of days, top rows, the catalog's types."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise

import narwhals as nw

from cis_assets.catalog import Table
from cis_assets.dates import EPOCH, DateRange, day_number


def snapshot_window(rows: nw.LazyFrame, window: DateRange) -> nw.LazyFrame:
    """Rows whose `day_number` lies in the window."""
    return rows.filter(
        nw.col("day_number") >= day_number(window.first), nw.col("day_number") <= day_number(window.last)
    )


def customer_bounds(orders: nw.LazyFrame, groups: int) -> list[int]:
    """Numbers of customers that part these into `groups` ranges with about as many orders each, in order.

    Fewer of them if there are not as many customers. A group of `customer_groups` begins with each.
    """
    if groups <= 1:
        return []
    customers = orders.select("customer_id").collect(backend="polars")["customer_id"].sort().to_native()
    return sorted({customers[len(customers) * group // groups] for group in range(1, groups)}) if len(customers) else []


def customer_groups(rows: nw.LazyFrame, bounds: Sequence[int]) -> list[nw.LazyFrame]:
    """The rows parted by ranges of customers, which begin with each of `bounds`, and one before the first of them.

    Ranges rather than remainders, since they cost little to be looked for.
    """
    customer = nw.col("customer_id")
    groups = []
    for first, end in pairwise([None, *bounds, None]):
        group = rows if first is None else rows.filter(customer >= first)
        groups.append(group if end is None else group.filter(customer < end))
    return groups


def gaps_between_orders(orders: nw.LazyFrame) -> nw.LazyFrame:
    """Orders of the frame that have one of the same customer before them, with `gap_days`, the days in between.

    Two orders of one date are 0 days apart.
    """
    previous = nw.col("day_number").shift(1).over("customer_id", order_by=["day_number", "order_of_day"])
    return orders.with_columns(gap_days=nw.col("day_number") - previous).filter(~nw.col("gap_days").is_null())


def newest_order_date(orders: nw.LazyFrame, as_of: date) -> date | None:
    """The last date up to `as_of` that has an order in the frame; None if there is none."""
    newest = orders.filter(nw.col("day_number") <= day_number(as_of)).select(nw.col("day_number").max())
    number = newest.collect(backend="polars").item()
    return None if number is None else EPOCH + timedelta(days=number)


def first_by(rows: nw.LazyFrame, key: str, *, descending: Sequence[str], ascending: str) -> nw.LazyFrame:
    """One row per key: the largest by `descending`, in that order, then the smallest by `ascending`.

    `ascending` must differ between rows of a key that are equal in all of `descending`; else they all stay.

    Written with window maxima and filters, which all engines share, where a ranking would not be.
    """
    for column in descending:
        rows = rows.filter(nw.col(column) == nw.col(column).max().over(key))
    return rows.filter(nw.col(ascending) == nw.col(ascending).min().over(key))


def conform(table: Table, rows: nw.LazyFrame) -> nw.LazyFrame:
    """The table's columns in catalog order, cast to the catalog's types (engines differ in the types of counts)."""
    dtypes = nw.Schema.from_polars(table.dtypes)
    return rows.select(nw.col(name).cast(dtype) for name, dtype in dtypes.items())

"""When and how often the customers of each segment order, on any engine.

Belongs here: counts of orders by weekday, hour and gap. Does not belong here: drawing them (see `dashboard`).
Each function takes rows of silver/orders and gold/customer_segments, at least those of the trailing window up to
`as_of`; it looks at no others, so larger frames are safe. Orders of customers without a segment are left out.
"""

from __future__ import annotations

from datetime import date

import narwhals as nw

from cis_assets.catalog import AS_OF_DATE, Table
from cis_assets.catalog.gold import ORDER_FREQUENCY, ORDER_PATTERNS
from cis_assets.catalog.snapshots import segment_members
from cis_assets.dates import trailing_window
from cis_assets.segmentation.order_windows import conform, gaps_between_orders, snapshot_window

_SEGMENT = ("segment_id", "segment_name")


def order_patterns(orders: nw.LazyFrame, segments: nw.LazyFrame, *, as_of: date, history_days: int) -> nw.LazyFrame:
    """Orders of the window by segment, weekday and hour: the rows of gold/order_patterns, in no order."""
    window = snapshot_window(orders, trailing_window(as_of, history_days)).select(
        "customer_id", "order_weekday", "order_hour"
    )
    counted = (
        window.join(segment_members(segments, as_of), on="customer_id", how="inner")
        .group_by(*_SEGMENT, "order_weekday", "order_hour")
        .agg(nw.len().alias("order_count"))
    )
    return _as_of(as_of, ORDER_PATTERNS, counted)


def order_frequency(orders: nw.LazyFrame, segments: nw.LazyFrame, *, as_of: date, history_days: int) -> nw.LazyFrame:
    """Orders of the window by segment and days since the customer's order before: the rows of gold/order_frequency.

    A customer's first order in the window has no order before it and is not counted; two orders of one day are 0 days
    apart. The rows are in no order.
    """
    gaps = gaps_between_orders(snapshot_window(orders, trailing_window(as_of, history_days)))
    counted = (
        gaps.select("customer_id", "gap_days")
        .join(segment_members(segments, as_of), on="customer_id", how="inner")
        .group_by(*_SEGMENT, "gap_days")
        .agg(nw.len().alias("order_count"))
    )
    return _as_of(as_of, ORDER_FREQUENCY, counted)


def _as_of(day: date, table: Table, rows: nw.LazyFrame) -> nw.LazyFrame:
    return conform(table, rows.with_columns(nw.lit(day, dtype=nw.Date).alias(AS_OF_DATE)))

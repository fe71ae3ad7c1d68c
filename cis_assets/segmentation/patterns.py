"""Counts orders of each segment by weekday, hour and gap, on any engine.

Each function takes rows of silver/orders and gold/customer_segments. It ignores rows outside the trailing window that
ends with `as_of`, and orders of customers without a segment.
"""

from collections.abc import Sequence
from datetime import date

import narwhals as nw

from cis_assets.catalog import AS_OF_DATE, Table
from cis_assets.catalog.gold import ORDER_FREQUENCY, ORDER_PATTERNS
from cis_assets.catalog.snapshots import segment_members
from cis_assets.dates import trailing_window
from cis_assets.segmentation.order_windows import conform, gaps_between_orders, snapshot_window


def order_patterns(orders: nw.LazyFrame, segments: nw.LazyFrame, *, as_of: date, history_days: int) -> nw.LazyFrame:
    """Orders of the window by segment, weekday and hour: the rows of gold/order_patterns, unsorted."""
    window = snapshot_window(orders, trailing_window(as_of, history_days))
    return _count_orders(ORDER_PATTERNS, window, segments, as_of, "order_weekday", "order_hour")


def order_frequency(orders: nw.LazyFrame, segments: nw.LazyFrame, *, as_of: date, history_days: int) -> nw.LazyFrame:
    """Orders of the window by segment and days since the customer's previous order: the rows of gold/order_frequency.

    A customer's first order in the window is not counted. Two orders on the same date are 0 days apart. Orders whose gap
    the source caps are counted apart too. Unsorted.
    """
    gaps = gaps_between_orders(snapshot_window(orders, trailing_window(as_of, history_days)))
    is_capped = nw.when(nw.col("gap_is_minimum")).then(nw.lit(1)).otherwise(nw.lit(0))
    capped = nw.col("is_capped").sum().alias("capped_order_count")
    return _count_orders(
        ORDER_FREQUENCY, gaps.with_columns(is_capped=is_capped), segments, as_of, "gap_days", figures=[capped]
    )


def _count_orders(
    table: Table,
    orders: nw.LazyFrame,
    segments: nw.LazyFrame,
    as_of: date,
    *columns: str,
    figures: Sequence[nw.Expr] = (),
) -> nw.LazyFrame:
    counted = (
        orders.join(segment_members(segments, as_of), on="customer_id", how="inner")
        .group_by("segment_id", "segment_name", *columns)
        .agg(nw.len().alias("order_count"), *figures)
    )
    return conform(table, counted.with_columns(nw.lit(as_of, dtype=nw.Date).alias(AS_OF_DATE)))

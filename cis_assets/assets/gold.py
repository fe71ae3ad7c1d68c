"""Gold: what the shop knows of each customer as of a day.

Each snapshot looks back over the trailing window of orders (`CIS_HISTORY_DAYS`) and at no order after its day.
"""

import math
from datetime import date

import dagster as dg
import narwhals as nw
import polars as pl

from cis_assets.assets.partitioning import TRAILING_WINDOW, days_of
from cis_assets.assets.tables import asset_key, table_asset, table_in
from cis_assets.catalog import ORDER_DATE, gold, quality, silver
from cis_assets.engines.parts import LazyParts
from cis_assets.lake.row_counts import RowCountsResource
from cis_assets.partitions import trailing_window
from cis_assets.settings import settings
from cis_assets.transforms import customer_features as features_transform
from cis_assets.transforms.windows import customer_bounds, customer_groups, newest_order_date

# Products are counted by customer, which takes about 100 bytes of memory for each line: several passes over some customers
# each need less of it, and hardly more time.
_LINES_AT_ONCE = 9_000_000


@dg.asset(
    **table_asset(gold.CUSTOMER_FEATURES, "narwhals"),
    # Its verdicts hold dates back, so in a run of both they must be known first.
    deps=[asset_key(quality.DATE_CHECKS)],
    ins={
        "orders": table_in(silver.ORDERS, partition_mapping=TRAILING_WINDOW),
        "order_items": table_in(silver.ORDER_ITEMS, partition_mapping=TRAILING_WINDOW),
    },
)
def customer_features(
    context: dg.AssetExecutionContext, row_counts: RowCountsResource, orders: nw.LazyFrame, order_items: nw.LazyFrame
) -> LazyParts:
    last = days_of(context)[-1]
    newest = newest_order_date(orders, last)
    if newest and newest < last:
        context.log.warning(
            f"silver/orders has no order after {newest}: the snapshot of {last} takes the days since for days without orders."
        )
    # Another engine shares out its work and its memory itself.
    lines = row_counts.per_day(silver.ORDER_ITEMS) if order_items.implementation.is_polars() else None
    return LazyParts.of(
        features_transform.customer_features(some_orders, some_items, day, settings().history_days)
        for day in days_of(context)
        for bounds in (customer_bounds(orders, 1 if lines is None else _groups(lines, day)),)
        for some_orders, some_items in zip(
            customer_groups(orders, bounds), customer_groups(order_items, bounds), strict=True
        )
    )


def _groups(lines_per_day: pl.DataFrame, day: date) -> int:
    """In how many groups of customers the order lines of the window are gone through."""
    window = trailing_window(day, settings().history_days)
    lines = lines_per_day.filter(pl.col(ORDER_DATE).is_between(window.first, window.last))["rows"].sum()
    return max(1, math.ceil(lines / _LINES_AT_ONCE))


ASSETS = [customer_features]

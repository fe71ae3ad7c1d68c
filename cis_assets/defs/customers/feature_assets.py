"""Gold: what the shop knows of each customer as of a day.

Each snapshot looks back over the trailing window of orders (`CIS_HISTORY_DAYS`) and at no order after its day.
"""

import dagster as dg
import narwhals as nw
import polars as pl

from cis_assets.catalog import ORDER_DATE, gold, quality, silver
from cis_assets.dates import DateRange, trailing_window
from cis_assets.defs.partitions import TRAILING_WINDOW, days_of
from cis_assets.defs.tables import asset_key, table_asset, table_in
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.row_counts import RowCountsResource
from cis_assets.segmentation import customer_features as features_transform
from cis_assets.segmentation.order_windows import newest_order_date
from cis_assets.settings import settings


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
) -> LazyChunks:
    last = days_of(context)[-1]
    newest = newest_order_date(orders, last)
    if newest and newest < last:
        context.log.warning(
            f"silver/orders has no order after {newest}: the snapshot of {last} takes the days since for days without orders."
        )
    history_days = settings().history_days
    if not order_items.implementation.is_polars():
        return LazyChunks.of(
            features_transform.customer_features(orders, order_items, day, history_days) for day in days_of(context)
        )
    lines = row_counts.per_day(silver.ORDER_ITEMS)
    return LazyChunks.of(
        part
        for day in days_of(context)
        for part in features_transform.customer_features_in_chunks(
            orders, order_items, day, history_days, _rows_in(lines, trailing_window(day, history_days))
        )
    )


def _rows_in(rows_per_day: pl.DataFrame, window: DateRange) -> int:
    return int(rows_per_day.filter(pl.col(ORDER_DATE).is_between(window.first, window.last))["rows"].sum())


ASSETS = [customer_features]

"""Segments: which kinds of customers there are, who belongs to which, and what each kind is like.

The model is trained on the newest snapshot of customer_features and kept as rows of gold/segment_model; it is
applied to the snapshot of any day from there, so that yesterday's customers can be placed by today's model.
"""

import dagster as dg
import narwhals as nw
import polars as pl

from cis_assets.catalog import AS_OF_DATE, gold, silver
from cis_assets.defs.partitions import EVERY_DAY, TRAILING_WINDOW, days_of, newest_day
from cis_assets.defs.tables import table_asset, table_in
from cis_assets.lake.chunks import LazyChunks
from cis_assets.segmentation import patterns, profiles
from cis_assets.segmentation.assignment import assign_segments
from cis_assets.segmentation.features import CLUSTERED_FEATURES
from cis_assets.segmentation.model import train_segment_model
from cis_assets.settings import settings

_OWNER = "team:data-science"
_ORDERS_WINDOW = table_in(silver.ORDERS, partition_mapping=TRAILING_WINDOW)


@dg.asset(
    **table_asset(gold.SEGMENT_MODEL, "scikitlearn", owner=_OWNER),
    ins={"features": table_in(gold.CUSTOMER_FEATURES, partition_mapping=EVERY_DAY)},
)
def segment_model(context: dg.AssetExecutionContext, features: pl.LazyFrame) -> pl.DataFrame:
    newest = newest_day(features)
    model = train_segment_model(
        features.filter(pl.col(AS_OF_DATE) == newest).select(AS_OF_DATE, "customer_id", *CLUSTERED_FEATURES).collect(),
        segments_min=settings().segments_min,
        segments_max=settings().segments_max,
        seed=settings().seed,
    )
    context.add_output_metadata(
        {"trained_as_of": str(newest), "segments": model.height, "silhouette": model["silhouette"][0]}
    )
    return model


@dg.asset(
    **table_asset(gold.CUSTOMER_SEGMENTS, "polars", owner=_OWNER),
    ins={"features": table_in(gold.CUSTOMER_FEATURES), "model": table_in(gold.SEGMENT_MODEL)},
)
def customer_segments(features: pl.LazyFrame, model: pl.DataFrame) -> pl.DataFrame:
    return assign_segments(features, model)


@dg.asset(
    **table_asset(gold.SEGMENT_PROFILES, "narwhals", owner=_OWNER),
    ins={
        "features": table_in(gold.CUSTOMER_FEATURES),
        "segments": table_in(gold.CUSTOMER_SEGMENTS),
        "model": table_in(gold.SEGMENT_MODEL),
        "order_items": table_in(silver.ORDER_ITEMS, partition_mapping=TRAILING_WINDOW),
        "products": table_in(silver.PRODUCTS),
    },
)
def segment_profiles(
    context: dg.AssetExecutionContext,
    features: nw.LazyFrame,
    segments: nw.LazyFrame,
    model: pl.DataFrame,
    order_items: nw.LazyFrame,
    products: nw.LazyFrame,
) -> pl.DataFrame:
    return pl.concat(
        [
            profiles.profile_segments(
                features, segments, model, order_items, products, as_of=day, history_days=settings().history_days
            )
            for day in days_of(context)
        ]
    )


@dg.asset(
    **table_asset(gold.ORDER_PATTERNS, "narwhals", owner=_OWNER),
    ins={"orders": _ORDERS_WINDOW, "segments": table_in(gold.CUSTOMER_SEGMENTS)},
)
def order_patterns(context: dg.AssetExecutionContext, orders: nw.LazyFrame, segments: nw.LazyFrame) -> LazyChunks:
    return LazyChunks.of(
        patterns.order_patterns(orders, segments, as_of=day, history_days=settings().history_days)
        for day in days_of(context)
    )


@dg.asset(
    **table_asset(gold.ORDER_FREQUENCY, "narwhals", owner=_OWNER),
    ins={"orders": _ORDERS_WINDOW, "segments": table_in(gold.CUSTOMER_SEGMENTS)},
)
def order_frequency(context: dg.AssetExecutionContext, orders: nw.LazyFrame, segments: nw.LazyFrame) -> LazyChunks:
    return LazyChunks.of(
        patterns.order_frequency(orders, segments, as_of=day, history_days=settings().history_days)
        for day in days_of(context)
    )


ASSETS = [segment_model, customer_segments, segment_profiles, order_patterns, order_frequency]

"""Assigns the customers of any snapshot to the segments of the version that serves it, with their RFM scores."""

import polars as pl

from cis_assets.catalog import AS_OF_DATE
from cis_assets.catalog.gold import CUSTOMER_SEGMENTS
from cis_assets.segmentation.centers import SegmentCenters, nearest_and_next_centers
from cis_assets.segmentation.features import feature_matrix
from cis_assets.segmentation.habits import FEWEST_ORDERS
from cis_assets.segmentation.naming import NEW_CUSTOMERS
from cis_assets.segmentation.rfm import rfm_scores
from cis_assets.segmentation.versions import serving

NEW_CUSTOMERS_ID = 0
_RFM_COLUMNS = ("recency_days", "order_count", "mean_basket_size", "total_spend")


def assign_segments(features: pl.LazyFrame, habits: pl.LazyFrame, models: pl.DataFrame) -> pl.DataFrame:
    """The segment and RFM scores of every customer of one or many snapshots: the rows of gold/customer_segments.

    `features` and `habits` are rows of gold/customer_features and gold/customer_habits with the same customers; `models`
    are all rows of gold/segment_model. Each customer gets the segment with the nearest center in scaled habits (ties: the
    smaller id), and segment 0 with fewer than four orders. RFM scores compare customers of the same snapshot only.
    One snapshot at a time is in memory. Sorted by as_of_date and customer_id.

    Raises SegmentModelError if no version was promoted or a version is incomplete, and MissingFeatureError if `habits`
    lacks a habit of the version.
    """
    days = features.select(pl.col(AS_OF_DATE).unique().sort()).collect().to_series()
    placed = []
    for day in days:
        of_day = pl.col(AS_OF_DATE) == day
        scored = rfm_scores(features.filter(of_day).select("customer_id", *_RFM_COLUMNS).collect())
        own = habits.filter(of_day).collect().sort("customer_id")
        placed.append(place_customers(own, serving(models, day)).join(scored, on="customer_id", maintain_order="left"))
    return pl.concat([CUSTOMER_SEGMENTS.empty(), *map(_conform, placed)])


def place_customers(habits: pl.DataFrame, model: pl.DataFrame) -> pl.DataFrame:
    """Segment, distance and margin of each customer of one snapshot of habits, by one version of gold/segment_model."""
    centers = SegmentCenters.from_model(model)
    scaled = centers.scaling.transform(feature_matrix(habits, centers.scaling.names))
    nearest, distance, second = nearest_and_next_centers(scaled, centers.centroids)
    place, is_new = pl.Series(nearest), pl.col("order_count") < FEWEST_ORDERS
    ids, names = (pl.Series(each).gather(place) for each in (centers.segment_ids, centers.segment_names))
    margin = pl.Series(second - distance).fill_nan(None)
    return habits.select(
        AS_OF_DATE,
        "customer_id",
        pl.when(is_new).then(pl.lit(NEW_CUSTOMERS_ID)).otherwise(ids).alias("segment_id"),
        pl.when(is_new).then(pl.lit(NEW_CUSTOMERS)).otherwise(names).alias("segment_name"),
        pl.lit(centers.version).alias("model_version"),
        pl.lit(model["trained_as_of"][0]).alias("trained_as_of"),
        pl.when(~is_new).then(pl.Series(distance)).alias("distance"),
        pl.when(~is_new).then(margin).alias("margin"),
    )


def _conform(rows: pl.DataFrame) -> pl.DataFrame:
    return CUSTOMER_SEGMENTS.conform(rows.lazy()).collect()

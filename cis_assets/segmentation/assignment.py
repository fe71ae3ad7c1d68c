"""Assigns the customers of any snapshot to the segments of a trained model, with their RFM scores."""

import numpy as np
import polars as pl

from cis_assets.catalog import AS_OF_DATE
from cis_assets.catalog.gold import CUSTOMER_SEGMENTS
from cis_assets.segmentation.centers import SegmentCenters, nearest_centers
from cis_assets.segmentation.features import feature_matrix
from cis_assets.segmentation.rfm import rfm_scores

CUSTOMERS_PER_CHUNK = 1_000_000
_RFM_COLUMNS = ("recency_days", "order_count", "mean_basket_size", "total_spend")


def assign_segments(
    features: pl.DataFrame | pl.LazyFrame, model: pl.DataFrame, *, customers_per_chunk: int = CUSTOMERS_PER_CHUNK
) -> pl.DataFrame:
    """The segment and RFM scores of every customer of one or many snapshots: the rows of gold/customer_segments.

    `features` are rows of gold/customer_features, `model` the rows of gold/segment_model. Each customer gets the
    segment with the nearest center in scaled features (ties: the smaller id). RFM scores compare customers of the
    same snapshot only. A lazy frame is read once per snapshot, so only one snapshot and the result are in memory, and
    scaled features of `customers_per_chunk` customers. Sorted by as_of_date and customer_id.

    Raises SegmentModelError if the model is empty or incomplete, and MissingFeatureError if `features` lacks a
    feature of the model.
    """
    centers = SegmentCenters.from_model(model)
    lazy = features.lazy()
    present = set(lazy.collect_schema().names())
    wanted = {AS_OF_DATE, "customer_id", *_RFM_COLUMNS, *centers.scaling.names} & present
    days = lazy.select(pl.col(AS_OF_DATE).unique().sort()).collect().to_series()
    placed = [
        _assign_snapshot(
            lazy.filter(pl.col(AS_OF_DATE) == day).select(sorted(wanted)).collect(), centers, customers_per_chunk
        )
        for day in days
    ]
    return pl.concat([CUSTOMER_SEGMENTS.empty(), *placed])


def _assign_snapshot(snapshot: pl.DataFrame, centers: SegmentCenters, customers_per_chunk: int) -> pl.DataFrame:
    names = centers.scaling.names
    chunks = [
        nearest_centers(centers.scaling.transform(feature_matrix(chunk, names)), centers.centroids)
        for chunk in (snapshot.iter_slices(customers_per_chunk) if snapshot.height else (snapshot,))
    ]
    nearest, distance = (np.concatenate(results) for results in zip(*chunks, strict=True))
    place = pl.Series("place", nearest)
    return CUSTOMER_SEGMENTS.conform(
        snapshot.lazy()
        .select(AS_OF_DATE, "customer_id")
        .with_columns(
            pl.Series("segment_id", centers.segment_ids).gather(place),
            pl.Series("segment_name", centers.segment_names).gather(place),
            pl.Series("distance", distance),
            pl.lit(centers.trained_as_of).alias("trained_as_of"),
            *rfm_scores(snapshot).drop("customer_id"),
        )
        .sort("customer_id")
    ).collect()

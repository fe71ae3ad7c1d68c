"""Placing the customers of any snapshot in the segments of a trained model.

Belongs here: nearest centres and the RFM scores beside them. Does not belong here: training (see `model`).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from cis_assets.catalog import AS_OF_DATE
from cis_assets.catalog.gold import CUSTOMER_SEGMENTS
from cis_assets.segmentation.centres import SegmentCentres, nearest_centres
from cis_assets.segmentation.features import feature_matrix
from cis_assets.segmentation.rfm import rfm_scores

_CUSTOMERS_AT_ONCE = 1_000_000
_RFM_COLUMNS = ("recency_days", "order_count", "mean_basket_size", "total_spend")


def assign_segments(features: pl.DataFrame | pl.LazyFrame, model: pl.DataFrame) -> pl.DataFrame:
    """The segment and RFM scores of every customer of one or many snapshots: the rows of gold/customer_segments.

    `features` are rows of gold/customer_features, `model` those of gold/segment_model. Each customer goes to the
    segment with the nearest centre in scaled features (ties: the smaller id). RFM scores compare customers of the
    same snapshot only. A lazy frame is read once per snapshot, so that only one snapshot is in memory at a time beside
    the result. Sorted by as_of_date and customer_id, whatever the order of the rows given.

    Raises SegmentModelError if the model is empty or incomplete, MissingFeatureError if it needs a feature that
    `features` lacks.
    """
    centres = SegmentCentres.from_model(model)
    lazy = features.lazy()
    present = set(lazy.collect_schema().names())
    wanted = {AS_OF_DATE, "customer_id", *_RFM_COLUMNS, *centres.scaling.names} & present
    days = lazy.select(pl.col(AS_OF_DATE).unique().sort()).collect().to_series()
    placed = [
        _assign_snapshot(lazy.filter(pl.col(AS_OF_DATE) == day).select(sorted(wanted)).collect(), centres)
        for day in days
    ]
    return pl.concat([CUSTOMER_SEGMENTS.empty(), *placed])


def _assign_snapshot(snapshot: pl.DataFrame, centres: SegmentCentres) -> pl.DataFrame:
    nearest, distance = _nearest(snapshot, centres)
    place = pl.Series("place", nearest)
    return CUSTOMER_SEGMENTS.conform(
        snapshot.lazy()
        .select(AS_OF_DATE, "customer_id")
        .with_columns(
            pl.Series("segment_id", centres.segment_ids).gather(place),
            pl.Series("segment_name", centres.segment_names).gather(place),
            pl.Series("distance", distance),
            pl.lit(centres.trained_as_of).alias("trained_as_of"),
            *rfm_scores(snapshot).drop("customer_id"),
        )
        .sort("customer_id")
    ).collect()


def _nearest(snapshot: pl.DataFrame, centres: SegmentCentres) -> tuple[np.ndarray, np.ndarray]:
    """As `nearest_centres`, with the scaled features of some customers at a time."""
    names = centres.scaling.names
    parts = [
        nearest_centres(centres.scaling.transform(feature_matrix(some, names)), centres.centroids)
        for some in (snapshot.iter_slices(_CUSTOMERS_AT_ONCE) if snapshot.height else (snapshot,))
    ]
    nearest, distance = zip(*parts, strict=True)
    return np.concatenate(nearest), np.concatenate(distance)

"""The segments of former versions, which knew days since the last order: kept to measure how hard a shop is for them.

Nothing else uses them. Their features, logarithms and scaling are copies, so that figures stay comparable.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from cis_assets.segmentation.centers import nearest_centers
from cis_assets.segmentation.clustering import find_centers

_DAYS = 31
_HISTORY_DAYS = 365
_SEED = 7
_STARTS = 10
_SEGMENTS = range(3, 9)
_IS_LOG = {
    "recency_days": True,
    "tenure_days": False,
    "order_count": True,
    "mean_gap_days": True,
    "mean_basket_size": True,
    "reorder_share": False,
}


def daily_change(lines: pl.DataFrame) -> float:
    """The share of customers who change segment from one day to the next, on average over 3 to 8 segments.

    Each model is trained as of the last of 31 days, and frozen. `lines` has one row per customer, order (day_number,
    order_of_day) and product (family). One number of segments alone gives a figure that varies with chance.
    """
    last: int = lines["day_number"].max()  # pyright: ignore[reportAssignmentType]
    features = pl.concat(_features(lines, day) for day in range(last - _DAYS + 1, last + 1)).sort("day", "customer_id")
    raw = features.select(_IS_LOG.keys()).to_numpy().astype(np.float64)
    trained = (features["day"] == last).to_numpy()
    logs = _logs(np.where(np.isnan(raw), np.nanmedian(raw[trained], axis=0), raw))
    known = logs[trained]
    scale = np.where(known.min(axis=0) == known.max(axis=0), 1.0, known.std(axis=0))
    scaled = (logs - known.mean(axis=0)) / scale
    changes = [_daily_change(features, _find_segments(scaled, trained, count)) for count in _SEGMENTS]
    return sum(changes) / len(changes)


def _find_segments(scaled: np.ndarray, trained: np.ndarray, count: int) -> np.ndarray:
    centers = find_centers(scaled[trained], count, starts=_STARTS, seed=_SEED)
    return nearest_centers(scaled, centers)[0]


def _daily_change(features: pl.DataFrame, segment: np.ndarray) -> float:
    placed = features.select("customer_id", "day", segment=pl.Series(segment)).sort("customer_id", "day")
    return placed.select((pl.col("segment") != pl.col("segment").shift().over("customer_id")).mean()).item()


def _features(lines: pl.DataFrame, day: int) -> pl.DataFrame:
    window = lines.lazy().filter(pl.col("day_number").is_between(day - _HISTORY_DAYS + 1, day))
    orders = window.group_by("customer_id", "day_number", "order_of_day").agg(basket=pl.len())
    totals = orders.group_by("customer_id").agg(
        recency_days=day - pl.col("day_number").max(),
        tenure_days=day - pl.col("day_number").min(),
        order_count=pl.len(),
        mean_gap_days=pl.when(pl.len() > 1).then(
            (pl.col("day_number").max() - pl.col("day_number").min()) / (pl.len() - 1)
        ),
        mean_basket_size=pl.col("basket").mean(),
    )
    reorders = window.group_by("customer_id").agg(reorder_share=1 - pl.col("family").n_unique() / pl.len())
    return totals.join(reorders, on="customer_id").with_columns(day=pl.lit(day)).collect()


def _logs(matrix: np.ndarray) -> np.ndarray:
    return np.where(list(_IS_LOG.values()), np.log1p(matrix), matrix)

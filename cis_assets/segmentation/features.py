"""Which features customers are clustered on, and how they become comparable numbers.

Belongs here: the choice of columns of gold/customer_features, their logarithms, fills and scales. Does not belong
here: computing the features from orders (see `customer_features`) and anything about clusters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from cis_assets.errors import OperatorError

CLUSTERED_FEATURES: dict[str, bool] = {
    "recency_days": True,
    "tenure_days": False,
    "order_count": True,
    "mean_gap_days": True,
    "mean_basket_size": True,
    "reorder_share": False,
}
"""Clustered feature -> whether log(1 + x) is taken.

One feature per question a marketer asks: still here? for how long? how often in all, and in which rhythm? how much at a
time? out of habit? Counts and durations are right-skewed, so their logarithm is taken; tenure fills its window evenly
and is left alone.

Left out on purpose: median and standard deviation of the gap, distinct products, departments and spend say nearly the
same as a feature above and would count it twice in a distance; weekend share and favourite hour of a customer with two
orders are chance, and split the rare customers by accident. All of them are still described per segment.
"""


class MissingFeatureError(OperatorError):
    """The customers' features lack a column that the segment model needs; the message names it."""


@dataclass(frozen=True)
class FeatureScaling:
    """Turns raw features into comparable ones: fill, log(1 + x) where asked, subtract the mean, divide by the scale.

    Every field has one entry per feature, in the order of the matrix columns. Matrices are float64,
    customers x features, with NaN for a missing value.
    """

    names: tuple[str, ...]
    is_log: tuple[bool, ...]
    fill: tuple[float, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]

    @classmethod
    def fit(cls, matrix: np.ndarray, features: dict[str, bool] = CLUSTERED_FEATURES) -> FeatureScaling:
        """Learn fill (median of the known values, 0 if there are none), mean and standard deviation of each column.

        The standard deviation is the population's. A column with one value only gets scale 1, so that it scales to 0.
        """
        is_log = np.array(list(features.values()), dtype=bool)
        fill = np.array([_median_of_known(column) for column in matrix.T])
        logged = _take_logs(_fill_missing(matrix, fill), is_log)
        constant = logged.min(axis=0) == logged.max(axis=0)
        mean = np.where(constant, logged[0], logged.mean(axis=0))
        scale = np.where(constant, 1.0, logged.std(axis=0))
        return cls(
            tuple(features), tuple(is_log.tolist()), tuple(fill.tolist()), tuple(mean.tolist()), tuple(scale.tolist())
        )

    def transform(self, matrix: np.ndarray) -> np.ndarray:
        """Raw features to scaled ones; no NaN is left."""
        filled = _fill_missing(np.asarray(matrix, dtype=np.float64), np.array(self.fill))
        scaled = _take_logs(filled, np.array(self.is_log))
        scaled -= np.array(self.mean)
        scaled /= np.array(self.scale)
        return scaled

    def inverse(self, scaled: np.ndarray) -> np.ndarray:
        """Scaled features back to the features' own units (filled values stay filled)."""
        values = np.asarray(scaled, dtype=np.float64) * np.array(self.scale) + np.array(self.mean)
        is_log = np.array(self.is_log)
        values[..., is_log] = np.expm1(values[..., is_log])
        return values


def feature_matrix(features: pl.DataFrame, names: Sequence[str]) -> np.ndarray:
    """The named columns as a float64 matrix, customers x features, NaN where a value is missing.

    Raises MissingFeatureError naming the columns that `features` does not have.
    """
    missing = [name for name in names if name not in features.columns]
    if missing:
        raise MissingFeatureError(
            f"gold/customer_features has no column {', '.join(missing)}, which the segment model needs; "
            "train gold/segment_model again on the features there are."
        )
    columns = [features[name].cast(pl.Float64).fill_null(float("nan")).to_numpy() for name in names]
    return np.column_stack(columns)


def _median_of_known(column: np.ndarray) -> float:
    known = column[~np.isnan(column)]
    return float(np.median(known)) if known.size else 0.0


def _fill_missing(matrix: np.ndarray, fill: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(matrix), fill, matrix)


def _take_logs(matrix: np.ndarray, is_log: np.ndarray) -> np.ndarray:
    """The same matrix, changed in place: of many millions of customers, copies would be most of the memory."""
    for column in np.flatnonzero(is_log):
        np.log1p(matrix[:, column], out=matrix[:, column])
    return matrix

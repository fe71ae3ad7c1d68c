"""The habits that customers are clustered on, and their scaling. `habits` computes them from orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from cis_assets.errors import OperatorError

CLUSTERED_FEATURES: dict[str, bool] = {"gap_days": True, "basket_size": True}
"""Clustered habit of gold/customer_habits -> whether its logarithm log(1 + x) is taken.

The two answer how often and how much. Both are right-skewed, so their logarithm is taken. Days since the last order, order
count and tenure are excluded, because they change with every day and order. Shares of repeats, weekdays and hours differ
more between the months of one customer than between customers.
"""


class MissingFeatureError(OperatorError):
    """The features lack a column that the segment model needs; the message names it."""


@dataclass(frozen=True)
class FeatureScaling:
    """Scales features: fill missing values, take log(1 + x) if `is_log`, subtract the mean, divide by the scale.

    Every field has one entry per feature, in the order of the matrix columns. Matrices are float64,
    customers x features, with NaN for missing values.
    """

    names: tuple[str, ...]
    is_log: tuple[bool, ...]
    fill: tuple[float, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]

    @classmethod
    def fit(cls, matrix: np.ndarray, features: dict[str, bool] = CLUSTERED_FEATURES) -> FeatureScaling:
        """Compute the fill (median of known values, 0 without any), mean and standard deviation of each column.

        The standard deviation is the population's. A constant column has scale 1, so it scales to 0.
        """
        is_log = np.array(list(features.values()), dtype=bool)
        known = [column[~np.isnan(column)] for column in matrix.T]
        fill = np.array([np.median(column) if column.size else 0.0 for column in known])
        logged = _take_logs(np.where(np.isnan(matrix), fill, matrix), is_log)
        constant = logged.min(axis=0) == logged.max(axis=0)
        mean = np.where(constant, logged[0], logged.mean(axis=0))
        scale = np.where(constant, 1.0, logged.std(axis=0))
        return cls(
            tuple(features), tuple(is_log.tolist()), tuple(fill.tolist()), tuple(mean.tolist()), tuple(scale.tolist())
        )

    def transform(self, matrix: np.ndarray) -> np.ndarray:
        """Scale raw features (customers x features); the result has no NaN."""
        matrix = np.asarray(matrix, dtype=np.float64)
        filled = np.where(np.isnan(matrix), np.array(self.fill), matrix)
        scaled = _take_logs(filled, np.array(self.is_log))
        scaled -= np.array(self.mean)
        scaled /= np.array(self.scale)
        return scaled

    def inverse(self, scaled: np.ndarray) -> np.ndarray:
        """Convert scaled features back to their own units (filled values stay filled)."""
        values = np.asarray(scaled, dtype=np.float64) * np.array(self.scale) + np.array(self.mean)
        is_log = np.array(self.is_log)
        values[..., is_log] = np.expm1(values[..., is_log])
        return values


def feature_matrix(features: pl.DataFrame, names: Sequence[str]) -> np.ndarray:
    """The named columns as a float64 matrix, customers x features, with NaN for missing values.

    Raises MissingFeatureError with the names of columns that `features` lacks.
    """
    missing = [name for name in names if name not in features.columns]
    if missing:
        raise MissingFeatureError(
            f"gold/customer_habits has no column {', '.join(missing)}, which the segment model needs; "
            "run `cis train --promote`."
        )
    columns = [features[name].cast(pl.Float64).fill_null(float("nan")).to_numpy() for name in names]
    return np.column_stack(columns)


def _take_logs(matrix: np.ndarray, is_log: np.ndarray) -> np.ndarray:
    """Change the matrix in place, because a copy for millions of customers would dominate the memory."""
    for column in np.flatnonzero(is_log):
        np.log1p(matrix[:, column], out=matrix[:, column])
    return matrix

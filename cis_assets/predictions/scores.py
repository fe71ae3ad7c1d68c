"""How good predicted probabilities and counts are, with intervals by resampling customers.

Rows of one customer resemble each other, so intervals resample customers and not rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CALIBRATION_BINS = 15
_LEAST = 1e-9
_RESAMPLES = 1_000


def brier_terms(happened: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Squared error of each probability."""
    return (happened - probability) ** 2


def log_loss_terms(happened: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Negative logarithm of the probability of what happened; probabilities are kept 1e-9 away from 0 and 1."""
    kept = np.clip(probability, _LEAST, 1 - _LEAST)
    return -np.where(happened > 0, np.log(kept), np.log1p(-kept))


def absolute_error_terms(count: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Distance of each expected count from the count."""
    return np.abs(count - expected)


def poisson_deviance_terms(count: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Poisson deviance of each expected count, which is kept at 1e-9 or more."""
    kept = np.maximum(expected, _LEAST)
    logs = np.where(count > 0, count * np.log(np.maximum(count, 1) / kept), 0.0)
    return 2 * (logs - count + kept)


def auc(happened: np.ndarray, probability: np.ndarray) -> float:
    """Area under the ROC curve; NaN unless both outcomes happened."""
    from scipy.stats import rankdata

    positive = int((happened > 0).sum())
    negative = len(happened) - positive
    if not positive or not negative:
        return float("nan")
    ranks = rankdata(probability)[happened > 0].sum()
    return float((ranks - positive * (positive + 1) / 2) / (positive * negative))


def calibration(happened: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Mean probability, share that happened, and number of rows of each of 15 quantile bins of the probabilities (bins x 3).

    Equal probabilities may fall into two bins, so each of their rows counts as their common share, in any row order.
    """
    equal, place, rows = np.unique(probability, return_inverse=True, return_counts=True)
    share = np.repeat(np.bincount(place, weights=happened, minlength=len(equal)) / np.maximum(rows, 1), rows)
    parts = (np.array_split(each, CALIBRATION_BINS) for each in (np.repeat(equal, rows), share))
    bins = [(said.mean(), was.mean(), len(said)) for said, was in zip(*parts, strict=True) if len(said)]
    return np.array(bins).reshape(-1, 3)


def ece(happened: np.ndarray, probability: np.ndarray) -> float:
    """Expected calibration error: the mean distance between probability and share over quantile bins, by their rows."""
    table = calibration(happened, probability)
    return float((np.abs(table[:, 0] - table[:, 1]) * table[:, 2]).sum() / max(len(happened), 1))


@dataclass(frozen=True)
class Interval:
    """A mean and its 95% interval."""

    mean: float
    low: float
    high: float


def means_by_customer(terms: np.ndarray, customer: np.ndarray, seed: int) -> list[Interval]:
    """The mean of each column of `terms` (rows x columns) with a bootstrap interval that resamples customers.

    For a paired comparison a column has the differences of two methods' terms. A single customer gives infinite intervals.
    Rows must come in a fixed order.
    """
    _, place, rows = np.unique(customer, return_inverse=True, return_counts=True)
    totals = np.column_stack([np.bincount(place, weights=column, minlength=len(rows)) for column in terms.T])
    means = totals.sum(axis=0) / max(len(customer), 1)
    if len(rows) < 2:
        return [Interval(float(mean), -np.inf, np.inf) for mean in means]
    generator = np.random.default_rng(seed)
    drawn = np.empty((_RESAMPLES, terms.shape[1]))
    for turn in range(_RESAMPLES):
        times = np.bincount(generator.integers(0, len(rows), len(rows)), minlength=len(rows))
        # Not a product of matrices, whose last bits depend on threads.
        drawn[turn] = np.einsum("c,cm->m", times.astype(np.float64), totals) / (times * rows).sum()
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    return [Interval(*(float(each) for each in found)) for found in zip(means, low, high, strict=True)]

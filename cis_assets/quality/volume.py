"""The usual number of orders of a date: an interval that quiet data leaves only at a stated rate.

The counts of the eight weeks before a date are fitted with a level, a trend and an effect of each weekday. Counts are
negative binomial: their scatter beyond chance is estimated too. The interval is one of prediction, so it also holds the
uncertainty of the fit. Few days or few orders make it wide. Only earlier dates are used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

DAYS_BEFORE = 56
LEAST_DAYS = 21
LEAST_SAME_WEEKDAYS = 3
# A lost file matters more than a busy day, so drops get the larger share of the false alarms.
_SHARE_OF_DROPS = 0.75
_DAYS_AT_ONCE = 512
_ROUNDS = 3
_STEPS = 12
_LEAST_SCATTER, _MOST_SCATTER = 1e-6, 10.0
# The scatter is uncertain. The value taken is one that it exceeds in this share of samples only.
_SCATTER_EXCEEDED = 0.25
# A day as unlikely as this under a first fit was an outage or a peak, and does not count as usual.
_UNLIKELY = 1e-4
# Standard deviations, before any data, of the logarithms of a weekday's effect and of the change over the whole window.
_WEEKDAY_SCALE, _TREND_SCALE = 1.0, 0.5

_SCHEMA = pl.Schema(
    {"order_date": pl.Date, "days_before": pl.Int64, "usual": pl.Float64, "low": pl.Int64, "high": pl.Int64}
)

Floats = np.ndarray


@dataclass(frozen=True)
class Fit:
    """The expected counts of the days before (a row per judged date) and of the date, and the scatter of the date."""

    before: Floats
    expected: Floats
    scatter: Floats
    scatter_before: Floats


def usual_orders(counts: Mapping[date, int], days: Sequence[date], false_alarm_rate: float) -> pl.DataFrame:
    """Give each of `days` the interval in which its number of orders is usual: order_date, days_before, usual, low, high.

    `counts` has the orders of each date that was read, zero included. Dates that are absent were not read, and say
    nothing. `usual`, `low` and `high` are null for a date with too few earlier days. Quiet data lie outside of the
    interval, whose ends belong to it, in at most the share `false_alarm_rate` of dates.
    """
    pieces = [days[at : at + _DAYS_AT_ONCE] for at in range(0, len(days), _DAYS_AT_ONCE)] or [days]
    return pl.concat(_judge_piece(counts, piece, false_alarm_rate) for piece in pieces)


def _judge_piece(counts: Mapping[date, int], days: Sequence[date], rate: float) -> pl.DataFrame:
    from scipy.stats import nbinom

    known, seen = _history(counts, days)
    days_before = seen.sum(axis=1)
    enough = (days_before >= LEAST_DAYS) & (seen[:, 6::7].sum(axis=1) >= LEAST_SAME_WEEKDAYS)
    usual, low, high = (np.full(len(days), np.nan) for _ in range(3))
    if enough.any():
        known, seen = known[enough], seen[enough]
        seen = seen & ~_is_unlikely(known, _fit(known, seen))
        found = _fit(known, seen)
        size = 1 / found.scatter
        share = size / (size + found.expected)
        usual[enough] = found.expected
        low[enough] = nbinom.ppf(rate * _SHARE_OF_DROPS, size, share)
        high[enough] = nbinom.isf(rate * (1 - _SHARE_OF_DROPS), size, share)
    frame = pl.DataFrame({"order_date": days, "days_before": days_before, "usual": usual, "low": low, "high": high})
    return frame.with_columns(pl.col("usual", "low", "high").fill_nan(None)).cast(_SCHEMA)


def _history(counts: Mapping[date, int], days: Iterable[date]) -> tuple[Floats, np.ndarray]:
    """The counts of the days before each date, newest first, and which of them are known."""
    ordinals = {day.toordinal(): count for day, count in counts.items()}
    rows = [[ordinals.get(day.toordinal() - back) for back in range(1, DAYS_BEFORE + 1)] for day in days]
    known = np.array(rows, dtype=float).reshape(-1, DAYS_BEFORE)
    seen = ~np.isnan(known)
    return np.where(seen, known, 0.0), seen


def _columns(back: Floats) -> Floats:
    """One row per day, `back` days before the judged date: level, seven weekdays (the judged date's first), trend."""
    return np.column_stack([np.ones(len(back)), *(back % 7 == day for day in range(7)), -back / DAYS_BEFORE]).astype(
        float
    )


def _fit(counts: Floats, seen: np.ndarray) -> Fit:
    """Fit level, weekdays and trend, and the scatter, in turn."""
    from scipy.special import gammaincinv

    columns, judged = _columns(np.arange(1.0, DAYS_BEFORE + 1)), _columns(np.zeros(1))[0]
    prior = np.diag([1e-6, *[_WEEKDAY_SCALE**-2] * 7, _TREND_SCALE**-2])
    level = (counts.sum(axis=1) + 0.5) / (seen.sum(axis=1) + 0.5)
    effects = np.zeros((len(counts), columns.shape[1]))
    effects[:, 0] = np.log(level)
    scatter = np.full(len(counts), _LEAST_SCATTER)
    for _ in range(_ROUNDS):
        for _ in range(_STEPS):
            expected = np.exp(np.clip(effects @ columns.T, -20, 25))
            weights = seen * expected / (1 + scatter[:, None] * expected)
            slope = (seen * (counts - expected) / (1 + scatter[:, None] * expected)) @ columns - effects @ prior
            information = np.einsum("dn,np,nq->dpq", weights, columns, columns) + prior
            effects = effects + np.clip(np.linalg.solve(information, slope[..., None])[..., 0], -2, 2)
        expected = np.exp(np.clip(effects @ columns.T, -20, 25))
        covariance = np.linalg.inv(information)
        parameters = np.einsum("dpq,dqp->d", covariance, information - prior)
        freedom = np.maximum(seen.sum(axis=1) - parameters, 1.0)
        scatter = _scatter(counts, expected, seen, 2 * gammaincinv(freedom / 2, _SCATTER_EXCEEDED))
    uncertainty = np.einsum("p,dpq,q->d", judged, covariance, judged)
    return Fit(expected, np.exp(effects @ judged), scatter + uncertainty, scatter)


def _scatter(counts: Floats, expected: Floats, seen: np.ndarray, target: Floats) -> Floats:
    """The scatter with which the squared errors, in units of their variance, add up to `target`; found by bisection."""
    low, high = (np.full(len(counts), np.log(bound)) for bound in (_LEAST_SCATTER, _MOST_SCATTER))
    for _ in range(30):
        middle = (low + high) / 2
        variance = expected + np.exp(middle)[:, None] * expected**2
        above = (seen * (counts - expected) ** 2 / variance).sum(axis=1) > target
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.exp((low + high) / 2)


def _is_unlikely(counts: Floats, fit: Fit) -> np.ndarray:
    from scipy.stats import nbinom

    size = 1 / fit.scatter_before[:, None]
    share = size / (size + fit.before)
    return np.minimum(nbinom.cdf(counts, size, share), nbinom.sf(counts - 1, size, share)) < _UNLIKELY

"""Corrects probabilities that are too extreme, or not extreme enough, without changing how high they are on average.

The level is left alone on purpose. Held-back weeks differ in level from one season to the next: on The Complete Journey and
on the generated sample, isotonic and Platt's corrections of one season made the next one worse more often than better.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from cis_assets.predictions.scores import brier_terms, ece

_LEAST = 1e-6
_FEWEST_ROWS = 500
_SLOPES = (0.2, 5.0)
# A correction must remove a third of the calibration error; smaller gains do not last on The Complete Journey.
_CLEARLY_BETTER = 0.67


@dataclass(frozen=True)
class Calibration:
    """Platt's curve: a probability's log odds times `slope`, plus `intercept`. A slope of 1 and an intercept of 0 is none."""

    slope: float = 1.0
    intercept: float = 0.0

    def apply(self, score: np.ndarray) -> np.ndarray:
        """The probabilities of scores between 0 and 1."""
        if self == UNCALIBRATED:
            return score
        return _probability(self.slope * _log_odds(score) + self.intercept)

    @classmethod
    def fit(cls, score: np.ndarray, happened: np.ndarray) -> Self:
        """The slope that fits best, with the intercept that keeps the mean of the scores."""
        from sklearn.linear_model import LogisticRegression

        odds = _log_odds(score)
        fitted = LogisticRegression(C=np.inf).fit(odds[:, None], happened > 0)
        slope = float(np.clip(fitted.coef_[0, 0], *_SLOPES))
        return cls(slope, find_intercept(slope * odds, float(score.mean())))


UNCALIBRATED = Calibration()


def choose_calibration(score: np.ndarray, happened: np.ndarray, as_of: np.ndarray, days: int) -> Calibration:
    """Choose whether to correct: only if a correction of the first half of the as-of days improves the others.

    It must clearly reduce their calibration error without a worse Brier score. The chosen one is fitted again on all of them.
    Outcomes of `days` days that end later than the second half begins are left out of the first half. Outcomes that are not
    known (NaN) do not count.
    """
    known = ~np.isnan(happened)
    if not known.any():
        return UNCALIBRATED
    half = np.quantile(as_of[known], 0.5, method="nearest")
    fit_on, measure_on = known & (as_of + days <= half), known & (as_of >= half)
    if min(fit_on.sum(), measure_on.sum()) < _FEWEST_ROWS or len(np.unique(happened[fit_on])) < 2:
        return UNCALIBRATED
    corrected = Calibration.fit(score[fit_on], happened[fit_on]).apply(score[measure_on])
    was, before = happened[measure_on], score[measure_on]
    is_better = ece(was, corrected) <= _CLEARLY_BETTER * ece(was, before)
    if not is_better or brier_terms(was, corrected).mean() > brier_terms(was, before).mean():
        return UNCALIBRATED
    return Calibration.fit(score[known], happened[known])


def find_intercept(log_odds: np.ndarray, share: float) -> float:
    """What to add to log odds so that the mean of their probabilities is `share`, a number between 0 and 1."""
    from scipy.optimize import brentq

    found = brentq(lambda added: _probability(log_odds + added).mean() - share, -100.0, 100.0)
    return float(found)  # pyright: ignore[reportArgumentType]


def _log_odds(score: np.ndarray) -> np.ndarray:
    kept = np.clip(score, _LEAST, 1 - _LEAST)
    return np.log(kept) - np.log1p(-kept)


def _probability(odds: np.ndarray) -> np.ndarray:
    from scipy.special import expit

    return expit(odds)

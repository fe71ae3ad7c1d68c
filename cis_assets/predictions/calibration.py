"""Corrections that turn a model's scores into probabilities: none, Platt's logistic curve, or isotonic steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from cis_assets.predictions.scores import brier_terms, ece

_LEAST = 1e-6
_FEWEST_ROWS = 500
# Smaller errors come and go with the seasons: those of July and August in The Complete Journey are gone in September.
_LEAST_ERROR = 0.03
# A correction must remove a third of the error.
_CLEARLY_BETTER = 0.67


@dataclass(frozen=True)
class Calibration:
    """A curve from scores to probabilities. `kind` is none, platt (knots and levels: slope, intercept) or isotonic."""

    kind: str = "none"
    knots: tuple[float, ...] = ()
    levels: tuple[float, ...] = ()

    def apply(self, score: np.ndarray) -> np.ndarray:
        """The probabilities of scores between 0 and 1."""
        if self.kind == "platt":
            return 1 / (1 + np.exp(-(self.knots[0] * _logit(score) + self.levels[0])))
        return np.interp(score, self.knots, self.levels) if self.kind == "isotonic" else score

    @classmethod
    def platt(cls, score: np.ndarray, happened: np.ndarray) -> Self:
        from sklearn.linear_model import LogisticRegression

        fitted = LogisticRegression(C=np.inf).fit(_logit(score)[:, None], happened > 0)
        return cls("platt", (float(fitted.coef_[0, 0]),), (float(fitted.intercept_[0]),))

    @classmethod
    def isotonic(cls, score: np.ndarray, happened: np.ndarray) -> Self:
        from sklearn.isotonic import IsotonicRegression

        fitted = IsotonicRegression(y_min=0.001, y_max=0.999).fit(score, happened)
        return cls("isotonic", tuple(fitted.X_thresholds_.tolist()), tuple(fitted.y_thresholds_.tolist()))


UNCALIBRATED = Calibration()


@dataclass(frozen=True)
class CalibrationChoice:
    """The chosen correction, and probabilities that use no later outcome: those of the later days are corrected."""

    calibration: Calibration
    probabilities: np.ndarray


def choose_calibration(score: np.ndarray, happened: np.ndarray, as_of: np.ndarray) -> CalibrationChoice:
    """Choose the correction that, fitted on the first half of the days, has the least calibration error on the others.

    None is chosen unless the error is at least 0.03, and a correction must clearly reduce it without a worse Brier score.
    The chosen one is fitted again on all days. Outcomes that are not known (NaN) do not count.
    """
    known = ~np.isnan(happened)
    none = CalibrationChoice(UNCALIBRATED, score)
    if not known.any():
        return none
    later = as_of >= np.quantile(as_of[known], 0.5, method="nearest")
    fit_on, measure_on = known & ~later, known & later
    if min(fit_on.sum(), measure_on.sum()) < _FEWEST_ROWS or len(np.unique(happened[fit_on])) < 2:
        return none
    said, was = score[measure_on], happened[measure_on]
    found, most_brier = ece(was, said), brier_terms(was, said).mean()
    best, least = none, _CLEARLY_BETTER * found if found >= _LEAST_ERROR else 0.0
    for fit in (Calibration.platt, Calibration.isotonic):
        corrected = fit(score[fit_on], happened[fit_on]).apply(score)
        error = ece(was, corrected[measure_on])
        if error < least and brier_terms(was, corrected[measure_on]).mean() <= most_brier:
            best = CalibrationChoice(fit(score[known], happened[known]), np.where(later, corrected, score))
            least = error
    return best


def _logit(score: np.ndarray) -> np.ndarray:
    kept = np.clip(score, _LEAST, 1 - _LEAST)
    return np.log(kept) - np.log1p(-kept)

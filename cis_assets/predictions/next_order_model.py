"""The model of the next order: learned trees and baselines, the one that serves, and the rows that they are stored as."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl

from cis_assets.predictions.calibration import UNCALIBRATED, Calibration
from cis_assets.predictions.model_rows import NEXT_ORDER, StoredVersion, number_row, tree_rows, version_rows
from cis_assets.predictions.next_order_baselines import BASELINES, Baseline, OwnRate, PersonalCadence
from cis_assets.predictions.next_order_features import FEATURES, FeatureRows
from cis_assets.predictions.next_order_outcomes import LATER, LONG, SOON, Forecast, Outcomes
from cis_assets.predictions.own_threads import run_together
from cis_assets.predictions.trees import Trees

LEARNED = "learned"
_TREES: dict[str, Any] = {
    "early_stopping": False,
    "random_state": 0,
    "learning_rate": 0.05,
    "max_leaf_nodes": 15,
    "l2_regularization": 1.0,
}
_MOST_IN_LEAF = 100


@dataclass(frozen=True)
class LearnedForecast:
    """Gradient-boosted trees for an order within 7 and 28 days, each with its calibration, and for the rate of orders."""

    method: ClassVar[str] = LEARNED
    trees_7d: Trees
    trees_28d: Trees
    trees_90d: Trees
    calibration_7d: Calibration = UNCALIBRATED
    calibration_28d: Calibration = UNCALIBRATED

    @classmethod
    def fit(cls, rows: FeatureRows, outcomes: Outcomes, trees: int) -> Self:
        """Fit without calibration. Rows must come in a fixed order."""
        # scikit-learn fails at features that are unknown for everybody.
        values = np.where(np.isnan(rows.values).all(axis=0), 0.0, rows.values)
        trees_7d, trees_28d, trees_90d = run_together(
            [
                partial(_fit_classifier, values, outcomes.within_7d, trees),
                partial(_fit_classifier, values, outcomes.within_28d, trees),
                partial(_fit_rate, values, outcomes, trees),
            ]
        )
        return cls(trees_7d, trees_28d, trees_90d)

    def calibrated(self, soon: Calibration, later: Calibration) -> Self:
        return replace(self, calibration_7d=soon, calibration_28d=later)

    def forecast(self, rows: FeatureRows) -> Forecast:
        return Forecast(
            self.calibration_7d.apply(self.trees_7d.probabilities(rows.values)),
            self.calibration_28d.apply(self.trees_28d.probabilities(rows.values)),
            self.trees_90d.means(rows.values) * LONG,
        )


@dataclass(frozen=True)
class NextOrderModel:
    """Everything that was fitted on the orders up to `trained_as_of`.

    `served_7d` is the method that forecasts the next 7 days, and `served_28d` the one for the other forecasts. `learned` is
    None if the history was too short to train on.
    """

    trained_as_of: date
    served_7d: str
    served_28d: str
    baselines: Mapping[str, Baseline]
    learned: LearnedForecast | None

    def forecast(self, rows: FeatureRows, method: str | None = None) -> Forecast:
        """The forecast of a method, by default of those that serve. An order within 7 days is one within 28 days."""
        made = {
            each: self._forecast(rows, each) for each in ({method} if method else {self.served_7d, self.served_28d})
        }
        soon, later = made[method or self.served_7d], made[method or self.served_28d]
        probability = np.maximum(soon.probability_7d, later.probability_28d)
        return Forecast(soon.probability_7d, probability, later.expected_orders_90d)

    def _forecast(self, rows: FeatureRows, method: str) -> Forecast:
        if method != LEARNED:
            return self.baselines[method].forecast(rows)
        # Trees that could not be trained again are replaced by the customer's own rate.
        return (self.learned or self.baselines[OwnRate.method]).forecast(rows)

    @property
    def methods(self) -> list[str]:
        return [*([LEARNED] if self.learned else []), *self.baselines]

    def days_until_order(self, rows: FeatureRows, forecast: Forecast) -> np.ndarray:
        """The first day by which an order is at least as likely as not, in days; 0 where that is over 90 days away.

        The personal cadence gives the shape of the curve between the forecast's probabilities of 7 and 28 days.
        """
        cadence = self.baselines[PersonalCadence.method]
        assert isinstance(cadence, PersonalCadence)
        shape = -np.log(cadence.still_waiting(rows))
        soon, later = (-np.log1p(-np.minimum(each, 1 - 1e-9)) for each in forecast[:2])
        first, then = soon / shape[:, SOON], (later - soon) / (shape[:, LATER] - shape[:, SOON])
        days = np.arange(LONG + 1)
        past = shape - shape[:, [SOON]]
        hazard = np.where(days <= SOON, soon[:, None] + past * first[:, None], soon[:, None] + past * then[:, None])
        reached = hazard >= np.log(2) - 1e-12
        return np.where(reached.any(axis=1), reached.argmax(axis=1), 0)

    def predict(self, rows: FeatureRows) -> pl.DataFrame:
        """The columns of gold/next_order that the forecast of `rows` fills, in the order of the rows."""
        forecast = self.forecast(rows)
        days = self.days_until_order(rows, forecast)
        expected = pl.Series(np.where(days > 0, rows.as_of + days, -1).astype(np.int32))
        return pl.DataFrame(
            {
                "as_of_date": pl.Series(rows.as_of.astype(np.int32)).cast(pl.Date),
                "customer_id": rows.customer,
                "expected_order_date": expected.set(expected < 0, None).cast(pl.Date),
                **dict(zip(Forecast._fields, forecast, strict=True)),
                "model_version": pl.repeat(self.trained_as_of, len(rows), dtype=pl.Date, eager=True),
                "served": pl.repeat(self.served_7d, len(rows), dtype=pl.String, eager=True),
                "served_28d": pl.repeat(self.served_28d, len(rows), dtype=pl.String, eager=True),
            }
        )

    def rows(self) -> pl.DataFrame:
        """The model as rows of gold/prediction_models."""
        parts = [number_row(name, baseline.parameters()) for name, baseline in self.baselines.items()]
        if self.learned:
            for days in ("7d", "28d", "90d"):
                parts += tree_rows(f"trees_{days}", getattr(self.learned, f"trees_{days}"))
            for days in ("7d", "28d"):
                curve: Calibration = getattr(self.learned, f"calibration_{days}")
                parts.append(number_row(f"calibration_{days}", [curve.slope, curve.intercept]))
        return version_rows(NEXT_ORDER, self.trained_as_of, [self.served_7d, self.served_28d], FEATURES, parts)

    @classmethod
    def of_rows(cls, rows: pl.DataFrame) -> Self:
        """Read the rows of `rows()`, in any order. Raises StoredTreesError if a part is missing or damaged."""
        version = StoredVersion.read(rows, FEATURES)
        learned = None
        if version.has("calibration_7d"):
            soon, later, rate = (version.trees(f"trees_{days}") for days in ("7d", "28d", "90d"))
            curves = (Calibration(*version.numbers(f"calibration_{days}")) for days in ("7d", "28d"))
            learned = LearnedForecast(soon, later, rate, *curves)
        baselines = {each.method: each.of_parameters(version.numbers(each.method)) for each in BASELINES}
        served_7d, served_28d = version.served
        return cls(version.trained_as_of, served_7d, served_28d, baselines, learned)


def _fit_classifier(values: np.ndarray, happened: np.ndarray, trees: int) -> Trees:
    from sklearn.ensemble import HistGradientBoostingClassifier

    known = ~np.isnan(happened)
    return Trees.of_estimator(
        HistGradientBoostingClassifier(**_growth(int(known.sum()), trees)).fit(values[known], happened[known] > 0)
    )


def _fit_rate(values: np.ndarray, outcomes: Outcomes, trees: int) -> Trees:
    """Orders per day over the 90 days that follow, or over the part of them that is known, at least 28 days."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    known = outcomes.exposure >= LATER
    rate = outcomes.orders[known] / outcomes.exposure[known]
    return Trees.of_estimator(
        HistGradientBoostingRegressor(loss="poisson", **_growth(int(known.sum()), trees)).fit(values[known], rate)
    )


def _growth(rows: int, trees: int) -> dict[str, Any]:
    return {**_TREES, "max_iter": trees, "min_samples_leaf": max(5, min(_MOST_IN_LEAF, rows // 100))}

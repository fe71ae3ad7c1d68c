"""The model of the next order: learned trees and baselines, the one that serves, and the rows that they are stored as."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl

from cis_assets.predictions.calibration import UNCALIBRATED, Calibration
from cis_assets.predictions.model_rows import LEARNED, NEXT_ORDER, StoredVersion, number_row, tree_rows, version_rows
from cis_assets.predictions.next_order_baselines import BASELINES, Baseline, PersonalCadence
from cis_assets.predictions.next_order_features import FEATURES, FeatureRows
from cis_assets.predictions.next_order_outcomes import LATER, LONG, SOON, Forecast, Outcomes
from cis_assets.predictions.own_threads import run_together
from cis_assets.predictions.trees import Trees

_TREES: dict[str, Any] = {
    "early_stopping": False,
    "learning_rate": 0.05,
    "max_leaf_nodes": 15,
    "l2_regularization": 1.0,
}
_MOST_IN_LEAF = 100


@dataclass(frozen=True)
class LearnedForecast:
    """Gradient-boosted trees for an order within 7 and 28 days, and for the rate of orders. Those of 7 days are calibrated.

    The eight weeks that are left out for calibration have too few outcomes of 28 days that do not overlap.
    """

    method: ClassVar[str] = LEARNED
    trees_7d: Trees
    trees_28d: Trees
    trees_90d: Trees
    calibration_7d: Calibration = UNCALIBRATED

    @classmethod
    def fit(cls, rows: FeatureRows, outcomes: Outcomes, trees: int, seed: int) -> Self:
        """Fit without calibration. Rows must come in a fixed order."""
        trees_7d, trees_28d, trees_90d = run_together(
            [
                partial(fit_chance, rows, outcomes.within_7d, trees, seed),
                partial(fit_chance, rows, outcomes.within_28d, trees, seed),
                partial(_fit_rate, rows, outcomes, trees, seed),
            ]
        )
        return cls(trees_7d, trees_28d, trees_90d)

    def forecast(self, rows: FeatureRows) -> Forecast:
        return Forecast(
            self.calibration_7d.apply(self.trees_7d.probabilities(rows.values)),
            self.trees_28d.probabilities(rows.values),
            self.trees_90d.means(rows.values) * LONG,
        )


@dataclass(frozen=True)
class NextOrderModel:
    """Everything that was fitted on the orders up to `trained_as_of`.

    `served_7d`, `served_28d` and `served_90d` are the methods that forecast the order within 7 and 28 days and the number of
    orders. `learned` is None if the history was too short to train on.
    """

    trained_as_of: date
    served_7d: str
    served_28d: str
    served_90d: str
    baselines: Mapping[str, Baseline]
    learned: LearnedForecast | None

    def forecast(self, rows: FeatureRows, method: str | None = None) -> Forecast:
        """The forecast of a method, by default of those that serve.

        An order within 7 days is one within 28 days, and those expected are at least as many as the chance of one.
        """
        methods = [method] * 3 if method else [self.served_7d, self.served_28d, self.served_90d]
        made = {each: self._forecast(rows, each) for each in set(methods)}
        soon, later, orders = (made[each] for each in methods)
        probability = np.maximum(soon.probability_7d, later.probability_28d)
        return Forecast(soon.probability_7d, probability, np.maximum(orders.expected_orders_90d, probability))

    def _forecast(self, rows: FeatureRows, method: str) -> Forecast:
        if method == LEARNED and self.learned:
            return self.learned.forecast(rows)
        return self.baselines[method].forecast(rows)

    @property
    def methods(self) -> list[str]:
        return [*([LEARNED] if self.learned else []), *self.baselines]

    def days_until_order(self, rows: FeatureRows, forecast: Forecast) -> np.ndarray:
        """The first day up to which an order is at least as likely as not, in days; 0 where that is over 90 days away.

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
                "served_90d": pl.repeat(self.served_90d, len(rows), dtype=pl.String, eager=True),
            }
        )

    def rows(self) -> pl.DataFrame:
        """The model as rows of gold/prediction_models."""
        parts = [number_row(name, baseline.parameters()) for name, baseline in self.baselines.items()]
        if self.learned:
            for days in ("7d", "28d", "90d"):
                parts += tree_rows(f"trees_{days}", getattr(self.learned, f"trees_{days}"))
            curve = self.learned.calibration_7d
            parts.append(number_row("calibration_7d", [curve.slope, curve.intercept]))
        return version_rows(
            NEXT_ORDER, self.trained_as_of, [self.served_7d, self.served_28d, self.served_90d], FEATURES, parts
        )

    @classmethod
    def of_rows(cls, rows: pl.DataFrame) -> Self:
        """Read the rows of `rows()`, in any order. Raises StoredTreesError if a part is missing or damaged."""
        version = StoredVersion.read(rows, FEATURES)
        learned = None
        if version.has("trees_") or version.has("calibration_"):
            soon, later, rate = (version.trees(f"trees_{days}") for days in ("7d", "28d", "90d"))
            learned = LearnedForecast(soon, later, rate, Calibration(*version.numbers("calibration_7d", 2)))
        baselines = {each.method: each.of_parameters(version.numbers(each.method, each.size)) for each in BASELINES}
        methods = [*baselines, LEARNED] if learned else list(baselines)
        served_7d, served_28d, served_90d = version.served(3, methods)
        return cls(version.trained_as_of, served_7d, served_28d, served_90d, baselines, learned)


def fit_chance(rows: FeatureRows, happened: np.ndarray, trees: int, seed: int) -> Trees:
    """Trees for the probability of an outcome (NaN: not known). Rows must come in a fixed order."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    known = ~np.isnan(happened)
    estimator = HistGradientBoostingClassifier(**_growth(int(known.sum()), trees, seed))
    return Trees.of_estimator(estimator.fit(_values(rows, known), happened[known] > 0))


def _fit_rate(rows: FeatureRows, outcomes: Outcomes, trees: int, seed: int) -> Trees:
    """Orders per day over the 90 days that follow, or over the part of them that is known, at least 28 days.

    A rate weighs as much as the days that it is known from, as if the orders were fitted with an offset.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor

    known = outcomes.exposure >= LATER
    orders, days = outcomes.orders[known], outcomes.exposure[known]
    estimator = HistGradientBoostingRegressor(loss="poisson", **_growth(int(known.sum()), trees, seed))
    return Trees.of_estimator(estimator.fit(_values(rows, known), orders / days, sample_weight=days / LONG))


def _values(rows: FeatureRows, known: np.ndarray) -> np.ndarray:
    """The features of some rows. scikit-learn fails at features that are unknown for everybody, so these are 0."""
    return np.where(np.isnan(rows.values).all(axis=0), 0.0, rows.values)[known]


def _growth(rows: int, trees: int, seed: int) -> dict[str, Any]:
    least = max(5, min(_MOST_IN_LEAF, rows // 100))
    return {**_TREES, "max_iter": trees, "min_samples_leaf": least, "random_state": seed}

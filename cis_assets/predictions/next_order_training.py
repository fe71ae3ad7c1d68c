"""Trains the model of the next order on earlier as-of days, and lets held-back weeks decide what serves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from cis_assets.dates import day_number
from cis_assets.errors import OperatorError
from cis_assets.predictions.calibration import UNCALIBRATED, Calibration, choose_calibration
from cis_assets.predictions.customer_sample import customer_places
from cis_assets.predictions.next_order_baselines import BASELINES, Baseline, OwnRate
from cis_assets.predictions.next_order_features import FeatureRows, next_order_features
from cis_assets.predictions.next_order_model import LEARNED, LearnedForecast, NextOrderModel
from cis_assets.predictions.next_order_outcomes import LATER, SOON, Forecast, Outcomes
from cis_assets.predictions.order_history import OrderHistory
from cis_assets.predictions.scores import Interval, brier_terms, means_by_customer
from cis_assets.segmentation.clustering import one_thread

STEP_DAYS = 6
"""Days between as-of days: about weekly, and every weekday is one of them."""
TRAINING_CUSTOMERS = 20_000

_WARM_UP_DAYS, _MOST_DAYS = 28, 60
_HELD_BACK_DAYS = 28
_HELD_BACK = (56, 28)
_FEWEST_TRAINING_DAYS = 4
_FEWEST_ROWS = 300
_CUSTOMERS, _UNSEEN, _ROWS = 1, 2, 3


class NextOrderTrainingError(OperatorError):
    """The orders do not allow a model of the next order; the message says why and what to do."""


@dataclass(frozen=True)
class NextOrderOptions:
    """How much history a snapshot looks back on, and limits of the training.

    `held_back` is the share of customers that are not trained on, to measure a model on customers it has never seen.
    """

    history_days: int = 365
    customers: int = TRAINING_CUSTOMERS
    rows: int = 150_000
    trees: int = 150
    held_back: float = 0.0


@dataclass(frozen=True)
class Backtest:
    """Forecasts of each method for rows that are later than everything it was fitted on, with what happened."""

    rows: FeatureRows
    outcomes: Outcomes
    forecasts: Mapping[str, Forecast]

    @classmethod
    def concat(cls, parts: Sequence[Backtest]) -> Backtest:
        """The rows of several backtests, with the methods that all of them have."""
        methods = [name for name in parts[0].forecasts if all(name in part.forecasts for part in parts)]
        return cls(
            FeatureRows.concat([part.rows for part in parts]),
            Outcomes.concat([part.outcomes for part in parts]),
            {name: Forecast.concat([part.forecasts[name] for part in parts]) for name in methods},
        )


@dataclass(frozen=True)
class ServingChoice:
    """Which method serves, the best baseline, and the paired interval of Brier scores, learned minus best baseline."""

    served: str
    best_baseline: str
    difference: Interval | None = None

    @classmethod
    def decide(cls, found: Backtest, days: int) -> ServingChoice:
        """The trees serve the probability within 7 or 28 days if their Brier score is below the best baseline's, beyond chance.

        The best baseline has the least Brier score. Without outcomes it is the own rate.
        """
        happened = found.outcomes.within_7d if days == SOON else found.outcomes.within_28d
        known = ~np.isnan(happened)
        if not known.any():
            return cls(OwnRate.method, OwnRate.method)
        terms = {
            method: brier_terms(happened, getattr(forecast, f"probability_{days}d"))[known]
            for method, forecast in found.forecasts.items()
        }
        best = min((each.method for each in BASELINES), key=lambda method: terms[method].mean())
        if LEARNED not in terms:
            return cls(best, best)
        (difference,) = means_by_customer((terms[LEARNED] - terms[best])[:, None], found.rows.customer[known])
        return cls(LEARNED if difference.high < 0 else best, best, difference)


@dataclass(frozen=True)
class NextOrderTraining:
    """A model, what serves within 7 and 28 days, and the held-back weeks that decided it (None: too short a history)."""

    model: NextOrderModel
    soon: ServingChoice
    later: ServingChoice
    backtest: Backtest | None


def train_next_order(history: OrderHistory, trained_as_of: date, options: NextOrderOptions) -> NextOrderTraining:
    """Train on the orders up to a day; later orders of the history change nothing.

    Fits on the time before them forecast the last eight weeks. Those calibrate the trees and decide what serves. The final
    fit uses all of the time. Results depend neither on row order nor on threads.

    Raises NextOrderTrainingError if there is no earlier day to learn from.
    """
    days = as_of_days(history, trained_as_of)
    if not days:
        raise NextOrderTrainingError(
            f"There are fewer than {_WARM_UP_DAYS + SOON} days of orders up to {trained_as_of}, too few for the next order. "
            "Train as of a later day."
        )
    with one_thread():
        found = _held_back_weeks(history, trained_as_of, days, options)
        curves = (UNCALIBRATED, UNCALIBRATED)
        soon = later = ServingChoice(OwnRate.method, OwnRate.method)
        if found:
            found, curves = _calibrate(found)
            soon, later = (ServingChoice.decide(found, each) for each in (SOON, LATER))
        baselines, learned = _fit(history, trained_as_of, days, options)
    model = NextOrderModel(
        trained_as_of, soon.served, later.served, baselines, learned.calibrated(*curves) if learned else None
    )
    return NextOrderTraining(model, soon, later, found)


def as_of_days(history: OrderHistory, trained_as_of: date) -> list[date]:
    """Days to learn from, ascending: after four weeks of orders, with a week known after each, at most a year's."""
    if not len(history.day):
        return []
    known = (day_number(trained_as_of) - int(history.day.min()) - _WARM_UP_DAYS - SOON) // STEP_DAYS + 1
    last = trained_as_of - timedelta(days=SOON)
    return [last - timedelta(days=STEP_DAYS * back) for back in reversed(range(min(known, _MOST_DAYS)))]


def backtest(
    model: NextOrderModel, history: OrderHistory, days: Sequence[date], last: date, history_days: int
) -> Backtest:
    """The forecasts of all methods of a model for later days, in a history that is complete up to the day `last`."""
    rows = next_order_features(history, days, history_days)
    forecasts = {method: model.forecast(rows, method) for method in model.methods}
    return Backtest(rows, Outcomes.of(history, rows, last), forecasts)


def is_held_back(customers: np.ndarray, share: float) -> np.ndarray:
    """Which customers a training with `held_back` set to `share` does not use."""
    return customer_places(customers, _UNSEEN) < share


def _held_back_weeks(
    history: OrderHistory, trained_as_of: date, days: list[date], options: NextOrderOptions
) -> Backtest | None:
    """The last eight weeks, each half forecast by a fit on the time before it, so no fit is older than a served one."""
    found = []
    for back in _HELD_BACK:
        first, end = (trained_as_of - timedelta(days=each) for each in (back, back - _HELD_BACK_DAYS))
        earlier = [day for day in days if day + timedelta(days=SOON) <= first]
        later = [day for day in days if first <= day < end]
        if len(earlier) < _FEWEST_TRAINING_DAYS:
            continue
        baselines, learned = _fit(history, first, earlier, options)
        model = NextOrderModel(first, OwnRate.method, OwnRate.method, baselines, learned)
        rows = _sampled(history, later, options)
        forecasts = {method: model.forecast(rows, method) for method in model.methods}
        found.append(Backtest(rows, Outcomes.of(history, rows, trained_as_of), forecasts))
    return Backtest.concat(found) if found else None


def _calibrate(found: Backtest) -> tuple[Backtest, tuple[Calibration, Calibration]]:
    """Choose the calibration of the trees on the held-back weeks; the forecasts get its effect on the later ones."""
    if LEARNED not in found.forecasts:
        return found, (UNCALIBRATED, UNCALIBRATED)
    learned, as_of = found.forecasts[LEARNED], found.rows.as_of
    soon = choose_calibration(learned.probability_7d, found.outcomes.within_7d, as_of)
    later = choose_calibration(learned.probability_28d, found.outcomes.within_28d, as_of)
    corrected = Forecast(soon.probabilities, later.probabilities, learned.expected_orders_90d)
    return replace(found, forecasts={**found.forecasts, LEARNED: corrected}), (soon.calibration, later.calibration)


def _fit(
    history: OrderHistory, as_of: date, days: list[date], options: NextOrderOptions
) -> tuple[dict[str, Baseline], LearnedForecast | None]:
    rows = _sampled(history, days, options)
    outcomes = Outcomes.of(history, rows, as_of)
    newest = _sampled(history, [as_of], replace(options, rows=options.customers))
    baselines: dict[str, Baseline] = {each.method: each.fit(rows, outcomes, newest) for each in BASELINES}
    can_learn = all(_has_both(known) for known in (outcomes.within_7d, outcomes.within_28d))
    return baselines, LearnedForecast.fit(rows, outcomes, options.trees) if can_learn else None


def _sampled(history: OrderHistory, days: Sequence[date], options: NextOrderOptions) -> FeatureRows:
    """The rows of a sample of customers on each day; about as many rows as the options allow, other customers each day."""
    places = customer_places(history.customer, _CUSTOMERS)
    sample = places < options.customers / max(len(places), 1)
    sample &= ~is_held_back(history.customer, options.held_back)
    share = min(1.0, options.rows / max(int(sample.sum()) * len(days), 1))
    parts = []
    for day in days:
        kept = sample & (customer_places(history.customer, _ROWS + day_number(day)) < share)
        parts.append(next_order_features(history, [day], options.history_days, np.flatnonzero(kept)))
    return FeatureRows.concat(parts)


def _has_both(happened: np.ndarray) -> bool:
    known = happened[~np.isnan(happened)]
    return len(known) >= _FEWEST_ROWS and bool(known.min() < known.max())

"""Trains the model of the next order on earlier as-of days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from cis_assets.dates import day_number
from cis_assets.errors import OperatorError
from cis_assets.predictions.calibration import UNCALIBRATED, Calibration, choose_calibration
from cis_assets.predictions.customer_sample import Purpose, customer_places, is_held_out
from cis_assets.predictions.model_rows import LEARNED
from cis_assets.predictions.next_order_baselines import BASELINES, Baseline, BuyTillYouLeave, OwnRate
from cis_assets.predictions.next_order_features import FeatureRows, next_order_features
from cis_assets.predictions.next_order_model import LearnedForecast, NextOrderModel, fit_chance
from cis_assets.predictions.next_order_outcomes import SOON, Outcomes
from cis_assets.predictions.order_history import OrderHistory
from cis_assets.segmentation.clustering import one_thread

STEP_DAYS = 6
"""Days between as-of days: about weekly, and every weekday is one of them."""

_WARM_UP_DAYS, _MOST_DAYS = 28, 60
_HELD_BACK_DAYS = 28
_HELD_BACK = (56, 28)
_FEWEST_TRAINING_DAYS = 4
_FEWEST_ROWS = 300


class NextOrderTrainingError(OperatorError):
    """The orders do not allow a model of the next order; the message says why and what to do."""


@dataclass(frozen=True)
class NextOrderOptions:
    """How much history a snapshot looks back on, and limits of the training.

    `held_out` is the share of customers that are not trained on, to measure a model on customers it has never seen. `seed`
    is that of samples, trees and intervals.
    """

    history_days: int = 365
    rows: int = 150_000
    trees: int = 150
    held_out: float = 0.0
    seed: int = 7


def train_next_order(
    history: OrderHistory,
    trained_as_of: date,
    options: NextOrderOptions,
    served_7d: str = OwnRate.method,
    served_28d: str = OwnRate.method,
    served_90d: str = BuyTillYouLeave.method,
) -> NextOrderModel:
    """Train on the orders up to a day; later orders of the history change nothing.

    The last eight weeks, forecast by trees of the time before them, calibrate the trees, which are fitted on all of the time.
    `served_7d`, `served_28d` and `served_90d` are the methods that an evaluation chose. Results depend neither on row order nor on threads.

    Raises NextOrderTrainingError if there is no earlier day, or no customer, to learn from.
    """
    days = as_of_days(history, trained_as_of)
    if not days:
        raise NextOrderTrainingError(
            f"There are fewer than {_WARM_UP_DAYS + SOON} days of orders up to {trained_as_of}, too few for the next order. "
            "Train as of a later day."
        )
    rows = _sampled(history, days, options)
    if not len(rows):
        raise NextOrderTrainingError(
            f"No customer to learn from ordered in the {options.history_days} days up to {trained_as_of}. "
            "Train as of an earlier day."
        )
    with one_thread():
        outcomes = Outcomes.of(history, rows, trained_as_of)
        newest = _newest(history, trained_as_of, options)
        baselines: dict[str, Baseline] = {each.method: each.fit(rows, outcomes, newest) for each in BASELINES}
        learned = _grow(rows, outcomes, options)
        if learned:
            learned = replace(learned, calibration_7d=_find_calibration(history, trained_as_of, days, options))
    served = (served_7d, served_28d, served_90d)
    if not learned:
        served = (OwnRate.method if each == LEARNED else each for each in served)
    served_7d, served_28d, served_90d = served
    return NextOrderModel(trained_as_of, served_7d, served_28d, served_90d, baselines, learned)


def as_of_days(history: OrderHistory, trained_as_of: date) -> list[date]:
    """Days to learn from, ascending: after four weeks of orders, with a week known after each, at most a year's."""
    if not len(history.day):
        return []
    known = (day_number(trained_as_of) - int(history.day.min()) - _WARM_UP_DAYS - SOON) // STEP_DAYS + 1
    last = trained_as_of - timedelta(days=SOON)
    return [last - timedelta(days=STEP_DAYS * back) for back in reversed(range(min(known, _MOST_DAYS)))]


def _find_calibration(
    history: OrderHistory, trained_as_of: date, days: list[date], options: NextOrderOptions
) -> Calibration:
    """Choose the calibration on the last eight weeks, each half forecast by trees of the time before it."""
    parts = []
    for back in _HELD_BACK:
        first, end = (trained_as_of - timedelta(days=each) for each in (back, back - _HELD_BACK_DAYS))
        earlier = [day for day in days if day + timedelta(days=SOON) <= first]
        later = [day for day in days if first <= day < end]
        if len(earlier) < _FEWEST_TRAINING_DAYS:
            continue
        known = _sampled(history, earlier, options)
        learned_from = Outcomes.of(history, known, first).within_7d
        if _has_both(learned_from):
            trees = fit_chance(known, learned_from, options.trees, options.seed)
            rows = _sampled(history, later, options)
            happened = Outcomes.of(history, rows, trained_as_of).within_7d
            parts.append((trees.probabilities(rows.values), happened, rows.as_of))
    if not parts:
        return UNCALIBRATED
    return choose_calibration(*(np.concatenate(each) for each in zip(*parts, strict=True)), days=SOON)


def _grow(rows: FeatureRows, outcomes: Outcomes, options: NextOrderOptions) -> LearnedForecast | None:
    """Trees, unless too little is known of one of the outcomes."""
    can_learn = all(_has_both(known) for known in (outcomes.within_7d, outcomes.within_28d))
    return LearnedForecast.fit(rows, outcomes, options.trees, options.seed) if can_learn else None


def _sampled(history: OrderHistory, days: Sequence[date], options: NextOrderOptions) -> FeatureRows:
    """The rows of each day; of a sample of customers, another one each day, if there are more rows than the options allow."""
    sample = ~is_held_out(history.customer, options.seed, options.held_out)
    # Customers of later orders have no rows, and must not change the sample.
    sample &= history.day[history.first] <= day_number(days[-1])
    share = min(1.0, options.rows / max(int(sample.sum()) * len(days), 1))
    parts = []
    for day in days:
        places = customer_places(history.customer, Purpose.TRAINING_ROWS, options.seed, day_number(day))
        kept = sample & (places < share)
        parts.append(next_order_features(history, [day], options.history_days, np.flatnonzero(kept)))
    return FeatureRows.concat(parts)


def _newest(history: OrderHistory, day: date, options: NextOrderOptions) -> FeatureRows:
    """The rows of all customers on a day, also of those who ordered longer ago than `history_days`."""
    customers = np.flatnonzero(~is_held_out(history.customer, options.seed, options.held_out))
    return next_order_features(history, [day], day_number(day) - int(history.day.min()) + 1, customers)


def _has_both(happened: np.ndarray) -> bool:
    known = happened[~np.isnan(happened)]
    return len(known) >= _FEWEST_ROWS and bool(known.min() < known.max())

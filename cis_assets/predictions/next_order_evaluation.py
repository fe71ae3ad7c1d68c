"""How good the forecasts of the next order are: rows of gold/model_evaluations from a backtest, and what serves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from cis_assets.dates import EPOCH, day_number
from cis_assets.predictions.customer_sample import HELD_OUT_SHARE, is_held_out
from cis_assets.predictions.evaluation_rows import (
    ALL,
    EVALUATION_COLUMNS,
    EXPECTED,
    FEWEST_CUSTOMERS,
    HELD_OUT,
    calibration_rows,
    no_calibration,
)
from cis_assets.predictions.model_rows import LEARNED, NEXT_ORDER
from cis_assets.predictions.next_order_baselines import BASELINES, BaseRate, BuyTillYouLeave, OwnRate
from cis_assets.predictions.next_order_features import FeatureRows, next_order_features
from cis_assets.predictions.next_order_model import NextOrderModel
from cis_assets.predictions.next_order_outcomes import LATER, LONG, SOON, Forecast, Outcomes
from cis_assets.predictions.next_order_training import (
    STEP_DAYS,
    NextOrderOptions,
    NextOrderTrainingError,
    train_next_order,
)
from cis_assets.predictions.order_history import OrderHistory
from cis_assets.predictions.scores import (
    absolute_error_terms,
    auc,
    brier_terms,
    ece,
    log_loss_terms,
    means_by_customer,
    poisson_deviance_terms,
)
from cis_assets.segmentation.lifecycle import LifecycleRules, customer_lifecycle

# Older trees than that hardly serve.
_LONGEST_DAYS = 125
_PROBABILITIES = {"": ("within_7d", "probability_7d"), "_28d": ("within_28d", "probability_28d")}
_TERMS = {"brier": brier_terms, "log_loss": log_loss_terms}
_COUNT_TERMS = {"absolute_error": absolute_error_terms, "poisson_deviance": poisson_deviance_terms}
_SUMMARIES = {"auc": auc, "ece": ece}


@dataclass(frozen=True)
class Backtest:
    """Forecasts of each method for rows that are later than everything it was fitted on, with what happened.

    `seed` draws the resamples of the intervals.
    """

    rows: FeatureRows
    outcomes: Outcomes
    forecasts: Mapping[str, Forecast]
    seed: int

    @classmethod
    def run(cls, model: NextOrderModel, history: OrderHistory, last: date, options: NextOrderOptions) -> Backtest:
        """Forecast each sixth day after the training, in a history that is complete up to the day `last`."""
        number = ((last - model.trained_as_of).days - SOON) // STEP_DAYS + 1
        days = [model.trained_as_of + timedelta(days=STEP_DAYS * each) for each in range(number)]
        rows = next_order_features(history, days, options.history_days)
        forecasts = {method: model.forecast(rows, method) for method in model.methods}
        return cls(rows, Outcomes.of(history, rows, last), forecasts, options.seed)

    def better_method(self, days: int) -> str:
        """The trees if their error for 7, 28 or 90 days is below that of each baseline beyond chance.

        Else the baseline with the least error, except the base rate, which is the same for all. Without outcomes the own
        rate, and BG/NBD for 90 days. The error is the Brier score, and for the orders within 90 days the Poisson deviance.
        """
        happened, forecast_name, terms_of = {
            SOON: (self.outcomes.within_7d, "probability_7d", brier_terms),
            LATER: (self.outcomes.within_28d, "probability_28d", brier_terms),
            LONG: (
                np.where(self.outcomes.exposure == LONG, self.outcomes.orders, np.nan),
                "expected_orders_90d",
                poisson_deviance_terms,
            ),
        }[days]
        known = ~np.isnan(happened)
        if not known.any():
            # Rates of the last weeks do not know that customers leave.
            return BuyTillYouLeave.method if days == LONG else OwnRate.method
        terms = {
            method: terms_of(happened[known], getattr(forecast, forecast_name)[known])
            for method, forecast in self.forecasts.items()
        }
        if LEARNED in terms:
            paired = np.column_stack([terms[LEARNED] - terms[each.method] for each in BASELINES])
            if all(each.high < 0 for each in means_by_customer(paired, self.rows.customer[known], self.seed)):
                return LEARNED
        return min((each.method for each in BASELINES if each is not BaseRate), key=lambda method: terms[method].mean())


@dataclass(frozen=True)
class NextOrderEvaluation:
    """The rows of an evaluation (EVALUATION_COLUMNS), the calibration of what serves, and what serves.

    `served_7d` and `served_28d` are the methods of the probabilities, and `served_90d` of the number of orders.
    """

    rows: pl.DataFrame
    calibration: pl.DataFrame
    served_7d: str
    served_28d: str
    served_90d: str

    @classmethod
    def nothing(cls) -> NextOrderEvaluation:
        """Of a history that is too short to hide a part of it."""
        own, leaving = OwnRate.method, BuyTillYouLeave.method
        return cls(pl.DataFrame(schema=EVALUATION_COLUMNS), no_calibration(), own, own, leaving)


def evaluate_next_order(
    orders: pl.DataFrame, last: date, options: NextOrderOptions, rules: LifecycleRules
) -> NextOrderEvaluation:
    """Train on two thirds of the time with four fifths of the customers, and forecast the time after it for all of them.

    `orders` are rows of silver/orders up to `last`. The slice `held_out_customers` has the customers that were not trained on.
    """
    options = replace(options, held_out=HELD_OUT_SHARE)
    history = OrderHistory.of_rows(orders)
    try:
        model = train_next_order(history, find_cut(history, last), options)
    except NextOrderTrainingError:
        return NextOrderEvaluation.nothing()
    found = Backtest.run(model, history, last, options)
    days = [EPOCH + timedelta(days=int(day)) for day in np.unique(found.rows.as_of)]
    lifecycle = customer_lifecycle(nw.from_native(orders.lazy()), days, options.history_days, rules)
    slices = {
        HELD_OUT: is_held_out(found.rows.customer, options.seed),
        **stage_slices(found, lifecycle),
    }
    served = found.better_method(SOON), found.better_method(LATER), found.better_method(LONG)
    curves = [calibration_curve(found, method, days) for method, days in zip(served[:2], (SOON, LATER), strict=True)]
    return NextOrderEvaluation(evaluation_rows(found, served, slices), pl.concat(curves), *served)


def find_cut(history: OrderHistory, last: date) -> date:
    """The end of the training: two thirds of the time from the first order to `last`, or later in a long history."""
    if not len(history.day):
        return last
    whole = day_number(last) - int(history.day.min())
    return last - timedelta(days=min(whole - 2 * whole // 3, _LONGEST_DAYS))


def evaluation_rows(found: Backtest, served: tuple[str, str, str], slices: Mapping[str, np.ndarray]) -> pl.DataFrame:
    """Each metric of each method, for all rows and for each slice (whether a row is in it), and paired differences.

    The trees are compared with each baseline. `served` has the methods for 7, 28 and 90 days. Slices of fewer than 10
    customers are left out.
    """
    large = {
        name: part for name, part in slices.items() if len(np.unique(found.rows.customer[part])) >= FEWEST_CUSTOMERS
    }
    rows = [
        {"task": NEXT_ORDER, "context": EXPECTED, "slice": name, **row}
        for name, part in {ALL: np.ones(len(found.rows), dtype=bool), **large}.items()
        for row in _metrics(found, part)
    ]
    soon, later, orders = map(pl.lit, served)
    metric = pl.col("metric").str
    serving = pl.when(metric.ends_with("_28d")).then(later).when(metric.ends_with("_90d")).then(orders).otherwise(soon)
    return pl.DataFrame(rows, schema=EVALUATION_COLUMNS).with_columns(served=pl.col("method") == serving)


def stage_slices(found: Backtest, lifecycle: pl.DataFrame) -> dict[str, np.ndarray]:
    """The rows of each lifecycle stage, from rows of gold/customer_lifecycle of the same days."""
    keys = pl.DataFrame(
        {
            "as_of_date": pl.Series(found.rows.as_of.astype(np.int32)).cast(pl.Date),
            "customer_id": found.rows.customer,
        }
    )
    stages = keys.join(lifecycle, on=["as_of_date", "customer_id"], how="left", maintain_order="left")["stage"]
    return {stage: (stages == stage).fill_null(False).to_numpy() for stage in sorted(stages.drop_nulls().unique())}


def calibration_curve(found: Backtest, method: str, days: int) -> pl.DataFrame:
    """The calibration of a method's probability of an order within 7 or 28 days, for rows whose outcome is known."""
    happened = found.outcomes.within_7d if days == SOON else found.outcomes.within_28d
    known = ~np.isnan(happened)
    probability = getattr(found.forecasts[method], f"probability_{days}d")
    return calibration_rows(NEXT_ORDER, f"order within {days} days", method, happened[known], probability[known])


def _metrics(found: Backtest, part: np.ndarray) -> Iterator[dict[str, Any]]:
    outcomes, forecasts = found.outcomes, found.forecasts
    for days, (outcome, probability) in _PROBABILITIES.items():
        happened = getattr(outcomes, outcome)
        known = part & ~np.isnan(happened)
        if not known.any():
            continue
        said = {method: getattr(each, probability)[known] for method, each in forecasts.items()}
        terms = {
            (f"{metric}{days}", method): terms_of(happened[known], each)
            for metric, terms_of in _TERMS.items()
            for method, each in said.items()
        }
        yield from _with_intervals(terms, found.rows.customer[known], found.seed)
        for metric, summary in _SUMMARIES.items():
            for method, each in said.items():
                value = summary(happened[known], each)
                yield {"method": method, "metric": f"{metric}{days}", "value": _finite(value), "n": len(each)}
    known = part & (outcomes.exposure == LONG)
    if known.any():
        terms = {
            (f"{metric}_90d", method): terms_of(outcomes.orders[known], each.expected_orders_90d[known])
            for metric, terms_of in _COUNT_TERMS.items()
            for method, each in forecasts.items()
        }
        yield from _with_intervals(terms, found.rows.customer[known], found.seed)


def _with_intervals(
    terms: Mapping[tuple[str, str], np.ndarray], customer: np.ndarray, seed: int
) -> Iterator[dict[str, Any]]:
    """The mean of each metric and method, and the differences of the trees to each baseline."""
    compared = [(metric, method, None, each) for (metric, method), each in terms.items()]
    compared += [
        (metric, LEARNED, method, terms[metric, LEARNED] - each)
        for (metric, method), each in terms.items()
        if method != LEARNED and (metric, LEARNED) in terms
    ]
    intervals = means_by_customer(np.column_stack([each for *_, each in compared]), customer, seed)
    for (metric, method, baseline, _), found in zip(compared, intervals, strict=True):
        limits = {"low": _finite(found.low), "high": _finite(found.high), "n": len(customer)}
        yield {"method": method, "metric": metric, "value": found.mean, "baseline": baseline, **limits}


def _finite(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None

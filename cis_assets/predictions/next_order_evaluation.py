"""How good the forecasts of the next order are: rows of gold/model_evaluations from a backtest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from cis_assets.predictions.evaluation_rows import ALL, EVALUATION_COLUMNS, HELD_OUT
from cis_assets.predictions.model_rows import NEXT_ORDER
from cis_assets.predictions.next_order_model import LEARNED, NextOrderModel
from cis_assets.predictions.next_order_outcomes import LONG
from cis_assets.predictions.next_order_training import (
    Backtest,
    NextOrderOptions,
    NextOrderTraining,
    backtest,
    is_held_back,
    train_next_order,
)
from cis_assets.predictions.order_history import OrderHistory
from cis_assets.predictions.scores import (
    absolute_error_terms,
    auc,
    brier_terms,
    calibration,
    ece,
    log_loss_terms,
    means_by_customer,
    poisson_deviance_terms,
)

CONTEXT = "expected"
HELD_OUT_SHARE = 0.2
_PROBABILITIES = {"": ("within_7d", "probability_7d"), "_28d": ("within_28d", "probability_28d")}
_TERMS = {"brier": brier_terms, "log_loss": log_loss_terms}
_COUNT_TERMS = {"absolute_error": absolute_error_terms, "poisson_deviance": poisson_deviance_terms}
_SUMMARIES = {"auc": auc, "ece": ece}


@dataclass(frozen=True)
class NextOrderEvaluation:
    """A model trained up to a cut, and how it forecast the days after it: `rows` has the columns EVALUATION_COLUMNS."""

    training: NextOrderTraining
    backtest: Backtest
    rows: pl.DataFrame


def evaluate_next_order(
    history: OrderHistory, cut: date, days: Sequence[date], last: date, options: NextOrderOptions
) -> NextOrderEvaluation:
    """Train up to the cut on four fifths of the customers, and forecast later days for all of them.

    The history is complete up to `last`. The slice `held_out_customers` has the customers that were not trained on.
    """
    options = replace(options, held_back=HELD_OUT_SHARE)
    training = train_next_order(history, cut, options)
    found = backtest(training.model, history, days, last, options.history_days)
    slices = {HELD_OUT: is_held_back(found.rows.customer, options.held_back)}
    return NextOrderEvaluation(training, found, evaluation_rows(found, training.model, slices))


def evaluation_rows(found: Backtest, model: NextOrderModel, slices: Mapping[str, np.ndarray]) -> pl.DataFrame:
    """Each metric of each method, for all rows and for each slice (whether a row is in it), and paired differences.

    The trees are compared with each baseline.
    """

    def served(metric: str) -> str:
        return model.served_28d if metric.endswith(("_28d", "_90d")) else model.served_7d

    parts = {ALL: np.ones(len(found.rows), dtype=bool), **slices}
    rows = [
        {"task": NEXT_ORDER, "context": CONTEXT, "slice": name, "served": row["method"] == served(row["metric"]), **row}
        for name, part in parts.items()
        if part.any()
        for row in _metrics(found, part)
    ]
    return pl.DataFrame(rows, schema=EVALUATION_COLUMNS)


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


def calibration_curve(found: Backtest, method: str) -> pl.DataFrame:
    """Mean probability of an order within 7 days, share that ordered, and rows of 15 quantile bins."""
    known = ~np.isnan(found.outcomes.within_7d)
    table = calibration(found.outcomes.within_7d[known], found.forecasts[method].probability_7d[known])
    return pl.DataFrame(table, schema=["probability", "share", "rows"]).cast({"rows": pl.Int64})


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
        yield from _with_intervals(terms, found.rows.customer[known])
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
        yield from _with_intervals(terms, found.rows.customer[known])


def _with_intervals(terms: Mapping[tuple[str, str], np.ndarray], customer: np.ndarray) -> Iterator[dict[str, Any]]:
    """The mean of each metric and method, and the differences of the trees to each baseline."""
    compared = [(metric, method, None, each) for (metric, method), each in terms.items()]
    compared += [
        (metric, LEARNED, method, terms[metric, LEARNED] - each)
        for (metric, method), each in terms.items()
        if method != LEARNED and (metric, LEARNED) in terms
    ]
    intervals = means_by_customer(np.column_stack([each for *_, each in compared]), customer)
    for (metric, method, baseline, _), found in zip(compared, intervals, strict=True):
        limits = {"low": _finite(found.low), "high": _finite(found.high), "n": len(customer)}
        yield {"method": method, "metric": metric, "value": found.mean, "baseline": baseline, **limits}


def _finite(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None

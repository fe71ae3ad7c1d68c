"""Evaluates both predictions on earlier orders, and trains what serves: the one place that decides which methods serve.

The evaluation hides the newest orders from its models. Those that serve are trained on all of them afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Self

import narwhals as nw
import numpy as np
import polars as pl

from cis_assets.catalog.gold import MODEL_EVALUATIONS, PREDICTION_MODELS
from cis_assets.dates import day_number
from cis_assets.predictions.basket_evaluation import evaluate_baskets
from cis_assets.predictions.basket_history import BasketHistory, sampled_history
from cis_assets.predictions.basket_ranker import RankerOptions, train_basket_ranker
from cis_assets.predictions.customer_sample import Purpose, is_sampled
from cis_assets.predictions.evaluation_rows import CONTEXTS, EXPECTED
from cis_assets.predictions.next_order_evaluation import evaluate_next_order
from cis_assets.predictions.next_order_training import NextOrderOptions, NextOrderTrainingError, train_next_order
from cis_assets.predictions.order_history import OrderHistory
from cis_assets.segmentation.clustering import one_thread
from cis_assets.segmentation.lifecycle import LifecycleRules, customer_lifecycle
from cis_assets.settings import Settings


@dataclass(frozen=True)
class PredictionOptions:
    """Options of both tasks, and the most customers that are read, trained on, and evaluated on."""

    next_order: NextOrderOptions = field(default_factory=NextOrderOptions)
    next_basket: RankerOptions = field(default_factory=RankerOptions)
    lifecycle: LifecycleRules = field(default_factory=LifecycleRules)
    most_customers: int = 20_000
    most_evaluated: int = 5_000

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        return cls(
            NextOrderOptions(history_days=settings.history_days, seed=settings.seed),
            RankerOptions(seed=settings.seed, history_days=settings.history_days),
            LifecycleRules.from_settings(settings),
        )


@dataclass(frozen=True)
class PredictionEvaluation:
    """Rows of gold/model_evaluations, calibration curves of what serves (CALIBRATION_COLUMNS), and what serves."""

    evaluations: pl.DataFrame
    calibration: pl.DataFrame
    next_order: tuple[str, str, str]
    next_basket: str


@dataclass(frozen=True)
class PredictionTraining:
    """An evaluation, and rows of gold/prediction_models: a version of each task that could be trained."""

    models: pl.DataFrame
    evaluations: pl.DataFrame
    calibration: pl.DataFrame


def evaluate_predictions(
    orders: nw.LazyFrame, order_items: nw.LazyFrame, products: nw.LazyFrame, day: date, options: PredictionOptions
) -> PredictionEvaluation:
    """Evaluate both tasks on the orders up to a day: rows of silver/orders, silver/order_items and silver/products.

    Methods that are better beyond chance serve, else baselines. A short history gives fewer rows, and baselines serve.
    """
    return _evaluate(_Sample.read(orders, order_items, products, day, options), day, options, CONTEXTS)


def train_predictions(
    orders: nw.LazyFrame, order_items: nw.LazyFrame, products: nw.LazyFrame, day: date, options: PredictionOptions
) -> PredictionTraining:
    """Evaluate as `evaluate_predictions` does, then train both tasks on all orders up to the day.

    Of the contexts of the next basket, only `expected` is evaluated, the one that serves. The models have the methods that
    the evaluation chose. A task with too few orders to train on has no model.
    """
    sample = _Sample.read(orders, order_items, products, day, options)
    found = _evaluate(sample, day, options, (EXPECTED,))
    models = [PREDICTION_MODELS.empty()]
    try:
        model = train_next_order(OrderHistory.of_rows(sample.orders), day, options.next_order, *found.next_order)
        models.append(model.rows())
    except NextOrderTrainingError:
        pass
    with one_thread():
        ranker = train_basket_ranker(sample.baskets, EXPECTED, options.next_basket)
    if ranker:
        models.append(ranker.rows(day, found.next_basket))
    return PredictionTraining(
        pl.concat(models).sort(PREDICTION_MODELS.key, maintain_order=True), found.evaluations, found.calibration
    )


@dataclass(frozen=True)
class _Sample:
    """The orders and baskets of a sample of customers."""

    orders: pl.DataFrame
    baskets: BasketHistory

    @classmethod
    def read(
        cls,
        orders: nw.LazyFrame,
        order_items: nw.LazyFrame,
        products: nw.LazyFrame,
        day: date,
        options: PredictionOptions,
    ) -> Self:
        last_day = day_number(day)
        # Every order of the last window is predicted from the window before it.
        first_day = last_day - 2 * options.next_basket.history_days + 1
        baskets = sampled_history(orders, order_items, products, last_day, options.most_customers, first_day)
        is_read = nw.col("customer_id").is_in(baskets.customer_id.tolist())
        known = orders.filter(is_read, nw.col("day_number") <= last_day)
        columns = ("customer_id", "day_number", "order_of_day", "item_count", "gap_is_minimum")
        return cls(known.select(*columns).collect(backend="polars").to_native(), baskets)

    def part(self, most_customers: int) -> Self:
        """The orders and baskets of fewer customers, chosen by a hash of their ids."""
        kept = self.baskets.of_customers(is_sampled(self.baskets.customer_id, Purpose.EVALUATED, most_customers))
        return replace(self, orders=self.orders.filter(pl.col("customer_id").is_in(kept.customer_id)), baskets=kept)


def _evaluate(sample: _Sample, day: date, options: PredictionOptions, contexts: Sequence[str]) -> PredictionEvaluation:
    part = sample.part(options.most_evaluated)
    order = evaluate_next_order(part.orders, day, options.next_order, options.lifecycle)
    stages = _stages_before_last_order(part, day, options)
    with one_thread():
        basket = evaluate_baskets(part.baskets, options.next_basket, stages, contexts)
    rows = pl.concat([order.rows, basket.rows]).with_columns(trained_as_of=pl.lit(day))
    return PredictionEvaluation(
        MODEL_EVALUATIONS.conform(rows.lazy()).collect(),
        pl.concat([order.calibration, basket.calibration]),
        (order.served_7d, order.served_28d, order.served_90d),
        basket.served[EXPECTED],
    )


def _stages_before_last_order(sample: _Sample, day: date, options: PredictionOptions) -> dict[str, np.ndarray]:
    """The customers of each lifecycle stage, on the day before their last order."""
    number = pl.col("day_number")
    # All last orders move to one day, so the stages of one snapshot are those before them.
    moved = sample.orders.with_columns(day_number=number - number.max().over("customer_id") + day_number(day))
    lifecycle = customer_lifecycle(
        nw.from_native(moved.lazy()), [day - timedelta(days=1)], options.next_order.history_days, options.lifecycle
    )
    keys = pl.DataFrame({"customer_id": sample.baskets.customer_id})
    stages = keys.join(lifecycle, on="customer_id", how="left", maintain_order="left")["stage"]
    return {stage: (stages == stage).fill_null(False).to_numpy() for stage in sorted(stages.drop_nulls().unique())}

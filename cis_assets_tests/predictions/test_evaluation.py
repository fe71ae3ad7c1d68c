from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import cache

import narwhals as nw
import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cis_assets.catalog.gold import MODEL_EVALUATIONS, PREDICTION_MODELS
from cis_assets.predictions.basket_ranker import BasketRanker, RankerOptions
from cis_assets.predictions.evaluation import (
    PredictionOptions,
    PredictionTraining,
    evaluate_predictions,
    train_predictions,
)
from cis_assets.predictions.evaluation_rows import CALIBRATION_COLUMNS
from cis_assets.predictions.next_order_model import NextOrderModel
from cis_assets.predictions.next_order_training import NextOrderOptions
from cis_assets.segmentation.lifecycle import STAGES
from cis_assets.settings import read_settings
from cis_assets_tests.predictions.baskets import PRODUCTS, order
from cis_assets_tests.segmentation.histories import FIRST_DAY, Order, history

OPTIONS = PredictionOptions(NextOrderOptions(trees=5), RankerOptions(most_cuts=1))
LAST = FIRST_DAY + timedelta(days=160)


def habits(customers: int = 30, days: int = 200, seed: int = 4) -> list[Order]:
    """Customers who order about every 4 to 10 days, from few products of their own; the last ones stop after a third."""
    generator = np.random.default_rng(seed)
    made = []
    for customer in range(1, customers + 1):
        own, gap = generator.choice(np.arange(1, 41), 8, replace=False), generator.uniform(4, 10)
        day = generator.uniform(0, gap)
        while day < (days if customer <= customers / 2 else days / 3):
            made.append(
                order(customer, int(day), *(int(each) for each in own if generator.random() < 0.7), int(own[0]))
            )
            day += gap * generator.uniform(0.6, 1.4)
    return [replace(each, lines=tuple(dict.fromkeys(each.lines))) for each in made]


def train(
    orders: list[Order], options: PredictionOptions = OPTIONS, *, shuffled: int | None = None
) -> PredictionTraining:
    tables = history(orders)
    frames = [tables.orders, tables.order_items, PRODUCTS]
    if shuffled is not None:
        frames = [frame.sample(fraction=1, shuffle=True, seed=shuffled) for frame in frames]
    heads, lines, products = (nw.from_native(frame.lazy()) for frame in frames)
    return train_predictions(heads, lines, products, LAST, options)


@cache
def trained() -> PredictionTraining:
    return train(habits())


def test_both_tasks_have_a_version_and_figures() -> None:
    found = trained()
    assert found.models.schema == dict(PREDICTION_MODELS.dtypes)
    assert found.models.select("task", "trained_as_of").unique().sort("task").rows() == [
        ("next_basket", LAST),
        ("next_order", LAST),
    ]
    assert found.evaluations.schema == dict(MODEL_EVALUATIONS.dtypes)
    assert found.evaluations["trained_as_of"].unique().to_list() == [LAST]
    assert found.evaluations.select("task", "context").unique().sort("task", "context").rows() == [
        ("next_basket", "expected"),
        ("next_order", "expected"),
    ]
    assert found.evaluations.select("task", "method", "slice", "context", "metric", "baseline").is_unique().all()
    assert found.calibration.schema == CALIBRATION_COLUMNS
    assert set(found.calibration["task"]) == {"next_basket", "next_order"}


def test_the_figures_and_the_stored_models_say_the_same_of_what_serves() -> None:
    found = trained()
    tasks = {task: rows for (task,), rows in found.models.group_by("task")}
    model = NextOrderModel.of_rows(tasks["next_order"])
    BasketRanker.of_rows(tasks["next_basket"])
    (basket,) = tasks["next_basket"]["served"][0]
    serves = found.evaluations.filter(pl.col("served"), pl.col("slice") == "all", pl.col("context") == "expected")
    for metric, method in (("log_loss", model.served_7d), ("brier_28d", model.served_28d), ("p@1", basket)):
        assert serves.filter(pl.col("metric") == metric)["method"].unique().to_list() == [method]
    curves = found.calibration.group_by("task", "event").agg(pl.col("method").unique()).sort("task", "event")
    assert curves["method"].explode().to_list() == [basket, model.served_28d, model.served_7d]


def test_both_tasks_have_slices_by_the_stage_before() -> None:
    rows = trained().evaluations
    for task in ("next_order", "next_basket"):
        stages = set(rows.filter(pl.col("task") == task)["slice"]) & set(STAGES)
        assert "active" in stages
    # Most of the customers who stopped are lapsed as of days, but were not before their last order.
    assert "lapsed" in rows.filter(pl.col("task") == "next_order")["slice"]
    assert "lapsed" not in rows.filter(pl.col("task") == "next_basket")["slice"]


def test_later_orders_and_the_order_of_rows_change_nothing() -> None:
    known = [each for each in habits() if each.date <= LAST]
    assert len(known) < len(habits())
    again = train([*known, order(1, 165, 40), order(99, 170, 1)], shuffled=5)
    for name in ("models", "evaluations", "calibration"):
        assert_frame_equal(getattr(again, name), getattr(trained(), name), check_exact=True)


def test_an_evaluation_alone_has_the_same_figures_and_the_context_given() -> None:
    tables = history(habits())
    frames = (tables.orders, tables.order_items, PRODUCTS)
    heads, lines, products = (nw.from_native(frame.lazy()) for frame in frames)
    found = evaluate_predictions(heads, lines, products, LAST, OPTIONS)
    is_given = pl.col("context") == "given"
    assert not found.evaluations.filter(is_given).is_empty()
    assert_frame_equal(found.evaluations.filter(~is_given), trained().evaluations, check_exact=True)


def test_orders_before_two_windows_change_no_basket() -> None:
    options = replace(OPTIONS, next_basket=replace(OPTIONS.next_basket, history_days=40))
    recent = [each for each in habits() if (LAST - each.date).days < 80]
    whole, part = (
        found.models.filter(pl.col("task") == "next_basket")
        for found in (train(habits(), options), train(recent, options))
    )
    assert_frame_equal(whole, part, check_exact=True)


def test_the_seed_and_the_window_of_the_settings_are_those_of_the_next_order() -> None:
    found = PredictionOptions.from_settings(read_settings(seed=31, history_days=90)).next_order
    assert (found.seed, found.history_days) == (31, 90)


def test_only_a_sample_of_the_customers_is_read() -> None:
    options = replace(OPTIONS, most_customers=25, most_evaluated=20)
    baskets = train(habits(), options).evaluations.filter(
        pl.col("task") == "next_basket", pl.col("metric") == "p@1", pl.col("slice") == "all"
    )
    assert baskets["n"].unique().to_list() == [20]


@pytest.mark.parametrize(
    ("orders", "tasks"),
    [
        ([], set()),
        ([order(1, 160, 1)], set()),
        ([order(customer, 160, 1, 2) for customer in range(1, 4)], set()),
        ([order(1, day, 1, 2) for day in range(0, 160, 7)], {"next_order"}),
        ([order(customer, day, 1, 2) for customer in range(1, 4) for day in range(0, 160, 7)], {"next_order"}),
        ([order(customer, customer % 160, 1) for customer in range(1, 60)], {"next_order"}),
    ],
    ids=["no order", "one order", "one day", "one customer", "three alike", "one order each"],
)
def test_a_short_history_is_served_by_baselines(orders: list[Order], tasks: set[str]) -> None:
    found = train(orders)
    assert set(found.models["task"]) == tasks
    assert set(found.models.explode("served")["served"]) <= {"own_rate", "personal_cadence", "bg_nbd"}
    assert found.evaluations.filter(pl.col("method").is_in(["learned", "ranker"]), pl.col("served")).is_empty()
    finite = found.evaluations.select(
        pl.col("value", "low", "high").is_finite().all() | pl.col("value", "low", "high").is_null().all()
    )
    assert all(finite.row(0))

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from threadpoolctl import threadpool_limits

from cis_assets.predictions.next_order_evaluation import evaluate_next_order, evaluation_rows
from cis_assets.predictions.next_order_features import FEATURES, FeatureRows, next_order_features
from cis_assets.predictions.next_order_model import LEARNED, NextOrderModel
from cis_assets.predictions.next_order_outcomes import Forecast, Outcomes
from cis_assets.predictions.next_order_training import (
    Backtest,
    NextOrderOptions,
    NextOrderTrainingError,
    ServingChoice,
    as_of_days,
    backtest,
    is_held_back,
    train_next_order,
)
from cis_assets.predictions.order_history import OrderHistory
from cis_assets.predictions.trees import StoredTreesError
from cis_assets_tests.predictions.shoppers import day, habitual, history, silver_orders

CUT, END = day(160), day(260)
OPTIONS = NextOrderOptions(trees=12)
ORDERS = silver_orders(habitual(150, 260))
HISTORY = OrderHistory.of_rows(ORDERS)
LATER = [day(offset) for offset in (163, 171, 180)]
BASELINES = ("base_rate", "own_rate", "personal_cadence", "bg_nbd")


@pytest.fixture(scope="module")
def model() -> NextOrderModel:
    return train_next_order(HISTORY, CUT, OPTIONS).model


@pytest.fixture(scope="module")
def rows() -> FeatureRows:
    return next_order_features(HISTORY, LATER, 365)


def known_until_cut(orders: pl.DataFrame) -> pl.DataFrame:
    return orders.filter(pl.col("order_date") <= CUT)


def test_later_orders_row_order_and_threads_change_no_bit_of_the_model(model: NextOrderModel) -> None:
    mixed = known_until_cut(ORDERS).sample(fraction=1, shuffle=True, seed=3)
    with threadpool_limits(limits=2):
        again = train_next_order(OrderHistory.of_rows(mixed), CUT, OPTIONS).model
    assert_frame_equal(again.rows(), model.rows(), check_exact=True)


def test_orders_before_the_cut_change_the_model(model: NextOrderModel) -> None:
    moved = ORDERS.with_columns(day_number=pl.col("day_number") + (pl.col("customer_id") % 2).cast(pl.Int32))
    changed = train_next_order(OrderHistory.of_rows(moved), CUT, OPTIONS).model
    assert not changed.rows().equals(model.rows())


def test_a_stored_model_forecasts_the_same(model: NextOrderModel, rows: FeatureRows) -> None:
    stored = NextOrderModel.of_rows(model.rows().sample(fraction=1, shuffle=True, seed=9))
    for method in (LEARNED, *BASELINES):
        for found, expected in zip(stored.forecast(rows, method), model.forecast(rows, method), strict=True):
            np.testing.assert_array_equal(found, expected)
    assert_frame_equal(stored.predict(rows), model.predict(rows), check_exact=True)


@pytest.mark.parametrize("part", ["trees_7d", "calibration_28d", "bg_nbd"])
def test_a_model_without_a_part_is_refused(model: NextOrderModel, part: str) -> None:
    with pytest.raises(StoredTreesError, match="cis train --predictions"):
        NextOrderModel.of_rows(model.rows().filter(pl.col("part") != part))


def test_a_model_of_other_features_is_refused(model: NextOrderModel) -> None:
    others = model.rows().with_columns(features=pl.lit(list(FEATURES[:-1])))
    with pytest.raises(StoredTreesError, match="other features"):
        NextOrderModel.of_rows(others)


@pytest.mark.parametrize("method", [LEARNED, *BASELINES])
def test_predictions_agree_with_each_other(model: NextOrderModel, rows: FeatureRows, method: str) -> None:
    found = replace(model, served_7d=method, served_28d=method).predict(rows)
    assert found.select("as_of_date", "customer_id").is_unique().all()
    assert found.select("served", "served_28d").unique().row(0) == (method, method)
    days = (pl.col("expected_order_date") - pl.col("as_of_date")).dt.total_days()
    soon, later, orders = pl.col("probability_7d"), pl.col("probability_28d"), pl.col("expected_orders_90d")
    assert found.select((soon > 0).all() & (soon <= later).all() & (later <= 1).all() & (orders > 0).all()).item()
    # The expected date is the first day by which an order is as likely as not.
    assert found.filter((soon >= 0.5) != (days <= 7).fill_null(False)).is_empty()
    assert found.filter((later >= 0.5) != (days <= 28).fill_null(False)).is_empty()
    assert found.filter((days < 1) | (days > 90)).is_empty()


def test_an_unlikely_order_has_no_date(model: NextOrderModel, rows: FeatureRows) -> None:
    nobody = Forecast(*(np.full(len(rows), value) for value in (0.001, 0.004, 0.01)))
    assert not model.days_until_order(rows, nobody).any()
    certain = Forecast(*(np.full(len(rows), value) for value in (1.0, 1.0, 20.0)))
    assert np.all(model.days_until_order(rows, certain) <= 7)


def test_a_short_history_is_served_by_a_baseline() -> None:
    trained = train_next_order(HISTORY, day(60), OPTIONS)
    assert (trained.model.served_7d, trained.model.served_28d, trained.backtest) == ("own_rate", "own_rate", None)
    with pytest.raises(NextOrderTrainingError, match="fewer than 35 days"):
        train_next_order(HISTORY, day(34), OPTIONS)
    with pytest.raises(NextOrderTrainingError, match="Train as of a later day"):
        train_next_order(OrderHistory.of_rows(ORDERS.clear()), CUT, OPTIONS)


def test_customers_with_one_order_each_can_be_trained_on() -> None:
    once = history([(customer, customer % 150) for customer in range(1, 400)])
    trained = train_next_order(once, day(160), OPTIONS)
    assert {trained.model.served_7d, trained.model.served_28d} <= set(BASELINES)
    found = trained.model.predict(next_order_features(once, [day(160)], 365))
    assert found.select(pl.col("probability_7d", "expected_orders_90d").is_finite().all()).row(0) == (True, True)


def test_days_to_learn_from_are_followed_by_a_known_week_and_fall_on_all_weekdays() -> None:
    days = as_of_days(HISTORY, CUT)
    assert (CUT - days[-1]).days == 7
    assert (days[0] - day(0)).days >= 28
    assert {each.weekday() for each in days} == set(range(7))


def test_held_back_customers_are_not_trained_on() -> None:
    options = replace(OPTIONS, held_back=0.3)
    unseen = HISTORY.customer[is_held_back(HISTORY.customer, 0.3)]
    assert 20 < len(unseen) < 70
    # Their orders move by a day; they stay customers, because the size of the sample counts them.
    moved = pl.when(pl.col("customer_id").is_in(unseen.tolist())).then(1).otherwise(0).cast(pl.Int32)
    changed = OrderHistory.of_rows(ORDERS.with_columns(day_number=pl.col("day_number") + moved))
    found, expected = (train_next_order(each, CUT, options).model.rows() for each in (changed, HISTORY))
    assert_frame_equal(found, expected, check_exact=True)


def choice(learned: np.ndarray, baseline: np.ndarray, happened: np.ndarray, days: int = 7) -> ServingChoice:
    """The decision if all baselines forecast the same."""
    count = len(happened)
    rows = FeatureRows(*(np.arange(count) for _ in range(5)))
    outcomes = Outcomes(happened, np.full(count, np.nan), happened, np.full(count, 20.0))
    forecasts = {name: Forecast(baseline, baseline, baseline) for name in BASELINES}
    found = Backtest(rows, outcomes, {**forecasts, LEARNED: Forecast(learned, learned, learned)})
    return ServingChoice.decide(found, days)


def test_trees_serve_only_if_they_are_better_beyond_chance() -> None:
    generator = np.random.default_rng(6)
    true = generator.uniform(size=500)
    happened = (generator.random(500) < true).astype(float)
    half = np.full(500, 0.5)
    clear = choice(true, half, happened)
    assert clear.served == LEARNED
    assert clear.difference.high < 0
    noise = choice(half + generator.normal(scale=0.02, size=500), half, happened)
    assert noise.served == noise.best_baseline == "base_rate"
    assert choice(half, true, happened).served == "base_rate"
    assert choice(true, half, happened, days=28).served == "own_rate"


def test_each_forecast_comes_from_the_method_that_serves_it(model: NextOrderModel, rows: FeatureRows) -> None:
    found = replace(model, served_7d=LEARNED, served_28d="bg_nbd").forecast(rows)
    learned, baseline = model.forecast(rows, LEARNED), model.forecast(rows, "bg_nbd")
    np.testing.assert_array_equal(found.probability_7d, learned.probability_7d)
    later = np.maximum(baseline.probability_28d, learned.probability_7d)
    np.testing.assert_array_equal(found.probability_28d, later)
    np.testing.assert_array_equal(found.expected_orders_90d, baseline.expected_orders_90d)


def test_an_evaluation_compares_all_methods_on_later_days() -> None:
    found = evaluate_next_order(HISTORY, CUT, LATER, END, OPTIONS)
    table = found.rows
    assert set(table["method"]) == {LEARNED, *BASELINES}
    assert set(table["slice"]) == {"all", "held_out_customers"}
    model = found.training.model
    for metric, served in (("ece", model.served_7d), ("brier_28d", model.served_28d), ("auc_28d", model.served_28d)):
        assert table.filter(pl.col("served"), pl.col("metric") == metric)["method"].unique().to_list() == [served]
    single = table.filter((pl.col("slice") == "all") & pl.col("baseline").is_null())
    assert single.select("method", "metric").is_unique().all()
    values = dict(zip(single.select("method", "metric").iter_rows(), single["value"], strict=True))
    paired = table.filter((pl.col("slice") == "all") & pl.col("baseline").is_not_null())
    assert paired.height == 4 * 6
    for row in paired.iter_rows(named=True):
        difference = values[LEARNED, row["metric"]] - values[row["baseline"], row["metric"]]
        assert row["value"] == pytest.approx(difference)
        assert row["low"] <= row["value"] <= row["high"]
    rows = found.backtest
    assert values["own_rate", "brier"] == pytest.approx(
        ((rows.outcomes.within_7d - rows.forecasts["own_rate"].probability_7d) ** 2).mean()
    )


def test_rows_whose_outcome_is_not_known_do_not_count(model: NextOrderModel) -> None:
    found = backtest(model, HISTORY, LATER, day(191), 365)
    counts = dict(evaluation_rows(found, model, {}).group_by("metric").agg(pl.col("n").max()).iter_rows())
    assert counts["brier"] == len(found.rows)
    # Only the first day is followed by four weeks, and none by 90 days.
    assert counts["brier_28d"] == (found.rows.as_of == found.rows.as_of.min()).sum()
    assert "absolute_error_90d" not in counts

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from threadpoolctl import threadpool_limits

from cis_assets.dates import day_number
from cis_assets.predictions.customer_sample import is_held_out
from cis_assets.predictions.model_rows import LEARNED
from cis_assets.predictions.next_order_evaluation import Backtest, evaluate_next_order, evaluation_rows, find_cut
from cis_assets.predictions.next_order_features import FEATURES, FeatureRows, next_order_features
from cis_assets.predictions.next_order_model import LearnedForecast, NextOrderModel
from cis_assets.predictions.next_order_outcomes import Forecast, Outcomes
from cis_assets.predictions.next_order_training import (
    NextOrderOptions,
    NextOrderTrainingError,
    as_of_days,
    train_next_order,
)
from cis_assets.predictions.order_history import OrderHistory
from cis_assets.predictions.trees import TREE_COLUMNS, StoredTreesError
from cis_assets.segmentation.lifecycle import STAGES, LifecycleRules
from cis_assets_tests.predictions.shoppers import day, habitual, history, silver_orders

CUT, END = day(160), day(260)
OPTIONS = NextOrderOptions(trees=12)
ORDERS = silver_orders(habitual(150, 260))
HISTORY = OrderHistory.of_rows(ORDERS)
LATER = [day(offset) for offset in (163, 171, 180)]
BASELINES: tuple[str, ...] = ("base_rate", "own_rate", "personal_cadence", "bg_nbd")


@pytest.fixture(scope="module")
def model() -> NextOrderModel:
    return train_next_order(HISTORY, CUT, OPTIONS)


@pytest.fixture(scope="module")
def rows() -> FeatureRows:
    return next_order_features(HISTORY, LATER, 365)


def known_until_cut(orders: pl.DataFrame) -> pl.DataFrame:
    return orders.filter(pl.col("order_date") <= CUT)


def test_later_orders_row_order_and_threads_change_no_bit_of_the_model(model: NextOrderModel) -> None:
    mixed = known_until_cut(ORDERS).sample(fraction=1, shuffle=True, seed=3)
    with threadpool_limits(limits=2):
        again = train_next_order(OrderHistory.of_rows(mixed), CUT, OPTIONS)
    assert_frame_equal(again.rows(), model.rows(), check_exact=True)


def test_orders_before_the_cut_change_the_model(model: NextOrderModel) -> None:
    moved = ORDERS.with_columns(day_number=pl.col("day_number") + (pl.col("customer_id") % 2).cast(pl.Int32))
    changed = train_next_order(OrderHistory.of_rows(moved), CUT, OPTIONS)
    assert not changed.rows().equals(model.rows())


def test_a_stored_model_forecasts_the_same(model: NextOrderModel, rows: FeatureRows) -> None:
    stored = NextOrderModel.of_rows(model.rows().sample(fraction=1, shuffle=True, seed=9))
    for method in (LEARNED, *BASELINES):
        for found, expected in zip(stored.forecast(rows, method), model.forecast(rows, method), strict=True):
            np.testing.assert_array_equal(found, expected)
    assert_frame_equal(stored.predict(rows), model.predict(rows), check_exact=True)


@pytest.mark.parametrize("part", ["trees_7d", "trees_28d", "trees_90d", "calibration_7d", *BASELINES])
def test_a_model_without_a_part_is_refused(model: NextOrderModel, part: str) -> None:
    with pytest.raises(StoredTreesError, match="cis train --predictions"):
        NextOrderModel.of_rows(model.rows().filter(pl.col("part") != part))


@pytest.mark.parametrize("part", ["calibration_7d", *BASELINES])
def test_a_model_with_too_many_or_too_few_numbers_is_refused(model: NextOrderModel, part: str) -> None:
    value = pl.col("value")
    for damaged in (value.list.head(value.list.len() - 1), pl.concat_list(value, 0.5)):
        rows = model.rows().with_columns(pl.when(pl.col("part") == part).then(damaged).otherwise(value).alias("value"))
        with pytest.raises(StoredTreesError, match=rf"^{part} of .* is damaged[.] Run `cis train --predictions`[.]$"):
            NextOrderModel.of_rows(rows)


@pytest.mark.parametrize("served", [["coin"] * 3, ["own_rate"], ["own_rate"] * 4, [], None])
def test_a_model_that_does_not_have_what_serves_is_refused(model: NextOrderModel, served: list[str] | None) -> None:
    rows = model.rows().with_columns(served=pl.lit(served, dtype=pl.List(pl.String)))
    with pytest.raises(StoredTreesError, match="served methods"):
        NextOrderModel.of_rows(rows)


@settings(max_examples=80)
@given(data=st.data())
def test_whatever_is_damaged_in_a_stored_model_it_is_refused_in_one_sentence(
    model: NextOrderModel, data: st.DataObject
) -> None:
    rows = model.rows().to_dicts()
    row = data.draw(st.sampled_from(rows))
    values = row[data.draw(st.sampled_from([name for name in TREE_COLUMNS if name != "tree" and row[name]]))]
    place = data.draw(st.integers(0, len(row["value"]) - 1))
    match data.draw(st.sampled_from(["lost", "twice", "null", "short", "not finite"])):
        case "lost":
            rows.remove(row)
        case "twice":
            rows.append(row)
        case "null":
            values[place] = None
        case "short":
            del values[place]
        case "not finite":
            row["value"][place] = data.draw(st.sampled_from([np.nan, np.inf, -np.inf]))
    with pytest.raises(StoredTreesError) as refused:
        NextOrderModel.of_rows(pl.DataFrame(rows, schema=model.rows().schema))
    said, advice = str(refused.value).split(". ")
    assert said
    assert advice == "Run `cis train --predictions`."


def test_trees_that_are_not_stored_do_not_serve(model: NextOrderModel) -> None:
    rows = replace(model, served_7d=LEARNED).rows()
    baselines = rows.filter(pl.col("part").is_in(BASELINES))
    with pytest.raises(StoredTreesError, match="served methods"):
        NextOrderModel.of_rows(baselines)
    whole = NextOrderModel.of_rows(baselines.with_columns(served=pl.lit(["own_rate", "bg_nbd", "own_rate"])))
    assert (whole.learned, whole.served_7d) == (None, "own_rate")


def test_a_model_of_other_features_is_refused(model: NextOrderModel) -> None:
    others = model.rows().with_columns(features=pl.lit(list(FEATURES[:-1])))
    with pytest.raises(StoredTreesError, match="other features"):
        NextOrderModel.of_rows(others)


@pytest.mark.parametrize("method", [LEARNED, *BASELINES])
def test_predictions_agree_with_each_other(model: NextOrderModel, rows: FeatureRows, method: str) -> None:
    found = replace(model, served_7d=method, served_28d=method, served_90d=method).predict(rows)
    assert found.select("as_of_date", "customer_id").is_unique().all()
    assert found.select("served", "served_28d", "served_90d").unique().row(0) == (method, method, method)
    days = (pl.col("expected_order_date") - pl.col("as_of_date")).dt.total_days()
    soon, later, orders = pl.col("probability_7d"), pl.col("probability_28d"), pl.col("expected_orders_90d")
    assert found.select((soon > 0).all() & (soon <= later).all() & (later <= 1).all() & (orders > 0).all()).item()
    # The expected date is the first day up to which an order is as likely as not.
    assert found.filter((soon >= 0.5) != (days <= 7).fill_null(False)).is_empty()
    assert found.filter((later >= 0.5) != (days <= 28).fill_null(False)).is_empty()
    assert found.filter((days < 1) | (days > 90)).is_empty()


def test_an_unlikely_order_has_no_date(model: NextOrderModel, rows: FeatureRows) -> None:
    nobody = Forecast(*(np.full(len(rows), value) for value in (0.001, 0.004, 0.01)))
    assert not model.days_until_order(rows, nobody).any()
    certain = Forecast(*(np.full(len(rows), value) for value in (1.0, 1.0, 20.0)))
    assert np.all(model.days_until_order(rows, certain) <= 7)


def test_a_short_history_is_served_by_a_baseline() -> None:
    found = evaluate_next_order(ORDERS.filter(pl.col("order_date") <= day(50)), day(50), OPTIONS, LifecycleRules())
    assert (found.served_7d, found.served_28d, found.rows.height) == ("own_rate", "own_rate", 0)
    trained = train_next_order(HISTORY, day(50), OPTIONS)
    assert (trained.served_7d, trained.served_28d) == ("own_rate", "own_rate")
    with pytest.raises(NextOrderTrainingError, match="fewer than 35 days"):
        train_next_order(HISTORY, day(34), OPTIONS)
    with pytest.raises(NextOrderTrainingError, match="Train as of a later day"):
        train_next_order(OrderHistory.of_rows(ORDERS.clear()), CUT, OPTIONS)


def test_customers_with_one_order_each_can_be_trained_on() -> None:
    once = history([(customer, customer % 150) for customer in range(1, 400)])
    trained = train_next_order(once, day(160), OPTIONS, LEARNED, "bg_nbd")
    assert (trained.learned, trained.served_7d, trained.served_28d) == (None, "own_rate", "bg_nbd")
    found = trained.predict(next_order_features(once, [day(160)], 365))
    assert found.select(pl.col("probability_7d", "expected_orders_90d").is_finite().all()).row(0) == (True, True)


def test_days_to_learn_from_are_followed_by_a_known_week_and_fall_on_all_weekdays() -> None:
    days = as_of_days(HISTORY, CUT)
    assert (CUT - days[-1]).days == 7
    assert (days[0] - day(0)).days >= 28
    assert {each.weekday() for each in days} == set(range(7))


def test_held_out_customers_are_not_trained_on() -> None:
    options = replace(OPTIONS, held_out=0.3)
    unseen = HISTORY.customer[is_held_out(HISTORY.customer, OPTIONS.seed, 0.3)]
    assert 20 < len(unseen) < 70
    # Their orders move by a day.
    moved = pl.when(pl.col("customer_id").is_in(unseen.tolist())).then(1).otherwise(0).cast(pl.Int32)
    changed = OrderHistory.of_rows(ORDERS.with_columns(day_number=pl.col("day_number") + moved))
    found, expected = (train_next_order(each, CUT, options).rows() for each in (changed, HISTORY))
    assert_frame_equal(found, expected, check_exact=True)


def crafted(learned: np.ndarray, baselines: dict[str, np.ndarray], happened: np.ndarray) -> Backtest:
    count = len(happened)
    rows = FeatureRows(*(np.arange(count) for _ in range(5)))
    outcomes = Outcomes(happened, np.full(count, np.nan), happened, np.full(count, 20.0))
    said = {**baselines, LEARNED: learned}
    return Backtest(rows, outcomes, {name: Forecast(each, each, each) for name, each in said.items()}, seed=7)


def choice(learned: np.ndarray, baseline: np.ndarray, happened: np.ndarray, days: int = 7) -> str:
    """What serves if all baselines forecast the same."""
    return crafted(learned, dict.fromkeys(BASELINES, baseline), happened).better_method(days)


def test_trees_serve_only_if_they_are_better_beyond_chance() -> None:
    generator = np.random.default_rng(6)
    true = generator.uniform(size=500)
    happened = (generator.random(500) < true).astype(float)
    half = np.full(500, 0.5)
    assert choice(true, half, happened) == LEARNED
    assert choice(half + generator.normal(scale=0.02, size=500), half, happened) == "own_rate"
    assert choice(half, true, happened) == "own_rate"
    assert choice(true, half, happened, days=28) == "own_rate"


@pytest.mark.parametrize("other", BASELINES)
def test_trees_do_not_serve_while_any_baseline_may_be_as_good(other: str) -> None:
    # The other baseline is worse on average than all others, but so uneven that it may be better than the trees.
    happened, trees, even = np.ones(500), np.full(500, 0.7), np.full(500, 0.69)
    uneven = np.where(np.arange(500) % 2, 1.0, 1 - np.sqrt(0.196))
    assert ((1 - uneven) ** 2).mean() > ((1 - even) ** 2).mean() > ((1 - trees) ** 2).mean()
    baselines = dict.fromkeys(BASELINES, even)
    best = "personal_cadence" if other == "own_rate" else "own_rate"
    assert crafted(trees, baselines, happened).better_method(7) == LEARNED
    assert crafted(trees, {**baselines, other: uneven}, happened).better_method(7) == best
    clearly_worse = np.where(np.arange(500) % 2, 1.0, 0.4)
    assert crafted(trees, {**baselines, other: clearly_worse}, happened).better_method(7) == LEARNED


def test_each_forecast_comes_from_the_method_that_serves_it(model: NextOrderModel, rows: FeatureRows) -> None:
    found = replace(model, served_7d=LEARNED, served_28d="bg_nbd", served_90d="own_rate").forecast(rows)
    learned, baseline, own = (model.forecast(rows, method) for method in (LEARNED, "bg_nbd", "own_rate"))
    np.testing.assert_array_equal(found.probability_7d, learned.probability_7d)
    later = np.maximum(baseline.probability_28d, learned.probability_7d)
    np.testing.assert_array_equal(found.probability_28d, later)
    np.testing.assert_array_equal(found.expected_orders_90d, np.maximum(own.expected_orders_90d, later))


def test_an_evaluation_compares_all_methods_on_later_days() -> None:
    found = evaluate_next_order(ORDERS, END, OPTIONS, LifecycleRules())
    table = found.rows
    assert set(table["method"]) == {LEARNED, *BASELINES}
    assert set(table["slice"]) <= {"all", "held_out_customers", *STAGES}
    assert {"all", "held_out_customers", "active", "lapsed"} <= set(table["slice"])
    for metric, served in (
        ("ece", found.served_7d),
        ("brier_28d", found.served_28d),
        ("auc_28d", found.served_28d),
    ):
        assert table.filter(pl.col("served"), pl.col("metric") == metric)["method"].unique().to_list() == [served]
    # No 90 days are known after the cut.
    assert found.served_90d == "bg_nbd"
    single = table.filter((pl.col("slice") == "all") & pl.col("baseline").is_null())
    assert single.select("method", "metric").is_unique().all()
    values = dict(zip(single.select("method", "metric").iter_rows(), single["value"], strict=True))
    paired = table.filter((pl.col("slice") == "all") & pl.col("baseline").is_not_null())
    assert paired.height == 4 * 4
    for row in paired.iter_rows(named=True):
        difference = values[LEARNED, row["metric"]] - values[row["baseline"], row["metric"]]
        assert row["value"] == pytest.approx(difference)
        assert row["low"] <= row["value"] <= row["high"]
    cut = find_cut(HISTORY, END)
    trained = train_next_order(HISTORY, cut, replace(OPTIONS, held_out=0.2))
    again = Backtest.run(trained, HISTORY, END, OPTIONS)
    assert again.rows.as_of.min() == day_number(cut)
    assert again.rows.as_of.max() in range(day_number(END) - 12, day_number(END) - 6)
    assert values["own_rate", "brier"] == pytest.approx(
        ((again.outcomes.within_7d - again.forecasts["own_rate"].probability_7d) ** 2).mean()
    )


def test_the_calibration_curve_is_of_what_serves() -> None:
    found = evaluate_next_order(ORDERS, END, OPTIONS, LifecycleRules())
    curves = found.calibration.group_by("event", maintain_order=True).agg(
        pl.col("method").unique().first(), pl.col("rows").sum(), bins=pl.len()
    )
    assert curves["event"].to_list() == ["order within 7 days", "order within 28 days"]
    assert curves["method"].to_list() == [found.served_7d, found.served_28d]
    assert curves["bins"].to_list() == [15, 15]
    brier = found.rows.filter(pl.col("slice") == "all", pl.col("metric") == "brier", pl.col("baseline").is_null())
    assert curves["rows"][0] == brier["n"][0]


def test_slices_of_few_customers_have_no_figures(model: NextOrderModel) -> None:
    found = Backtest.run(model, HISTORY, END, OPTIONS)
    nine, ten = (found.rows.customer <= number for number in (9, 10))
    assert len(np.unique(found.rows.customer[ten])) == 10
    assert set(evaluation_rows(found, (LEARNED, LEARNED, LEARNED), {"nine": nine, "ten": ten})["slice"]) == {
        "all",
        "ten",
    }


def test_a_long_history_is_cut_a_third_of_a_year_before_its_end() -> None:
    long = history([(1, 0), (1, 1500)])
    assert (day(1500) - find_cut(long, day(1500))).days == 125
    assert find_cut(history([(1, 0), (1, 90)]), day(90)) == day(60)


def test_rows_whose_outcome_is_not_known_do_not_count(model: NextOrderModel) -> None:
    found = Backtest.run(model, HISTORY, day(191), OPTIONS)
    counts = dict(
        evaluation_rows(found, (LEARNED, LEARNED, LEARNED), {}).group_by("metric").agg(pl.col("n").max()).iter_rows()
    )
    assert counts["brier"] == len(found.rows)
    # Only the first day is followed by four weeks, and none by 90 days.
    assert counts["brier_28d"] == (found.rows.as_of == found.rows.as_of.min()).sum()
    assert "absolute_error_90d" not in counts


def test_rates_weigh_as_much_as_the_days_that_they_are_known_from() -> None:
    count = 400
    alike = FeatureRows(*(np.zeros((count, 1)) for _ in range(5)))
    exposure = np.where(np.arange(count) % 2, 90.0, 28.0)
    orders = np.where(np.arange(count) % 2, 9.0, 14.0)
    happened = (np.arange(count) % 3 > 0).astype(float)
    fitted = LearnedForecast.fit(alike, Outcomes(happened, happened, orders, exposure), 5, 7)
    expected = fitted.forecast(alike).expected_orders_90d
    assert expected == pytest.approx(np.full(count, 90 * orders.sum() / exposure.sum()))


def test_baselines_know_the_customers_who_left_more_than_history_days_ago() -> None:
    # As many left after a single order, 150 days before the training.
    placed = [*habitual(100, 160), *((customer, 10) for customer in range(101, 201))]
    fitted = [
        train_next_order(history(each), day(160), replace(OPTIONS, history_days=100)).baselines
        for each in (placed, [each for each in placed if each[0] <= 100])
    ]
    whole, without = (each["bg_nbd"].parameters() for each in fitted)
    assert whole[0] < 0.8 * without[0]


def test_customers_who_all_left_long_ago_cannot_be_trained_on() -> None:
    with pytest.raises(NextOrderTrainingError, match="Train as of an earlier day"):
        train_next_order(HISTORY, day(260 + 365 + 400), OPTIONS)


def test_another_seed_changes_samples_only() -> None:
    whole = [train_next_order(HISTORY, CUT, replace(OPTIONS, seed=seed)).rows() for seed in (1, 2)]
    assert_frame_equal(*whole, check_exact=True)
    sampled = [train_next_order(HISTORY, CUT, replace(OPTIONS, seed=seed, rows=1_500)).rows() for seed in (1, 1, 2)]
    assert_frame_equal(*sampled[:2], check_exact=True)
    assert not sampled[0].equals(sampled[2])

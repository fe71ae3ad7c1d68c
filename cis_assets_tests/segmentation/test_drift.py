from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from cis_assets.catalog.gold import SEGMENT_MODEL
from cis_assets.segmentation.assignment import place_customers
from cis_assets.segmentation.drift import DRIFTED, measure_drift, population_stability
from cis_assets.segmentation.versions import add_challenger
from cis_assets_tests.segmentation.shoppers import habits_of, planted, train

SIZES = {"weekly": 120, "top-up": 100, "rare": 80, "gone": 60}


def drift(model: pl.DataFrame, features: pl.DataFrame) -> dict[str, float]:
    habits = habits_of(features)
    return dict(measure_drift(habits, place_customers(habits, model), model))


def test_equal_shares_have_an_index_of_zero_and_others_more() -> None:
    assert population_stability(np.array([10, 30]), np.array([20, 60])) == pytest.approx(0)
    assert population_stability(np.array([10, 30]), np.array([30, 10])) == pytest.approx(np.log(3))
    assert np.isfinite(population_stability(np.array([0, 40]), np.array([40, 0])))


@pytest.mark.parametrize("seed", range(10))
def test_other_customers_with_the_same_habits_are_no_drift(planted_model: pl.DataFrame, seed: int) -> None:
    assert max(drift(planted_model, planted(SIZES, seed=20 + seed)[0]).values()) < DRIFTED


def test_planted_new_habits_are_drift(planted_model: pl.DataFrame) -> None:
    rarer = planted(SIZES, seed=4)[0].with_columns(pl.col("mean_gap_days") * 2)
    found = drift(planted_model, rarer)
    assert found["gap_days"] > DRIFTED
    assert found["basket_size"] < DRIFTED


def test_customers_who_stop_ordering_are_drift(planted_model: pl.DataFrame) -> None:
    habits = habits_of(planted(SIZES, seed=4)[0])
    silent = pl.col("customer_id") % 2 == 0
    now = habits.with_columns(
        pl.when(~silent).then(name).alias(name) for name in ("recent_gap_days", "recent_basket_size")
    )
    found = measure_drift(now, place_customers(now, planted_model), planted_model)
    assert found["gap_days"] > DRIFTED


def test_a_segment_that_loses_its_customers_is_drift(planted_model: pl.DataFrame) -> None:
    assert drift(planted_model, planted({**SIZES, "weekly": 5}, seed=4)[0])["segment shares"] > DRIFTED


@pytest.mark.parametrize("habit", [{}, {"gap_days": 60.0}, {"gap_days": 60.0, "basket_size": 5.0}])
def test_the_customers_of_the_training_have_no_drift_however_many_are_alike(habit: dict[str, float]) -> None:
    habits = habits_of(planted(SIZES)[0])
    is_alike = pl.col("customer_id") % 4 != 0
    alike = habits.with_columns(
        pl.when(is_alike).then(pl.lit(value)).otherwise(f"{part}{name}").alias(f"{part}{name}")
        for name, value in habit.items()
        for part in ("", "recent_")
    )
    model = add_challenger(SEGMENT_MODEL.empty(), train(alike).rows)
    found = measure_drift(alike, place_customers(alike, model), model)
    assert max(found.values()) == pytest.approx(0, abs=1e-9)


def test_new_customers_do_not_count(planted_model: pl.DataFrame) -> None:
    assert drift(planted_model, planted({"new": 10})[0].with_columns(order_count=pl.lit(2, pl.Int32))) == {}

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cis_assets.catalog.gold import SEGMENT_MODEL
from cis_assets.segmentation.features import CLUSTERED_FEATURES, MissingFeatureError
from cis_assets.segmentation.model import TrainingError
from cis_assets_tests.segmentation.shoppers import AS_OF, KINDS, customers, habits_of, planted, train


def test_the_planted_kinds_of_customers_are_found_with_their_names(
    planted_customers: tuple[pl.DataFrame, list[str]], planted_model: pl.DataFrame
) -> None:
    sizes = Counter(kind for kind in planted_customers[1] if kind != "new")
    assert planted_model["customer_count"].to_list() == sorted(sizes.values(), reverse=True)
    assert planted_model["segment_name"].to_list() == [
        "Weekly stock-up",
        "Frequent top-up",
        "Monthly top-up",
        "Weekly shoppers",
    ]


def test_every_planted_customer_is_placed_with_its_own_kind(
    planted_customers: tuple[pl.DataFrame, list[str]], planted_segments: pl.DataFrame
) -> None:
    pairs = Counter(zip(planted_customers[1], planted_segments["segment_id"], strict=True))
    assert len(pairs) == len(KINDS)


def test_rows_are_those_of_the_catalog(planted_model: pl.DataFrame) -> None:
    assert dict(planted_model.schema) == SEGMENT_MODEL.dtypes
    assert planted_model["segment_id"].to_list() == [1, 2, 3, 4]
    assert planted_model["segment_count"].unique().to_list() == [4]
    assert planted_model["feature_names"][0].to_list() == list(CLUSTERED_FEATURES)
    assert planted_model["trained_as_of"].unique().to_list() == [AS_OF]
    assert planted_model["jaccard"].min() > 0.9
    assert SEGMENT_MODEL.schema.is_valid(planted_model)


def test_centers_are_stored_in_the_habits_own_units_too(planted_model: pl.DataFrame) -> None:
    top_up = planted_model.row(1, named=True)
    values = dict(zip(top_up["feature_names"], top_up["centroid_values"], strict=True))
    assert values["gap_days"] == pytest.approx(KINDS["top-up"]["mean_gap_days"], rel=0.1)
    assert values["basket_size"] == pytest.approx(KINDS["top-up"]["mean_basket_size"], rel=0.1)


def test_the_order_of_customers_does_not_matter(planted_customers: tuple[pl.DataFrame, list[str]]) -> None:
    habits = habits_of(planted_customers[0])
    shuffled = train(habits.sample(fraction=1, shuffle=True, seed=3))
    assert_frame_equal(shuffled.rows, train(habits).rows, check_exact=True)


def test_the_number_of_threads_does_not_matter(
    planted_customers: tuple[pl.DataFrame, list[str]], tmp_path: Path
) -> None:
    habits_of(planted_customers[0]).write_parquet(tmp_path / "habits.parquet")
    code = (
        "import polars as pl; from cis_assets_tests.segmentation.shoppers import train; "
        "train(pl.read_parquet('habits.parquet')).rows.write_parquet('model.parquet')"
    )
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": root}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True)
    expected = train(habits_of(planted_customers[0])).rows
    assert_frame_equal(pl.read_parquet(tmp_path / "model.parquet"), expected, check_exact=True)


def test_a_model_searched_on_a_sample_counts_and_fits_all_customers(
    planted_customers: tuple[pl.DataFrame, list[str]], planted_model: pl.DataFrame
) -> None:
    sampled = train(habits_of(planted_customers[0]), search_customers=150).rows
    assert sampled["customer_count"].to_list() == planted_model["customer_count"].to_list()
    np.testing.assert_allclose(sampled["centroid"].to_list(), planted_model["centroid"].to_list(), atol=1e-9)


def test_equal_customers_give_one_segment_per_distinct_kind() -> None:
    rows = [KINDS[kind] for kind in ("weekly", "gone", "rare") for _ in range(20)]
    assert train(habits_of(customers(rows))).rows["customer_count"].to_list() == [20, 20, 20]


@pytest.mark.parametrize("rows", [[{}] * 50, [{}], [{"order_count": 1, "mean_gap_days": None}]])
def test_customers_who_are_all_alike_or_a_single_one_get_one_segment(rows: list[dict[str, object]]) -> None:
    model = train(habits_of(customers(rows))).rows
    # A customer with one order is a new one, so nobody is in the segment.
    assert model["customer_count"].to_list() == [0 if "order_count" in rows[0] else len(rows)]
    assert model["segment_marks"].str.len_chars().min() > 0
    assert model["centroid"].explode().is_finite().all()


def test_no_customers_and_two_snapshots_are_refused(planted_customers: tuple[pl.DataFrame, list[str]]) -> None:
    habits = habits_of(planted_customers[0])
    with pytest.raises(TrainingError, match="there are no customers"):
        train(habits.clear())
    later = habits.with_columns(pl.col("as_of_date") + timedelta(days=1))
    with pytest.raises(TrainingError, match="2 snapshots, 2026-03-01 to 2026-03-02"):
        train(pl.concat([habits, later]))


def test_a_missing_habit_is_named(planted_customers: tuple[pl.DataFrame, list[str]]) -> None:
    with pytest.raises(MissingFeatureError, match="basket_size"):
        train(habits_of(planted_customers[0]).drop("basket_size"))


def a_week_later(features: pl.DataFrame) -> pl.DataFrame:
    return habits_of(features).with_columns(pl.col("as_of_date") + timedelta(days=7))


def test_training_again_keeps_the_ids_of_segments_whose_sizes_swap(planted_model: pl.DataFrame) -> None:
    later, _ = planted({"weekly": 60, "top-up": 80, "rare": 100, "gone": 120}, seed=8)
    again = train(a_week_later(later), planted_model)
    assert again.rows["origin"].to_list() == ["continued"] * 4
    assert again.rows["customer_count"].to_list() == [60, 80, 100, 120]
    assert again.rows["version"].unique().to_list() == [2]


@pytest.mark.parametrize("seed", [1, 99])
def test_training_again_on_the_same_customers_changes_neither_ids_nor_names(
    planted_customers: tuple[pl.DataFrame, list[str]], planted_model: pl.DataFrame, seed: int
) -> None:
    again = train(habits_of(planted_customers[0]), planted_model, seed=seed).rows
    kept = ["segment_id", "segment_name", "segment_marks", "customer_count"]
    assert_frame_equal(again.select(kept), planted_model.select(kept))


def test_a_new_kind_of_customers_gets_a_number_that_was_never_used(planted_model: pl.DataFrame) -> None:
    later, _ = planted({"weekly": 60, "top-up": 80, "rare": 100, "gone": 120}, seed=8)
    bulk = customers([{"mean_gap_days": 50 + n / 10, "mean_basket_size": 60 + n / 5} for n in range(70)])
    both = pl.concat([later, bulk.with_columns(pl.col("customer_id") + 1000)])
    again = train(a_week_later(both), planted_model).rows
    assert again["segment_id"].to_list() == [1, 2, 3, 4, 5]
    assert again["origin"].to_list() == ["continued"] * 4 + ["born"] or again["origin"][4].startswith("split")


def test_importing_the_packages_does_not_import_optional_libraries() -> None:
    code = (
        "import sys, cis_assets.segmentation.assignment, cis_assets.segmentation.model, "
        "cis_assets.segmentation.profiles, cis_assets.dashboard.page; "
        "print({'sklearn', 'scipy', 'altair', 'vl_convert'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"

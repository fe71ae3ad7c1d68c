from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cis_assets.catalog.gold import CUSTOMER_SEGMENTS
from cis_assets.segmentation.assignment import assign_segments
from cis_assets.segmentation.centers import SegmentModelError
from cis_assets.segmentation.features import MissingFeatureError
from cis_assets.segmentation.versions import add_challenger, promote
from cis_assets_tests.segmentation.shoppers import AS_OF, KINDS, customers, habits_of, planted, train


def assign(features: pl.DataFrame, models: pl.DataFrame) -> pl.DataFrame:
    return assign_segments(features.lazy(), habits_of(features).lazy(), models)


def test_rows_are_those_of_the_catalog_one_per_customer(
    planted_customers: tuple[pl.DataFrame, list[str]], planted_segments: pl.DataFrame
) -> None:
    assert dict(planted_segments.schema) == CUSTOMER_SEGMENTS.dtypes
    assert CUSTOMER_SEGMENTS.schema.is_valid(planted_segments)
    assert planted_segments["customer_id"].to_list() == sorted(planted_customers[0]["customer_id"])


def test_segment_sizes_equal_the_customer_counts_of_the_training(
    planted_model: pl.DataFrame, planted_segments: pl.DataFrame
) -> None:
    known = planted_segments.filter(pl.col("segment_id") > 0)
    counted = known.group_by("segment_id", "segment_name").len().sort("segment_id")
    assert counted["len"].to_list() == planted_model["customer_count"].to_list()
    assert counted["segment_name"].to_list() == planted_model["segment_name"].to_list()


def test_each_customer_gets_the_segment_with_the_nearest_stored_center(planted_model: pl.DataFrame) -> None:
    features, _ = planted({"weekly": 5, "rare": 5, "gone": 5}, seed=9)
    first = planted_model.row(0, named=True)
    habits = habits_of(features).sort("customer_id")
    for row, placed in zip(
        habits.iter_rows(named=True), assign(features, planted_model).iter_rows(named=True), strict=True
    ):
        scaled = [
            ((np.log1p(row[name]) if is_log else row[name]) - mean) / scale
            for name, is_log, mean, scale in zip(
                *(first[column] for column in ("feature_names", "feature_is_log", "feature_mean", "feature_scale")),
                strict=True,
            )
        ]
        distances = [float(np.linalg.norm(np.array(scaled) - center)) for center in planted_model["centroid"].to_list()]
        assert placed["segment_id"] == planted_model["segment_id"][int(np.argmin(distances))]
        nearest, second, *_ = sorted(distances)
        assert (placed["distance"], placed["margin"]) == pytest.approx((nearest, second - nearest))


def test_the_order_of_customers_and_of_model_rows_does_not_matter(
    planted_customers: tuple[pl.DataFrame, list[str]], planted_model: pl.DataFrame, planted_segments: pl.DataFrame
) -> None:
    shuffled = planted_customers[0].sample(fraction=1, shuffle=True, seed=5)
    assert_frame_equal(assign(shuffled, planted_model.reverse()), planted_segments, check_exact=True)


def test_many_snapshots_are_assigned_as_each_alone_and_sorted(planted_model: pl.DataFrame) -> None:
    days = [planted({"weekly": 6, "new": 4 + n}, seed=n, as_of=AS_OF + timedelta(days=n))[0] for n in range(3)]
    alone = pl.concat([assign(day, planted_model) for day in days])
    together = pl.concat(days).sample(fraction=1, shuffle=True, seed=1)
    assert_frame_equal(assign(together, planted_model), alone, check_exact=True)


@pytest.mark.parametrize("orders", [1, 2, 3])
def test_customers_with_fewer_than_four_orders_are_new_customers(planted_model: pl.DataFrame, orders: int) -> None:
    gap = None if orders == 1 else 7.0
    row = assign(customers([{**KINDS["weekly"], "order_count": orders, "mean_gap_days": gap}]), planted_model)
    assert row.select("segment_id", "segment_name", "distance", "margin").row(0) == (0, "New customers", None, None)


def test_the_fourth_order_leaves_the_new_customers(planted_model: pl.DataFrame) -> None:
    row = assign(customers([{**KINDS["weekly"], "order_count": 4}]), planted_model)
    assert row["segment_name"].to_list() == ["Weekly stock-up"]


def test_a_day_before_a_promotion_keeps_its_version(planted_model: pl.DataFrame) -> None:
    features, _ = planted({"weekly": 60, "top-up": 80, "rare": 100, "gone": 120}, seed=8)
    later = AS_OF + timedelta(days=1)
    habits = habits_of(features).with_columns(as_of_date=pl.lit(later))
    models = add_challenger(planted_model, train(habits, planted_model).rows)
    both = pl.concat([features, features.with_columns(as_of_date=pl.lit(later))])
    placed = assign(both, promote(models, later, "drift"))
    versions = placed.select("as_of_date", "model_version").unique().sort("as_of_date")["model_version"]
    assert versions.to_list() == [1, 2]
    assert placed.group_by("customer_id").agg(pl.col("segment_id").n_unique())["segment_id"].max() == 1


def test_no_customers_have_no_segments(planted_model: pl.DataFrame) -> None:
    assert_frame_equal(assign(customers([]), planted_model), CUSTOMER_SEGMENTS.empty())


def test_habits_that_lack_what_the_model_was_trained_on_are_refused(planted_model: pl.DataFrame) -> None:
    features = customers([{}])
    with pytest.raises(MissingFeatureError, match="gap_days"):
        assign_segments(features.lazy(), habits_of(features).drop("gap_days").lazy(), planted_model)


def test_a_model_that_was_never_trained_is_refused(planted_model: pl.DataFrame) -> None:
    with pytest.raises(SegmentModelError, match="no promoted version"):
        assign(customers([{}]), planted_model.clear())

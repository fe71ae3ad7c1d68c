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
from cis_assets_tests.segmentation.shoppers import AS_OF, KINDS, customers, planted


def test_rows_are_those_of_the_catalog_one_per_customer(
    planted_customers: tuple[pl.DataFrame, list[str]], planted_segments: pl.DataFrame
) -> None:
    assert dict(planted_segments.schema) == CUSTOMER_SEGMENTS.dtypes
    assert CUSTOMER_SEGMENTS.schema.is_valid(planted_segments)
    assert planted_segments["customer_id"].to_list() == sorted(planted_customers[0]["customer_id"])


def test_segment_sizes_equal_the_customer_counts_of_the_training(
    planted_model: pl.DataFrame, planted_segments: pl.DataFrame
) -> None:
    counted = planted_segments.group_by("segment_id", "segment_name").len().sort("segment_id")
    assert counted["len"].to_list() == planted_model["customer_count"].to_list()
    assert counted["segment_name"].to_list() == planted_model["segment_name"].to_list()


def test_each_customer_gets_the_segment_with_the_nearest_stored_center(planted_model: pl.DataFrame) -> None:
    features, _ = planted({"weekly": 5, "rare": 5, "gone": 5}, seed=9)
    first = planted_model.row(0, named=True)
    for row, placed in zip(
        features.iter_rows(named=True), assign_segments(features, planted_model).iter_rows(named=True), strict=True
    ):
        scaled = [
            ((np.log1p(row[name]) if is_log else row[name]) - mean) / scale
            for name, is_log, mean, scale in zip(
                *(first[column] for column in ("feature_names", "feature_is_log", "feature_mean", "feature_scale")),
                strict=True,
            )
        ]
        distances = [float(np.linalg.norm(np.array(scaled) - center)) for center in planted_model["centroid"].to_list()]
        assert placed["segment_id"] == int(np.argmin(distances))
        assert placed["distance"] == pytest.approx(min(distances))


def test_the_order_of_customers_and_of_model_rows_does_not_matter(
    planted_customers: tuple[pl.DataFrame, list[str]], planted_model: pl.DataFrame, planted_segments: pl.DataFrame
) -> None:
    shuffled = planted_customers[0].sample(fraction=1, shuffle=True, seed=5)
    assert_frame_equal(assign_segments(shuffled, planted_model.reverse()), planted_segments, check_exact=True)


def test_chunks_of_customers_give_the_same_segments(
    planted_customers: tuple[pl.DataFrame, list[str]],
    planted_model: pl.DataFrame,
    planted_segments: pl.DataFrame,
) -> None:
    chunked = assign_segments(planted_customers[0], planted_model, customers_per_chunk=7)
    assert_frame_equal(chunked, planted_segments, check_exact=True)


def test_many_snapshots_are_assigned_as_each_alone_and_sorted(planted_model: pl.DataFrame) -> None:
    days = [planted({"weekly": 6, "new": 4 + n}, seed=n, as_of=AS_OF + timedelta(days=n))[0] for n in range(3)]
    alone = pl.concat([assign_segments(day, planted_model) for day in days])
    together = pl.concat(days).sample(fraction=1, shuffle=True, seed=1)
    assert_frame_equal(assign_segments(together, planted_model), alone, check_exact=True)
    assert_frame_equal(assign_segments(together.lazy(), planted_model), alone, check_exact=True)


def test_a_customer_with_one_order_has_a_segment_too(planted_model: pl.DataFrame) -> None:
    once = customers([{**KINDS["new"], "order_count": 1, "mean_gap_days": None}])
    assert assign_segments(once, planted_model)["segment_name"].to_list() == ["New customers"]


def test_no_customers_have_no_segments(planted_model: pl.DataFrame) -> None:
    assert_frame_equal(assign_segments(customers([]), planted_model), CUSTOMER_SEGMENTS.empty())


def test_features_that_lack_what_the_model_was_trained_on_are_refused(planted_model: pl.DataFrame) -> None:
    with pytest.raises(MissingFeatureError, match="reorder_share"):
        assign_segments(customers([{}]).drop("reorder_share"), planted_model)


def test_a_model_that_was_never_trained_is_refused(planted_model: pl.DataFrame) -> None:
    with pytest.raises(SegmentModelError, match="no rows"):
        assign_segments(customers([{}]), planted_model.clear())

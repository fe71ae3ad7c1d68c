from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cis_assets.segmentation.centers import SegmentCenters, SegmentModelError, nearest_centers

coordinates = st.integers(-5, 5).map(float)


@given(
    arrays(np.float64, st.tuples(st.integers(1, 40), st.just(3)), elements=coordinates),
    arrays(np.float64, st.tuples(st.integers(1, 6), st.just(3)), elements=coordinates),
)
def test_the_nearest_center_equals_brute_force_and_ties_take_the_first(
    points: np.ndarray, centroids: np.ndarray
) -> None:
    nearest, distance = nearest_centers(points, centroids)
    for row, point in enumerate(points):
        distances = [sum((a - b) ** 2 for a, b in zip(point, center, strict=True)) for center in centroids.tolist()]
        assert nearest[row] == distances.index(min(distances))
        assert distance[row] == pytest.approx(min(distances) ** 0.5)


def test_the_nearest_center_does_not_depend_on_chunks() -> None:
    random = np.random.default_rng(3)
    points, centroids = random.normal(size=(50, 6)), random.normal(size=(4, 6))
    whole = nearest_centers(points, centroids)
    chunked = nearest_centers(points, centroids, rows_per_chunk=7)
    np.testing.assert_array_equal(whole[0], chunked[0])
    np.testing.assert_array_equal(whole[1], chunked[1])


def test_centers_are_sorted_by_segment_id_for_any_order_of_rows(planted_model: pl.DataFrame) -> None:
    read = SegmentCenters.from_model(planted_model.reverse())
    assert read.segment_ids == tuple(range(1, planted_model.height + 1))
    assert read.centroids.tolist() == planted_model["centroid"].to_list()
    assert read.version == 1


def test_a_model_without_rows_asks_for_training(planted_model: pl.DataFrame) -> None:
    with pytest.raises(SegmentModelError, match="no rows; run `cis train`"):
        SegmentCenters.from_model(planted_model.clear())


@pytest.mark.parametrize("column", ["centroid", "feature_fill", "feature_mean", "feature_scale"])
def test_a_row_that_lacks_a_value_for_a_feature_is_refused(planted_model: pl.DataFrame, column: str) -> None:
    shorter = planted_model.with_columns(pl.col(column).list.head(1))
    with pytest.raises(SegmentModelError, match=rf"segment 1: {column} does not have one value for each"):
        SegmentCenters.from_model(shorter)


def test_rows_of_two_trainings_are_refused(planted_model: pl.DataFrame) -> None:
    other = planted_model.with_columns(version=pl.lit(2, pl.Int32), segment_id=pl.col("segment_id") + 10)
    with pytest.raises(SegmentModelError, match="more than one version"):
        SegmentCenters.from_model(pl.concat([planted_model, other]))

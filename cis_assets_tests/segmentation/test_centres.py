from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cis_assets.segmentation import centres
from cis_assets.segmentation.centres import SegmentCentres, SegmentModelError, nearest_centres

coordinates = st.integers(-5, 5).map(float)


@given(
    arrays(np.float64, st.tuples(st.integers(1, 40), st.just(3)), elements=coordinates),
    arrays(np.float64, st.tuples(st.integers(1, 6), st.just(3)), elements=coordinates),
)
def test_the_nearest_centre_is_the_one_that_brute_force_finds_and_the_first_of_equals(
    points: np.ndarray, centroids: np.ndarray
) -> None:
    nearest, distance = nearest_centres(points, centroids)
    for row, point in enumerate(points):
        distances = [sum((a - b) ** 2 for a, b in zip(point, centre, strict=True)) for centre in centroids.tolist()]
        assert nearest[row] == distances.index(min(distances))
        assert distance[row] == pytest.approx(min(distances) ** 0.5)


def test_a_customer_s_segment_does_not_depend_on_the_chunk_it_is_read_in(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    points, centroids = random.normal(size=(50, 6)), random.normal(size=(4, 6))
    whole = nearest_centres(points, centroids)
    monkeypatch.setattr(centres, "_ROWS_AT_ONCE", 7)
    chunked = nearest_centres(points, centroids)
    np.testing.assert_array_equal(whole[0], chunked[0])
    np.testing.assert_array_equal(whole[1], chunked[1])


def test_centres_come_in_the_order_of_segment_ids_whatever_the_order_of_rows(planted_model: pl.DataFrame) -> None:
    read = SegmentCentres.from_model(planted_model.reverse())
    assert read.segment_ids == tuple(range(planted_model.height))
    assert read.centroids.tolist() == planted_model["centroid"].to_list()
    assert read.trained_as_of == planted_model["trained_as_of"][0]


def test_a_model_without_rows_asks_for_training(planted_model: pl.DataFrame) -> None:
    with pytest.raises(SegmentModelError, match="no rows; train it"):
        SegmentCentres.from_model(planted_model.clear())


@pytest.mark.parametrize("column", ["centroid", "feature_fill", "feature_mean", "feature_scale"])
def test_a_row_that_lacks_a_value_for_a_feature_is_refused(planted_model: pl.DataFrame, column: str) -> None:
    shorter = planted_model.with_columns(pl.col(column).list.head(3))
    with pytest.raises(SegmentModelError, match=rf"segment 0: {column} does not hold one value for each"):
        SegmentCentres.from_model(shorter)


def test_rows_of_two_trainings_are_refused(planted_model: pl.DataFrame) -> None:
    other = planted_model.with_columns(trained_as_of=pl.lit(date(2026, 1, 1)), segment_id=pl.col("segment_id") + 10)
    with pytest.raises(SegmentModelError, match="more than one model"):
        SegmentCentres.from_model(pl.concat([planted_model, other]))

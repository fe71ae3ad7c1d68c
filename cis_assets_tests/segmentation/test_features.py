from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cis_assets.catalog.gold import CUSTOMER_HABITS
from cis_assets.segmentation.features import CLUSTERED_FEATURES, FeatureScaling, MissingFeatureError, feature_matrix
from cis_assets_tests.segmentation.shoppers import customers

_TWO = {"counted": True, "shared": False}
matrices = arrays(
    np.float64,
    st.tuples(st.integers(2, 30), st.just(2)),
    elements=st.floats(0, 1e4, allow_subnormal=False).map(lambda value: round(value, 3)),
)


def test_every_clustered_feature_is_a_column_of_customer_habits() -> None:
    assert set(CLUSTERED_FEATURES) <= set(CUSTOMER_HABITS.columns)


def test_counts_are_logged_and_shares_are_not() -> None:
    scaling = FeatureScaling.fit(np.array([[0.0, 0.0], [np.e - 1, 1.0]]), _TWO)
    assert scaling.mean == pytest.approx((0.5, 0.5))
    assert scaling.transform(np.array([[np.e**2 - 1, 2.0]])) == pytest.approx(np.array([[3.0, 3.0]]))


@given(matrices)
def test_scaled_training_customers_have_mean_zero_and_deviation_one_or_are_all_zero(matrix: np.ndarray) -> None:
    scaled = FeatureScaling.fit(matrix, _TWO).transform(matrix)
    assert scaled.mean(axis=0) == pytest.approx(np.zeros(2), abs=1e-6)
    for column in range(2):
        varies = len(np.unique(matrix[:, column])) > 1
        assert scaled[:, column].std() == pytest.approx(1.0 if varies else 0.0, abs=1e-6)


@given(matrices)
def test_scaling_back_gives_the_values_that_went_in(matrix: np.ndarray) -> None:
    scaling = FeatureScaling.fit(matrix, _TWO)
    np.testing.assert_allclose(scaling.inverse(scaling.transform(matrix)), matrix, rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("value", [0.0, 0.1, 7.3, 1e9])
def test_a_constant_feature_has_scale_one_and_says_nothing(value: float) -> None:
    matrix = np.full((7, 2), value)
    scaling = FeatureScaling.fit(matrix, _TWO)
    assert scaling.scale == (1.0, 1.0)
    assert not scaling.transform(matrix).any()


def test_a_missing_value_is_taken_for_the_median_of_the_known_ones() -> None:
    scaling = FeatureScaling.fit(np.array([[1.0, 0.1], [3.0, np.nan], [100.0, 0.9], [np.nan, 0.3]]), _TWO)
    assert scaling.fill == pytest.approx((3.0, 0.3))
    unknown, median = scaling.transform(np.array([[np.nan, np.nan], [3.0, 0.3]]))
    assert unknown.tolist() == median.tolist()


def test_a_feature_that_nobody_has_is_filled_with_zero() -> None:
    scaling = FeatureScaling.fit(np.array([[np.nan, 1.0], [np.nan, 2.0]]), _TWO)
    assert scaling.fill[0] == 0.0
    assert np.isfinite(scaling.transform(np.array([[np.nan, np.nan]]))).all()


def test_matrix_columns_follow_the_names_and_gaps_of_single_orders_are_missing() -> None:
    frame = customers([{"order_count": 1, "mean_gap_days": None}, {"order_count": 4, "mean_gap_days": 9.5}])
    matrix = feature_matrix(frame, ("mean_gap_days", "order_count"))
    np.testing.assert_array_equal(matrix, np.array([[np.nan, 1.0], [9.5, 4.0]]))
    assert matrix.dtype == np.float64


def test_a_feature_that_is_not_there_is_named() -> None:
    with pytest.raises(MissingFeatureError, match="no column loyalty, which the segment model needs"):
        feature_matrix(customers([{}]), ("order_count", "loyalty"))

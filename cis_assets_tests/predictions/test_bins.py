from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from cis_assets.predictions.bins import Bins
from cis_assets.predictions.own_threads import run_together

RANDOM = np.random.default_rng(5)
VALUES = np.column_stack(
    [
        RANDOM.normal(size=3_000),
        RANDOM.integers(0, 9, 3_000),
        np.where(RANDOM.random(3_000) < 0.4, np.nan, RANDOM.exponential(size=3_000)),
        np.zeros(3_000),
        np.where(RANDOM.random(3_000) < 0.5, np.nan, 1.0),
    ]
)
HAPPENED = np.nan_to_num(VALUES).sum(axis=1) + RANDOM.normal(size=3_000) > 3


def test_trees_that_were_fitted_on_bins_give_values_what_bins_get() -> None:
    bins = Bins.of(VALUES)
    classifier = HistGradientBoostingClassifier(max_iter=20, random_state=1).fit(bins.numbers, HAPPENED)
    assert np.array_equal(bins.trees_of(classifier).sums(VALUES), classifier.decision_function(bins.numbers))


def test_bins_keep_the_order_of_values_and_what_is_missing() -> None:
    numbers = Bins.of(VALUES).numbers
    assert np.array_equal(np.isnan(numbers), np.isnan(VALUES))
    for column, found in zip(VALUES.T, numbers.T, strict=True):
        known = found[np.argsort(column)][: np.isfinite(column).sum()]
        assert (np.diff(known) >= 0).all()
        assert known.max() < 255


def test_few_values_have_a_bin_each_and_many_have_bins_of_as_many_rows() -> None:
    numbers = Bins.of(VALUES).numbers
    assert len(np.unique(numbers[:, 1])) == 9
    sizes = np.unique(numbers[:, 0], return_counts=True)[1]
    assert len(sizes) == 255
    assert sizes.max() - sizes.min() <= 2


def test_the_bins_of_many_rows_do_not_depend_on_all_of_them() -> None:
    many = np.tile(VALUES, (100, 1))
    assert len(np.unique(Bins.of(many).numbers[:, 0])) == 255


def test_trainings_that_run_together_return_in_order_with_one_thread_each() -> None:
    from threadpoolctl import threadpool_info

    def threads(number: int) -> tuple[int, set[int]]:
        return number, {each["num_threads"] for each in threadpool_info() if each["user_api"] == "openmp"}

    found = run_together([lambda: threads(1), lambda: threads(2)])
    assert found == [(1, {1}), (2, {1})]


def test_a_training_that_fails_fails_them_all() -> None:
    def fail() -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_together([lambda: 1, fail])

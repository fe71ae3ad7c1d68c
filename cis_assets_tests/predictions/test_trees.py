from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from cis_assets.predictions.trees import StoredTreesError, Trees

FEATURES = 6


def values(rows: int, seed: int) -> np.ndarray:
    """Numbers with ties, missing values, and infinite ones."""
    generator = np.random.default_rng(seed)
    found = generator.normal(size=(rows, FEATURES))
    found[:, 1] = np.round(found[:, 1])
    found[generator.random(found.shape) < 0.1] = np.nan
    found[:3, 2] = [np.inf, -np.inf, np.nan]
    return found


SEEN, UNSEEN = values(3_000, 1), values(20_000, 2)
HAPPENED = np.nan_to_num(SEEN[:, 0]) + np.isnan(SEEN[:, 3]) + np.random.default_rng(3).normal(size=len(SEEN)) > 0.5


def classifier(**options: Any) -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(**{"max_iter": 30, "early_stopping": False, **options}).fit(SEEN, HAPPENED)


@pytest.mark.parametrize("leaves", [2, 8, 9, 17, 33, 64])
def test_probabilities_equal_those_of_scikit_learn_bit_for_bit(leaves: int) -> None:
    fitted = classifier(max_leaf_nodes=leaves, min_samples_leaf=5)
    trees = Trees.of_rows(Trees.of_estimator(fitted).rows(), FEATURES)
    for rows in (SEEN, UNSEEN, UNSEEN[:1], UNSEEN[:0]):
        expected = fitted.predict_proba(rows)[:, 1] if len(rows) else np.empty(0)
        np.testing.assert_array_equal(trees.probabilities(rows), expected, strict=True)


def test_means_of_a_poisson_regression_equal_those_of_scikit_learn_bit_for_bit() -> None:
    fitted = HistGradientBoostingRegressor(loss="poisson", max_iter=30).fit(
        SEEN, np.round(np.exp(np.nan_to_num(SEEN[:, 4])))
    )
    np.testing.assert_array_equal(Trees.of_estimator(fitted).means(UNSEEN), fitted.predict(UNSEEN))


def test_missing_values_that_training_never_saw_follow_scikit_learn() -> None:
    known = np.nan_to_num(SEEN)
    fitted = HistGradientBoostingClassifier(max_iter=20).fit(known, HAPPENED)
    np.testing.assert_array_equal(Trees.of_estimator(fitted).probabilities(UNSEEN), fitted.predict_proba(UNSEEN)[:, 1])


def test_stored_rows_may_come_in_any_order() -> None:
    rows = Trees.of_estimator(classifier()).rows()
    mixed = rows.sample(fraction=1, shuffle=True, seed=4)
    np.testing.assert_array_equal(
        Trees.of_rows(mixed, FEATURES).sums(UNSEEN), Trees.of_rows(rows, FEATURES).sums(UNSEEN)
    )


@pytest.mark.parametrize("lost", [-1, 0, 29])
def test_a_missing_or_doubled_tree_is_refused(lost: int) -> None:
    rows = Trees.of_estimator(classifier()).rows()
    for damaged in (rows.filter(pl.col("tree") != lost), pl.concat([rows, rows.filter(pl.col("tree") == lost)])):
        with pytest.raises(StoredTreesError, match="cis train --predictions"):
            Trees.of_rows(damaged, FEATURES)


@pytest.mark.parametrize(
    "damage",
    [
        {"left": -1},
        {"left": 0},
        {"right": 10_000},
        {"feature": FEATURES},
        {"feature": -1},
        {"threshold": np.nan},
        {"value": np.nan},
        {"value": np.inf},
    ],
)
def test_places_outside_of_the_tree_are_refused(damage: dict[str, float]) -> None:
    trees = Trees.of_estimator(classifier())
    (name, value), first = *damage.items(), trees.trees[0]
    array = getattr(first, name).copy()
    array[0] = value
    with pytest.raises(StoredTreesError, match="damaged"):
        replace(trees, trees=(replace(first, **{name: array}), *trees.trees[1:]))


@pytest.mark.parametrize(
    "start",
    [
        None,
        [],
        [0.5],
        [None, 30.0],
        [np.nan, 30.0],
        [np.inf, 30.0],
        [0.5, None],
        [0.5, np.nan],
        [0.5, 30.5],
        [0.5, 1e18],
        [0.5, 30.0, 0.0],
    ],
)
def test_a_damaged_start_is_refused(start: list[float | None] | None) -> None:
    rows = Trees.of_estimator(classifier()).rows()
    value = pl.Series("value", [start, *rows["value"][1:].to_list()], dtype=pl.List(pl.Float64))
    with pytest.raises(StoredTreesError, match=r"[.] Run `cis train --predictions`[.]$"):
        Trees.of_rows(rows.with_columns(value), FEATURES)


@pytest.mark.parametrize("column", ["feature", "threshold", "missing_goes_left", "left", "right", "value"])
def test_trees_with_nulls_or_of_unequal_lengths_are_refused(column: str) -> None:
    rows = Trees.of_estimator(classifier()).rows()
    whole = rows[column][-1].to_list()
    for damaged in (None, [None, *whole[1:]], whole[:-1]):
        lists = pl.Series(column, [*rows[column][:-1].to_list(), damaged], dtype=rows[column].dtype)
        with pytest.raises(StoredTreesError, match=r"[.] Run `cis train --predictions`[.]$"):
            Trees.of_rows(rows.with_columns(lists), FEATURES)


def test_rows_with_other_features_are_refused() -> None:
    with pytest.raises(ValueError, match="6 features"):
        Trees.of_estimator(classifier()).sums(UNSEEN[:, :5])

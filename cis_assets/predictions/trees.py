"""Gradient-boosted trees as plain arrays: exported from scikit-learn, stored as rows, and evaluated with numpy.

Pickled estimators run code when they are loaded, and only the scikit-learn that wrote them reads them. skops does not help:
it calls the trees of histogram gradient boosting untrusted, because it restores them without checking the places that
they point to. Arrays are checked, outlive versions of scikit-learn, and are equal for equal models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from cis_assets.errors import OperatorError

TREE_COLUMNS = {
    "tree": pl.Int32(),
    "feature": pl.List(pl.Int32()),
    "threshold": pl.List(pl.Float64()),
    "missing_goes_left": pl.List(pl.Boolean()),
    "left": pl.List(pl.Int32()),
    "right": pl.List(pl.Int32()),
    "value": pl.List(pl.Float64()),
}
"""Columns of stored trees, one row per tree. A node without a child has left and right -1."""

_MOST_LEAVES = 64
_MASKS = (np.uint8, np.uint16, np.uint32, np.uint64)
_ROWS_AT_ONCE = 16_384


class StoredTreesError(OperatorError):
    """Stored trees are damaged or do not fit the features; the message says what to do."""


@dataclass(frozen=True)
class Tree:
    """One tree: for each node the tested feature, its threshold (up to it: left), children (-1: leaf) and value."""

    feature: np.ndarray
    threshold: np.ndarray
    missing_goes_left: np.ndarray
    left: np.ndarray
    right: np.ndarray
    value: np.ndarray


@dataclass(frozen=True)
class Trees:
    """The sum of a start value and of the leaves of all trees. `feature_count` is the number of columns of inputs."""

    start: float
    trees: tuple[Tree, ...]
    feature_count: int

    def __post_init__(self) -> None:
        if not np.isfinite(self.start):
            raise StoredTreesError(
                "The start value of the stored trees is not a number. Run `cis train --predictions`."
            )
        for number, tree in enumerate(self.trees):
            _refuse_damaged(number, tree, self.feature_count)

    @classmethod
    def of_estimator(cls, estimator: Any) -> Trees:
        """Export a fitted HistGradientBoostingClassifier of two classes, or a HistGradientBoostingRegressor."""
        trees = [_tree(predictors[0].nodes) for predictors in estimator._predictors]
        return cls(float(estimator._baseline_prediction.item()), tuple(trees), int(estimator.n_features_in_))

    def sums(self, values: np.ndarray) -> np.ndarray:
        """The sum for each row of `values` (rows x features, NaN: missing), in the order of additions of scikit-learn."""
        if values.ndim != 2 or values.shape[1] != self.feature_count:
            raise ValueError(f"The trees need {self.feature_count} features, not an array of shape {values.shape}.")
        scorers = [_Scorer(tree) for tree in self.trees]
        total = np.empty(len(values))
        for start in range(0, len(values), _ROWS_AT_ONCE):
            columns = np.ascontiguousarray(values[start : start + _ROWS_AT_ONCE].T, dtype=np.float64)
            missing = [found if (found := np.isnan(column)).any() else None for column in columns]
            part = np.zeros(columns.shape[1])
            part += self.start
            for scorer in scorers:
                part += scorer.values_of(columns, missing)
            total[start : start + _ROWS_AT_ONCE] = part
        return total

    def probabilities(self, values: np.ndarray) -> np.ndarray:
        """What `predict_proba` of the classifier gives for its second class."""
        from scipy.special import expit

        return expit(self.sums(values))

    def means(self, values: np.ndarray) -> np.ndarray:
        """What `predict` of a regressor with Poisson loss gives."""
        return np.exp(self.sums(values))

    def rows(self) -> pl.DataFrame:
        """One row per tree, and first one with tree -1 whose values are the start value and the number of trees."""
        start = {
            "tree": -1,
            **{name: [] for name in TREE_COLUMNS if name != "tree"},
            "value": [self.start, float(len(self.trees))],
        }
        trees = [
            {"tree": number, **{name: getattr(tree, name).tolist() for name in TREE_COLUMNS if name != "tree"}}
            for number, tree in enumerate(self.trees)
        ]
        return pl.DataFrame([start, *trees], schema=TREE_COLUMNS)

    @classmethod
    def of_rows(cls, rows: pl.DataFrame, feature_count: int) -> Trees:
        """Read the rows of `rows()`, in any order. Raises StoredTreesError if they are incomplete or damaged."""
        rows = rows.sort("tree").select(*TREE_COLUMNS)
        if any(value is None or None in value for row in rows.drop("tree").iter_rows() for value in row):
            raise StoredTreesError("Trees of the stored model have nulls. Run `cis train --predictions`.")
        start = rows["value"][0].to_list() if rows.height else []
        count = rows.height - 1
        if len(start) != 2 or start[1] != count or rows["tree"].to_list() != list(range(-1, count)):
            raise StoredTreesError(
                "Trees of the stored model are missing or stored twice. Run `cis train --predictions`."
            )
        kinds = {"feature": np.int64, "threshold": np.float64, "missing_goes_left": bool}
        kinds |= {"left": np.int64, "right": np.int64, "value": np.float64}
        trees = [
            Tree(**{name: np.array(row[name], dtype=kind) for name, kind in kinds.items()})
            for row in rows[1:].iter_rows(named=True)
        ]
        return cls(start[0], tuple(trees), feature_count)


class _Scorer:
    """Finds the leaf of many rows at once: each failed test removes the leaves on its left; the first one left is it."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        leaves: list[int] = []
        masks: dict[int, int] = {}
        _walk(tree, 0, leaves, masks)
        # Narrow masks are several times faster than wide ones.
        self._bits = next(kind for kind in _MASKS if np.iinfo(kind).bits >= len(leaves))
        self._tests = [(node, self._bits(mask & int(np.iinfo(self._bits).max))) for node, mask in masks.items()]
        self._values = tree.value[leaves]

    def values_of(self, columns: np.ndarray, missing: Sequence[np.ndarray | None]) -> np.ndarray:
        tree, bits = self._tree, self._bits
        possible = np.full(columns.shape[1], np.iinfo(bits).max, dtype=bits)
        for node, mask in self._tests:
            feature = tree.feature[node]
            goes_left = columns[feature] <= tree.threshold[node]
            unknown = missing[feature]
            if unknown is not None and tree.missing_goes_left[node]:
                goes_left |= unknown
            # All bits for those that go left, so they keep their leaves.
            kept = goes_left.astype(bits)
            np.negative(kept, out=kept)
            kept |= mask
            possible &= kept
        lowest = possible & (bits(0) - possible)
        return self._values[np.bitwise_count(lowest - bits(1))]


def _walk(tree: Tree, node: int, leaves: list[int], masks: dict[int, int]) -> None:
    """Number the leaves from left to right; a mask has the bits of all leaves but those on the left of a node."""
    if tree.left[node] < 0:
        leaves.append(node)
        return
    before = len(leaves)
    masks[node] = 0
    _walk(tree, int(tree.left[node]), leaves, masks)
    masks[node] = (2**_MOST_LEAVES - 1) & ~((1 << len(leaves)) - (1 << before))
    _walk(tree, int(tree.right[node]), leaves, masks)


def _tree(nodes: np.ndarray) -> Tree:
    if nodes["is_categorical"].any():
        raise ValueError("Trees with categorical features cannot be exported.")
    is_leaf = nodes["is_leaf"].astype(bool)
    return Tree(
        feature=np.where(is_leaf, 0, nodes["feature_idx"]).astype(np.int64),
        threshold=np.where(is_leaf, 0.0, nodes["num_threshold"]),
        missing_goes_left=nodes["missing_go_to_left"].astype(bool) & ~is_leaf,
        left=np.where(is_leaf, -1, nodes["left"].astype(np.int64)),
        right=np.where(is_leaf, -1, nodes["right"].astype(np.int64)),
        value=nodes["value"].astype(np.float64),
    )


def _refuse_damaged(number: int, tree: Tree, feature_count: int) -> None:
    """Raise StoredTreesError unless the nodes are one tree: each but the first has one parent, which comes before it."""
    size = len(tree.value)
    arrays = (tree.feature, tree.threshold, tree.missing_goes_left, tree.left, tree.right)
    whole = size > 0 and all(len(array) == size for array in arrays)
    if whole:
        inner = np.flatnonzero(tree.left >= 0)
        children = np.concatenate([tree.left[inner], tree.right[inner]])
        whole = (
            bool(np.all((tree.left >= 0) == (tree.right >= 0)))
            and bool(np.all(np.minimum(tree.left[inner], tree.right[inner]) > inner))
            and sorted(children.tolist()) == list(range(1, size))
            and bool(np.all((tree.feature >= 0) & (tree.feature < feature_count)))
            and not np.isnan(tree.threshold).any()
            and bool(np.isfinite(tree.value).all())
            and size - len(inner) <= _MOST_LEAVES
        )
    if not whole:
        raise StoredTreesError(
            f"Tree {number} of the stored model is damaged or has other features than this release. Run `cis train --predictions`."
        )

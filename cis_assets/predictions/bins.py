"""Features as numbers of at most 255 bins, made once for several sets of gradient-boosted trees.

scikit-learn bins each feature anew for every set of trees. With weights of rows it computes each bin's edge by itself, which
takes longer than the trees.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cis_assets.predictions.trees import Tree, Trees

_MOST_BINS = 255
_ROWS_LOOKED_AT = 200_000


@dataclass(frozen=True)
class Bins:
    """The number of the bin of each value (rows x features, NaN: missing), and the upper edges of all bins but the last."""

    numbers: np.ndarray
    edges: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, values: np.ndarray) -> Bins:
        """Bin each column of `values` (NaN: missing): one bin per value if they are few, else equal numbers of rows."""
        looked_at = values[:: -(-len(values) // _ROWS_LOOKED_AT)]
        numbers = np.empty(values.shape)
        edges = []
        for feature, column in enumerate(values.T):
            edge = _edges(looked_at[:, feature])
            numbers[:, feature] = np.where(np.isnan(column), np.nan, np.searchsorted(edge, column))
            edges.append(edge)
        return cls(numbers, tuple(edges))

    def trees_of(self, estimator: Any) -> Trees:
        """The trees of an estimator that was fitted on the numbers of bins, for values."""
        trees = Trees.of_estimator(estimator)
        return replace(trees, trees=tuple(self._for_values(tree) for tree in trees.trees))

    def _for_values(self, tree: Tree) -> Tree:
        threshold = tree.threshold.copy()
        for node in np.flatnonzero((tree.left >= 0) & np.isfinite(threshold)):
            threshold[node] = self.edges[tree.feature[node]][int(threshold[node])]
        return replace(tree, threshold=threshold)


def _edges(column: np.ndarray) -> np.ndarray:
    known = column[~np.isnan(column)]
    distinct = np.unique(known)
    if len(distinct) <= _MOST_BINS:
        return (distinct[:-1] + distinct[1:]) / 2
    shares = np.arange(1, _MOST_BINS) / _MOST_BINS
    return np.unique(np.quantile(known, shares, method="midpoint"))

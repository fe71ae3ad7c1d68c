"""Drift of customers away from the snapshot that a segment model was trained on, as population stability indices."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from cis_assets.segmentation.centers import SegmentCenters
from cis_assets.segmentation.features import feature_matrix
from cis_assets.segmentation.habits import FEWEST_ORDERS

DRIFTED = 0.25
"""The usual bounds: under 0.1 nothing changed, from 0.25 the population is another one."""

_EDGES = 9
# An empty class counts as so many customers, because the index of a share of zero is infinite.
_LEAST_CUSTOMERS = 0.5


def decile_edges(scaled: np.ndarray) -> list[float]:
    """The nine deciles of each column of scaled habits, one column after another."""
    return np.quantile(scaled, np.linspace(0.1, 0.9, _EDGES), axis=0).T.ravel().tolist()


def class_shares(scaled: np.ndarray, edges: list[float]) -> list[float]:
    """The shares of the ten classes between the deciles of each column, one column after another.

    Each is a tenth, unless many customers have the same value.
    """
    shares = [
        _count_classes(values, own) / len(values)
        for values, own in zip(scaled.T, np.array(edges).reshape(-1, _EDGES), strict=True)
    ]
    return np.concatenate(shares).tolist()


def population_stability(expected: np.ndarray, found: np.ndarray) -> float:
    """The population stability index of two counts of customers by class, 0 if their shares are equal."""
    shares = [
        np.maximum(counts, _LEAST_CUSTOMERS) / np.maximum(counts, _LEAST_CUSTOMERS).sum()
        for counts in (expected, found)
    ]
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())


def measure_drift(habits: pl.DataFrame, segments: pl.DataFrame, model: pl.DataFrame) -> Mapping[str, float]:
    """The index of each habit and of the segments' shares, for rows of one snapshot and the version that served it.

    Customers without habits of their own (segment 0) do not count.
    """
    known = habits.filter(pl.col("order_count") >= FEWEST_ORDERS)
    if known.is_empty():
        return {}
    centers = SegmentCenters.from_model(model)
    scaled = centers.scaling.transform(feature_matrix(known, centers.scaling.names))
    edges = np.array(model["feature_edges"][0].to_list()).reshape(-1, _EDGES)
    shares = np.array(model["feature_shares"][0].to_list()).reshape(-1, _EDGES + 1)
    found = {
        name: population_stability(shares[place] * len(scaled), _count_classes(scaled[:, place], edges[place]))
        for place, name in enumerate(centers.scaling.names)
    }
    counted = dict(segments.filter(pl.col("segment_id") > 0)["segment_id"].value_counts().iter_rows())
    now = np.array([counted.get(segment_id, 0) for segment_id in model["segment_id"]])
    return {**found, "segment shares": population_stability(model["customer_count"].to_numpy(), now)}


def _count_classes(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    return np.bincount(np.searchsorted(edges, values, side="left"), minlength=_EDGES + 1).astype(np.float64)

"""Drift of customers away from the snapshot that a segment model was trained on, as population stability indices.

Habits move late by design, so drift looks at the orders of the last 28 days.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from cis_assets.segmentation.habits import FEWEST_ORDERS, HABITS

DRIFTED = 0.25
"""The usual bounds: under 0.1 nothing changed, from 0.25 the population is another one."""

_EDGES = 9
# Ten classes between the edges, and customers without a value.
_CLASSES = _EDGES + 2
# An empty class counts as so many customers, because the index of a share of zero is infinite.
_LEAST_CUSTOMERS = 0.5


def describe_recent_habits(habits: pl.DataFrame) -> tuple[list[float], list[float]]:
    """The deciles of recent gaps and baskets (2 x 9 values), and the shares of customers by class (2 x 11 values).

    `habits` are the customers of the training, of one snapshot of gold/customer_habits.
    """
    edges, shares = [], []
    for values in _recent_values(habits):
        known = values[~np.isnan(values)]
        own = np.quantile(known, np.linspace(0.1, 0.9, _EDGES)) if known.size else np.zeros(_EDGES)
        edges += own.tolist()
        shares += (_count_classes(values, own) / len(values)).tolist()
    return edges, shares


def population_stability(expected: np.ndarray, found: np.ndarray) -> float:
    """The population stability index of two counts of customers by class, 0 if their shares are equal."""
    shares = [
        np.maximum(counts, _LEAST_CUSTOMERS) / np.maximum(counts, _LEAST_CUSTOMERS).sum()
        for counts in (expected, found)
    ]
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())


def measure_drift(habits: pl.DataFrame, segments: pl.DataFrame, model: pl.DataFrame) -> Mapping[str, float]:
    """The index of recent gaps, of recent baskets, and of the segments' shares, for one snapshot and the version that served it.

    Customers without habits of their own (segment 0) do not count. Empty without other customers.
    """
    known = habits.filter(pl.col("order_count") >= FEWEST_ORDERS)
    if known.is_empty():
        return {}
    first = model.row(0, named=True)
    edges = np.array(first["recent_edges"]).reshape(-1, _EDGES)
    shares = np.array(first["recent_shares"]).reshape(-1, _CLASSES)
    found = {
        name: population_stability(own_shares * known.height, _count_classes(values, own_edges))
        for name, values, own_edges, own_shares in zip(HABITS, _recent_values(known), edges, shares, strict=True)
    }
    counted = dict(segments.filter(pl.col("segment_id") > 0)["segment_id"].value_counts().iter_rows())
    now = np.array([counted.get(segment_id, 0) for segment_id in model["segment_id"]])
    return {**found, "segment shares": population_stability(model["customer_count"].to_numpy(), now)}


def _recent_values(habits: pl.DataFrame) -> list[np.ndarray]:
    """Recent gaps and baskets, NaN without orders of the last 28 days."""
    return [habits[f"recent_{name}"].cast(pl.Float64).fill_null(float("nan")).to_numpy() for name in HABITS]


def _count_classes(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    classes = np.where(np.isnan(values), _CLASSES - 1, np.searchsorted(edges, values, side="left"))
    # NaN sorts last, into the place that `where` replaces.
    return np.bincount(classes, minlength=_CLASSES).astype(np.float64)

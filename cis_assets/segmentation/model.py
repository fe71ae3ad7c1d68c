"""Trains the segment model: from one snapshot of habits to a new version of gold/segment_model.

The habits are in `habits`, the choice of the number of segments in `segment_count`, their names in `naming`, and versions
and promotion in `versions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import polars as pl

from cis_assets.catalog import AS_OF_DATE
from cis_assets.catalog.gold import SEGMENT_CANDIDATES, SEGMENT_MODEL
from cis_assets.errors import OperatorError
from cis_assets.segmentation.centers import SegmentCenters, nearest_centers
from cis_assets.segmentation.clustering import (
    count_distinct,
    find_centers,
    one_thread,
    refine_centers,
    seeded_sample,
)
from cis_assets.segmentation.drift import describe_recent_habits
from cis_assets.segmentation.features import CLUSTERED_FEATURES, FeatureScaling, feature_matrix
from cis_assets.segmentation.habits import FEWEST_ORDERS
from cis_assets.segmentation.naming import Center, segment_marks, segment_names
from cis_assets.segmentation.segment_count import SegmentCountTrial, choose_segment_count, try_segment_count
from cis_assets.segmentation.versions import CHALLENGER, Succession, champion, number_version, succeed

_STARTS = 50
# So many customers for each number of segments tried: fewer show no groups.
_CUSTOMERS_PER_SEGMENT = 10
_CLEARLY_BETTER = 0.97
SEARCH_CUSTOMERS = 20_000


@dataclass(frozen=True)
class TrainingOptions:
    """The range of numbers of segments to try, the seed, and the most customers that the search uses."""

    segments_min: int
    segments_max: int
    seed: int
    search_customers: int = SEARCH_CUSTOMERS


class TrainingError(OperatorError):
    """The habits do not allow a segment model; the message says why and what to do."""


@dataclass(frozen=True)
class Training:
    """A version: its rows of gold/segment_model and gold/segment_candidates, and what became of the champion's segments.

    `least_former_jaccard` is the least stability of the champion's segments on these customers, null without a champion.
    """

    rows: pl.DataFrame
    candidates: pl.DataFrame
    succession: Succession
    least_former_jaccard: float | None


@dataclass(frozen=True)
class _Fit:
    centers: np.ndarray
    trial: SegmentCountTrial
    inertia: float


def train_segment_model(habits: pl.DataFrame, models: pl.DataFrame, options: TrainingOptions) -> Training:
    """Train on one snapshot of gold/customer_habits; `models` are the known versions of gold/segment_model.

    KMeans (scikit-learn, Lloyd's algorithm, 50 k-means++ starts) clusters the scaled habits of customers with four orders
    or more, for each number of segments from `segments_min` to `segments_max` that they allow; `choose_segment_count`
    picks one. The centers of the champion stay unless they clearly have more faults, or that choice is 3% closer to the customers with
    as many segments. So training again changes little if the customers changed little.

    A training that finds the champion or the waiting challenger of the same snapshot again has the version of that.

    There are at most as many segments as distinct customers, and one per ten customers. Without a customer with four orders,
    there is one segment, which nobody is in. The search uses a seeded
    sample of at most `search_customers` customers. Results depend neither on row order nor on threads.

    Raises TrainingError if `habits` is empty or has more than one snapshot.
    """
    trained_as_of = _require_one_snapshot(habits)
    customers = habits.sort("customer_id")
    known = customers.filter(pl.col("order_count") >= FEWEST_ORDERS)
    raw = feature_matrix(known if known.height else customers, tuple(CLUSTERED_FEATURES))
    scaling = FeatureScaling.fit(raw)
    scaled = scaling.transform(raw)
    if known.is_empty():
        # Nobody can be placed yet, so the one segment has no customers.
        options = replace(options, segments_max=1, segments_min=1)
    with one_thread():
        searched = seeded_sample(scaled, options.search_customers, options.seed)
        fits = _search(searched, options)
        former = _former_centers(models)
        kept = former and _rate_former(former, scaling, searched, options.seed)
        chosen = _choose(fits, kept)
        is_final = chosen is kept or searched is scaled
        centers = chosen.centers if is_final else refine_centers(scaled, chosen.centers)
    nearest, distance = nearest_centers(scaled, centers)
    sizes = np.bincount(nearest[: known.height], minlength=len(centers))
    order = np.array(sorted(range(len(centers)), key=lambda place: (-sizes[place], *centers[place])))
    place_of = np.argsort(order)
    succession = _succeed(models, former, raw, place_of[nearest], len(centers))
    recent_edges, recent_shares = describe_recent_habits(known if known.height else customers)
    shared = {
        "state": CHALLENGER,
        "trained_as_of": trained_as_of,
        "serves_from": None,
        "reason": "trained",
        "feature_names": list(scaling.names),
        "feature_fill": list(scaling.fill),
        "feature_is_log": list(scaling.is_log),
        "feature_mean": list(scaling.mean),
        "feature_scale": list(scaling.scale),
        "recent_edges": recent_edges,
        "recent_shares": recent_shares,
        "segment_count": len(centers),
        "silhouette": chosen.trial.silhouette,
        "inertia": float((distance**2).sum()),
        "seed": options.seed,
    }
    per_segment = {
        "customer_count": sizes[order].tolist(),
        "jaccard": np.array(chosen.trial.jaccards)[order].tolist(),
        "segment_id": list(succession.ids),
        "origin": list(succession.origins),
    }
    rows = number_version(models, _segment_rows(scaling, centers[order], shared, per_segment))
    tried = [("searched", fit) for fit in fits] + ([("champion", kept)] if kept else [])
    return Training(
        rows,
        _candidate_rows(rows["version"][0], tried, chosen),
        succession,
        min(kept.trial.jaccards) if kept else None,
    )


def _require_one_snapshot(habits: pl.DataFrame) -> date:
    days = habits[AS_OF_DATE].unique().sort().to_list()
    if len(days) != 1:
        found = f"{len(days)} snapshots, {days[0]} to {days[-1]}" if days else "no customers"
        raise TrainingError(f"Training needs exactly one snapshot of gold/customer_habits; there are {found}.")
    return days[0]


def _search(points: np.ndarray, options: TrainingOptions) -> list[_Fit]:
    """A fit for each number of segments, from the least to the most that distinct customers allow."""
    least, seed = options.segments_min, options.seed
    if not 1 <= least <= options.segments_max:
        raise ValueError(
            f"The range of segment counts is {least} to {options.segments_max}, but must be ascending from 1 or more."
        )
    most = max(1, min(options.segments_max, count_distinct(points), len(points) // _CUSTOMERS_PER_SEGMENT))
    counts = range(min(least, most), most + 1)
    return [_fit(points, find_centers(points, count, starts=_STARTS, seed=seed), seed) for count in counts]


def _fit(points: np.ndarray, centers: np.ndarray, seed: int) -> _Fit:
    inertia = float((nearest_centers(points, centers)[1] ** 2).sum())
    return _Fit(centers, try_segment_count(points, centers, seed), inertia)


def _former_centers(models: pl.DataFrame) -> SegmentCenters | None:
    rows = champion(models)
    return None if rows.is_empty() else SegmentCenters.from_model(rows)


def _rate_former(former: SegmentCenters, scaling: FeatureScaling, points: np.ndarray, seed: int) -> _Fit | None:
    """The champion's centers as they are, on today's customers; None if a segment of it has no customer any more."""
    if former.scaling.names != scaling.names:
        return None
    centers = scaling.transform(former.scaling.inverse(former.centroids))
    if len(np.unique(nearest_centers(points, centers)[0])) < len(centers):
        return None
    return _fit(points, centers, seed)


def _choose(fits: list[_Fit], former: _Fit | None) -> _Fit:
    best = choose_segment_count([fit.trial for fit in fits])
    chosen = next(fit for fit in fits if fit.trial is best)
    if former is None or len(best.faults) < len(former.trial.clear_faults):
        return chosen
    is_better = len(former.centers) == len(chosen.centers) and chosen.inertia < _CLEARLY_BETTER * former.inertia
    return chosen if is_better else former


def _candidate_rows(version: int, tried: list[tuple[str, _Fit]], chosen: _Fit) -> pl.DataFrame:
    rows = [
        {
            "version": version,
            "centers": centers,
            "segment_count": fit.trial.segment_count,
            "is_chosen": fit is chosen,
            "faults": list(fit.trial.faults),
            "least_jaccard": min(fit.trial.jaccards),
            "mean_jaccard": float(np.mean(fit.trial.jaccards)),
            "silhouette": fit.trial.silhouette,
            "smallest_share": min(fit.trial.shares),
            "largest_share": max(fit.trial.shares),
            "inertia": fit.inertia,
        }
        for centers, fit in tried
    ]
    return pl.DataFrame(rows, schema=SEGMENT_CANDIDATES.dtypes)


def _succeed(
    models: pl.DataFrame, former: SegmentCenters | None, raw: np.ndarray, new: np.ndarray, count: int
) -> Succession:
    if former is None:
        highest = int(models["segment_id"].max() or 0)  # pyright: ignore[reportArgumentType]
        return Succession(tuple(range(highest + 1, highest + 1 + count)), ("first",) * count, ())
    old = nearest_centers(former.scaling.transform(raw), former.centroids)[0]
    highest = int(models["segment_id"].max())  # pyright: ignore[reportArgumentType]
    return succeed(list(former.segment_ids), old, new, count, highest)


def _segment_rows(
    scaling: FeatureScaling,
    centers: np.ndarray,
    shared: Mapping[str, object],
    per_segment: Mapping[str, list],
) -> pl.DataFrame:
    values = scaling.inverse(centers.copy())
    gap, basket = (scaling.names.index(name) for name in ("gap_days", "basket_size"))
    described = [
        Center(own[gap], own[basket], z[basket]) for own, z in zip(values.tolist(), centers.tolist(), strict=True)
    ]
    usual = scaling.inverse(np.zeros(len(scaling.names))).tolist()
    average = Center(usual[gap], usual[basket], 0.0)
    names = segment_names(described)
    rows = [
        {
            **shared,
            **{name: column[place] for name, column in per_segment.items()},
            "segment_name": names[place],
            "segment_marks": segment_marks(center, average),
            "centroid": centers[place].tolist(),
            "centroid_values": values[place].tolist(),
        }
        for place, center in enumerate(described)
    ]
    unnumbered = {name: kind for name, kind in SEGMENT_MODEL.dtypes.items() if name != "version"}
    return pl.DataFrame(rows, schema=unnumbered).sort("segment_id")

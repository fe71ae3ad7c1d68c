"""Trains the segment model: from one snapshot of features to the rows of gold/segment_model.

The clustered features are in `features`, the choice of the number of segments in `segment_count`, their names in
`naming`, and the assignment of customers in `assignment`.
"""

from datetime import date

import numpy as np
import polars as pl

from cis_assets.catalog import AS_OF_DATE
from cis_assets.catalog.gold import SEGMENT_MODEL
from cis_assets.errors import OperatorError
from cis_assets.segmentation.centers import nearest_centers
from cis_assets.segmentation.clustering import (
    count_distinct,
    find_centers,
    one_thread,
    refine_centers,
    seeded_sample,
    silhouette_on_sample,
)
from cis_assets.segmentation.features import CLUSTERED_FEATURES, FeatureScaling, feature_matrix
from cis_assets.segmentation.naming import Center, segment_marks, segment_names
from cis_assets.segmentation.segment_count import choose_segment_count, try_segment_count

_STARTS = 10
SEARCH_CUSTOMERS = 20_000


class TrainingError(OperatorError):
    """The features do not allow a segment model; the message says why and what to do."""


def train_segment_model(
    features: pl.DataFrame,
    *,
    segments_min: int,
    segments_max: int,
    seed: int,
    search_customers: int = SEARCH_CUSTOMERS,
) -> pl.DataFrame:
    """Train on one snapshot of gold/customer_features; returns the rows of gold/segment_model.

    KMeans (scikit-learn, Lloyd's algorithm, ten k-means++ starts) clusters the scaled features, for each number of
    segments from `segments_min` to `segments_max` that the customers allow; `choose_segment_count` picks one. The
    search uses a seeded sample of at most `search_customers` customers; then the centers are refined on all customers.
    Segment 0 is the largest (ties: by center).

    Results depend neither on row order (customers are sorted first) nor on threads (one is used).

    Raises TrainingError if `features` is empty, has more than one snapshot, or has too few distinct customers for
    `segments_min` segments. Raises MissingFeatureError if it lacks a feature.
    """
    trained_as_of = _require_one_snapshot(features)
    raw = feature_matrix(features.sort("customer_id"), tuple(CLUSTERED_FEATURES))
    scaling = FeatureScaling.fit(raw)
    scaled = scaling.transform(raw)
    counts = _possible_counts(scaled, segments_min, segments_max, search_customers)
    with one_thread():
        centers = _best_centers(scaled, counts, seed, search_customers)
        silhouette = silhouette_on_sample(scaled, centers, seed)
    nearest, distance = nearest_centers(scaled, centers)
    sizes = np.bincount(nearest, minlength=len(centers))
    by_size = sorted(range(len(centers)), key=lambda place: (-sizes[place], *centers[place]))
    shared = {
        "feature_names": list(scaling.names),
        "feature_fill": list(scaling.fill),
        "feature_is_log": list(scaling.is_log),
        "feature_mean": list(scaling.mean),
        "feature_scale": list(scaling.scale),
        "segment_count": len(centers),
        "silhouette": silhouette,
        "inertia": float((distance**2).sum()),
        "seed": seed,
        "trained_as_of": trained_as_of,
    }
    return pl.DataFrame(_segment_rows(scaling, centers[by_size], sizes[by_size], shared), schema=SEGMENT_MODEL.dtypes)


def _require_one_snapshot(features: pl.DataFrame) -> date:
    days = features[AS_OF_DATE].unique().sort().to_list()
    if len(days) != 1:
        found = f"{len(days)} snapshots, {days[0]} to {days[-1]}" if days else "no customers"
        raise TrainingError(f"Training needs exactly one snapshot of gold/customer_features; there are {found}.")
    return days[0]


def _possible_counts(scaled: np.ndarray, segments_min: int, segments_max: int, search_customers: int) -> range:
    """The numbers of segments to try, up to the number of distinct customers, so no segment is empty."""
    if not 2 <= segments_min <= segments_max:
        raise ValueError(
            f"The range of segment counts is {segments_min} to {segments_max}, but must be ascending from 2 or more."
        )
    # Counting distinct rows among millions takes much memory, and the first rows nearly always suffice.
    distinct = count_distinct(scaled[:search_customers])
    if distinct < segments_max:
        distinct = count_distinct(scaled)
    most = min(segments_max, distinct, len(scaled) - 1)
    if most < segments_min:
        raise TrainingError(
            f"{segments_min} segments need at least {segments_min + 1} customers, {segments_min} of them distinct; "
            f"the snapshot has {len(scaled)}, {distinct} of them distinct. Land more orders or lower CIS_SEGMENTS_MIN."
        )
    return range(segments_min, most + 1)


def _best_centers(scaled: np.ndarray, counts: range, seed: int, search_customers: int) -> np.ndarray:
    """Centers of the chosen number of segments (segments x features), unsorted."""
    searched = seeded_sample(scaled, search_customers, seed)
    counts = range(counts.start, min(counts.stop, count_distinct(searched) + 1))
    found = {count: find_centers(searched, count, starts=_STARTS, seed=seed) for count in counts}
    chosen = found[choose_segment_count([try_segment_count(searched, centers, seed) for centers in found.values()])]
    return chosen if searched is scaled else refine_centers(scaled, chosen)


def _segment_rows(
    scaling: FeatureScaling, centers: np.ndarray, sizes: np.ndarray, shared: dict[str, object]
) -> list[dict]:
    described = [
        Center(values=dict(zip(scaling.names, values, strict=True)), z=dict(zip(scaling.names, z, strict=True)))
        for values, z in zip(scaling.inverse(centers).tolist(), centers.tolist(), strict=True)
    ]
    names = segment_names(described)
    return [
        {
            **shared,
            "segment_id": segment_id,
            "segment_name": names[segment_id],
            "segment_marks": segment_marks(center),
            "centroid": list(center.z.values()),
            "centroid_values": list(center.values.values()),
            "customer_count": int(sizes[segment_id]),
        }
        for segment_id, center in enumerate(described)
    ]

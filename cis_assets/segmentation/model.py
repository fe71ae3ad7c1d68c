"""Training the segment model: from one snapshot of features to the rows of gold/segment_model.

Belongs here: the course of the training and the shape of its result. Does not belong here: which features are clustered
(see `features`), how many segments are kept (see `segment_count`), what they are called (see `naming`), and placing
customers (see `assignment`).
"""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from cis_assets.catalog import AS_OF_DATE
from cis_assets.catalog.gold import SEGMENT_MODEL
from cis_assets.errors import OperatorError
from cis_assets.segmentation.centres import nearest_centres
from cis_assets.segmentation.clustering import different_points, find_centres, one_thread, refine_centres, seeded_sample
from cis_assets.segmentation.features import CLUSTERED_FEATURES, FeatureScaling, feature_matrix
from cis_assets.segmentation.naming import Centre, segment_marks, segment_names
from cis_assets.segmentation.segment_count import choose_segment_count, silhouette_on_sample, try_segment_count

_STARTS = 10
_SEARCH_CUSTOMERS = 20_000


class TrainingError(OperatorError):
    """There is no segment model to be had from these features; the message says why and what to do."""


def train_segment_model(features: pl.DataFrame, *, segments_min: int, segments_max: int, seed: int) -> pl.DataFrame:
    """Train on one snapshot of gold/customer_features; returns the rows of gold/segment_model.

    KMeans (scikit-learn, Lloyd's algorithm, ten k-means++ starts) on the scaled features, for each number of segments
    from `segments_min` to `segments_max` that the customers allow; `choose_segment_count` picks one. The search looks
    at a seeded sample of at most 20,000 customers; the centres it ends with are then refined on all of them.
    Segment 0 is the largest (ties: by centre).

    Row order does not matter, since customers are sorted first; the number of threads does not, since one is used.

    Raises TrainingError if `features` is empty, holds more than one snapshot or too few customers who differ for
    `segments_min` segments, and MissingFeatureError if it lacks a feature.
    """
    trained_as_of = _only_snapshot(features)
    scaling, scaled = _scaled(features)
    counts = _possible_counts(scaled, segments_min, segments_max)
    with one_thread():
        centres = _best_centres(scaled, counts, seed)
        silhouette = silhouette_on_sample(scaled, centres, seed)
    nearest, distance = nearest_centres(scaled, centres)
    sizes = np.bincount(nearest, minlength=len(centres))
    by_size = sorted(range(len(centres)), key=lambda place: (-sizes[place], *centres[place]))
    shared = {
        "feature_names": list(scaling.names),
        "feature_fill": list(scaling.fill),
        "feature_is_log": list(scaling.is_log),
        "feature_mean": list(scaling.mean),
        "feature_scale": list(scaling.scale),
        "segment_count": len(centres),
        "silhouette": silhouette,
        "inertia": float((distance**2).sum()),
        "seed": seed,
        "trained_as_of": trained_as_of,
    }
    return pl.DataFrame(_segment_rows(scaling, centres[by_size], sizes[by_size], shared), schema=SEGMENT_MODEL.dtypes)


def _scaled(features: pl.DataFrame) -> tuple[FeatureScaling, np.ndarray]:
    """The scaled features of all customers, in the order of their numbers, and how they were scaled."""
    raw = feature_matrix(features.sort("customer_id"), tuple(CLUSTERED_FEATURES))
    scaling = FeatureScaling.fit(raw)
    return scaling, scaling.transform(raw)


def _only_snapshot(features: pl.DataFrame) -> date:
    days = features[AS_OF_DATE].unique().sort().to_list()
    if len(days) != 1:
        found = f"{len(days)} snapshots, {days[0]} to {days[-1]}" if days else "no customers"
        raise TrainingError(f"A segment model is trained on one snapshot of gold/customer_features; there are {found}.")
    return days[0]


def _possible_counts(scaled: np.ndarray, segments_min: int, segments_max: int) -> range:
    """The numbers of segments to try: none above the number of customers who differ, so that no segment is empty."""
    if not 2 <= segments_min <= segments_max:
        raise ValueError(f"There is no number of segments from {segments_min} to {segments_max}; the least is 2.")
    # Counting the different ones among millions takes more memory than all the rest, and a few nearly always suffice.
    different = different_points(scaled[:_SEARCH_CUSTOMERS])
    if different < segments_max:
        different = different_points(scaled)
    most = min(segments_max, different, len(scaled) - 1)
    if most < segments_min:
        raise TrainingError(
            f"{segments_min} segments need at least {segments_min + 1} customers, {segments_min} of whom differ; "
            "the snapshot has "
            f"{len(scaled)}, {different} of whom differ. Land more orders or lower CIS_SEGMENTS_MIN."
        )
    return range(segments_min, most + 1)


def _best_centres(scaled: np.ndarray, counts: range, seed: int) -> np.ndarray:
    """Centres of the chosen number of segments, in no order."""
    searched = seeded_sample(scaled, _SEARCH_CUSTOMERS, seed)
    counts = range(counts.start, min(counts.stop, different_points(searched) + 1))
    found = {count: find_centres(searched, count, starts=_STARTS, seed=seed) for count in counts}
    chosen = found[choose_segment_count([try_segment_count(searched, centres, seed) for centres in found.values()])]
    return chosen if searched is scaled else refine_centres(scaled, chosen)


def _segment_rows(
    scaling: FeatureScaling, centres: np.ndarray, sizes: np.ndarray, shared: dict[str, object]
) -> list[dict]:
    described = [
        Centre(values=dict(zip(scaling.names, values, strict=True)), z=dict(zip(scaling.names, z, strict=True)))
        for values, z in zip(scaling.inverse(centres).tolist(), centres.tolist(), strict=True)
    ]
    names = segment_names(described)
    return [
        {
            **shared,
            "segment_id": segment_id,
            "segment_name": names[segment_id],
            "segment_marks": segment_marks(centre),
            "centroid": list(centre.z.values()),
            "centroid_values": list(centre.values.values()),
            "customer_count": int(sizes[segment_id]),
        }
        for segment_id, centre in enumerate(described)
    ]

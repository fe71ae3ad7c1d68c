"""Chooses the number of segments from the quality of each number tried."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cis_assets.segmentation.centers import nearest_centers
from cis_assets.segmentation.clustering import count_distinct, find_centers, seeded_sample, silhouette_on_sample

SMALLEST_SHARE = 0.02
SMALLEST_SEGMENT = 5
REPRODUCIBLE = 2 / 3
NEAR_TIE = 0.03

_REPRODUCTION_CUSTOMERS = 10_000
_HALVINGS = 5
_STARTS_PER_HALF = 3


@dataclass(frozen=True)
class SegmentCountTrial:
    """The quality of one number of segments.

    `silhouette`: mean silhouette coefficient, -1 to 1. `prediction_strength`: how well the segments of one half of the
    customers reappear in the other half, 0 to 1. `has_small_segment`: whether a segment has less than 2% of the
    customers, or fewer than five.
    """

    segment_count: int
    silhouette: float
    prediction_strength: float
    has_small_segment: bool

    @property
    def is_reproducible(self) -> bool:
        return self.prediction_strength >= REPRODUCIBLE


def choose_segment_count(trials: Sequence[SegmentCountTrial]) -> int:
    """The largest number of segments with a silhouette close to the best, among the eligible numbers.

    1. A number is eligible if none of its segments is small and all are reproducible: the prediction strength
       (Tibshirani & Walther 2005, J. Comput. Graph. Stat. 14) is at least 2/3. Then two of three pairs of customers
       stay together even in the weakest segment if the clustering is repeated. The authors recommend 0.8 for separate
       clusters; shopping habits overlap. If no number is eligible, the size alone counts, then reproducibility alone,
       then neither, because with few customers some segments are better than none.
    2. Of these, the largest number is chosen whose mean silhouette coefficient (Rousseeuw 1987, J. Comput. Appl.
       Math. 20) is within 0.03 of the best.

    Shopping behavior is a continuum. Silhouettes are low and decrease slowly with the number of segments, so their
    maximum alone nearly always selects the smallest number. A difference of 0.03 is small where 0.25 is weak, 0.5
    reasonable and 0.7 strong. Among near equals, more segments allow more specific messages. Splitting a real cluster
    costs more than 0.03, or is not reproducible.

    Raises ValueError without trials.
    """
    if not trials:
        raise ValueError("There are no trials to choose a number of segments from.")
    sizeable = [trial for trial in trials if not trial.has_small_segment]
    reproducible = [trial for trial in trials if trial.is_reproducible]
    eligible = [trial for trial in sizeable if trial.is_reproducible] or sizeable or reproducible or list(trials)
    best = max(trial.silhouette for trial in eligible)
    return max(trial.segment_count for trial in eligible if trial.silhouette >= best - NEAR_TIE)


def try_segment_count(points: np.ndarray, centers: np.ndarray, seed: int) -> SegmentCountTrial:
    """Rate the `centers` (segments x features) on the `points` (customers x scaled features)."""
    sizes = np.bincount(nearest_centers(points, centers)[0], minlength=len(centers))
    return SegmentCountTrial(
        segment_count=len(centers),
        silhouette=silhouette_on_sample(points, centers, seed),
        prediction_strength=prediction_strength(points, len(centers), seed),
        has_small_segment=bool(sizes.min() < max(SMALLEST_SHARE * len(points), SMALLEST_SEGMENT)),
    )


def prediction_strength(points: np.ndarray, count: int, seed: int) -> float:
    """Prediction strength of `count` clusters, 0 to 1: the mean of five seeded halvings of at most 10,000 customers.

    Each half is clustered. For each cluster of the second half, the share of its pairs of customers is computed that
    the centers of the first half also put together. The smallest share counts. It is 0 if a half is too small.
    """
    sample = seeded_sample(points, _REPRODUCTION_CUSTOMERS, seed)
    random = np.random.default_rng(seed)
    return float(
        np.mean([_compute_strength(sample[random.permutation(len(sample))], count, seed) for _ in range(_HALVINGS)])
    )


def _compute_strength(shuffled: np.ndarray, count: int, seed: int) -> float:
    middle = len(shuffled) // 2
    halves = shuffled[:middle], shuffled[middle:]
    if any(count_distinct(half) < count for half in halves):
        return 0.0
    first, second = (find_centers(half, count, starts=_STARTS_PER_HALF, seed=seed) for half in halves)
    own, foreign = nearest_centers(halves[1], second)[0], nearest_centers(halves[1], first)[0]
    together = np.zeros((count, count))
    np.add.at(together, (own, foreign), 1)
    sizes = together.sum(axis=1)
    paired = sizes > 1
    if not paired.any():
        return 0.0
    shares = (together * (together - 1)).sum(axis=1)[paired] / (sizes * (sizes - 1))[paired]
    return float(shares.min())

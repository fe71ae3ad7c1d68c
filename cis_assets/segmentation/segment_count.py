"""How many segments there should be: the criterion, and the figures it looks at.

Belongs here: judging a number of segments. Does not belong here: the clustering itself (see `clustering`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cis_assets.segmentation.centres import nearest_centres
from cis_assets.segmentation.clustering import different_points, find_centres, mean_silhouette, seeded_sample

SMALLEST_SHARE = 0.02
SMALLEST_SEGMENT = 5
REPRODUCIBLE = 2 / 3
NEAR_TIE = 0.03

_SILHOUETTE_CUSTOMERS = 4_000
_REPRODUCTION_CUSTOMERS = 10_000
_HALVINGS = 5
_STARTS_PER_HALF = 3


@dataclass(frozen=True)
class SegmentCountTrial:
    """What is known of one number of segments.

    `silhouette`: mean silhouette coefficient, -1 to 1. `prediction_strength`: how well the segments of one half of the
    customers are found again in the other half, 0 to 1. `has_small_segment`: whether a segment holds less than 2 % of
    the customers, or fewer than five.
    """

    segment_count: int
    silhouette: float
    prediction_strength: float
    has_small_segment: bool

    @property
    def is_reproducible(self) -> bool:
        return self.prediction_strength >= REPRODUCIBLE


def choose_segment_count(trials: Sequence[SegmentCountTrial]) -> int:
    """The largest number of segments that is about as clear as the best, among those that can be relied on.

    1. Relied on is a number whose segments are all worth addressing (none small) and reproducible: a prediction strength
       (Tibshirani & Walther 2005, J. Comput. Graph. Stat. 14) of at least 2/3, so that even in the weakest segment two
       of three pairs of customers stay together when the segments are found anew. The authors ask for 0.8 to tell
       islands apart; neighbouring habits are no islands. Where no number is both, size alone counts, then
       reproducibility alone, then neither: with few customers, some segments are better than none.
    2. Among these, the largest whose mean silhouette coefficient (Rousseeuw 1987, J. Comput. Appl. Math. 20) is within
       0.03 of the best.

    Shopping behaviour is a continuum rather than a set of islands. Its silhouettes are low and fall slowly with the
    number of segments, so that their maximum alone nearly always names the smallest number tried. 0.03 is little on a
    scale where 0.25 reads as weak, 0.5 as reasonable and 0.7 as strong: among near equals, more segments serve a
    marketer better, as each gets a message of its own. Where clusters are real, splitting one costs more than that, or
    the split falls elsewhere in the other half of the customers, and the number is not relied on.

    Raises ValueError without trials.
    """
    if not trials:
        raise ValueError("No number of segments was tried.")
    sizeable = [trial for trial in trials if not trial.has_small_segment]
    reproducible = [trial for trial in trials if trial.is_reproducible]
    eligible = [trial for trial in sizeable if trial.is_reproducible] or sizeable or reproducible or list(trials)
    best = max(trial.silhouette for trial in eligible)
    return max(trial.segment_count for trial in eligible if trial.silhouette >= best - NEAR_TIE)


def try_segment_count(points: np.ndarray, centres: np.ndarray, seed: int) -> SegmentCountTrial:
    """Judge the centres found for some number of segments on the points (customers x scaled features)."""
    sizes = np.bincount(nearest_centres(points, centres)[0], minlength=len(centres))
    return SegmentCountTrial(
        segment_count=len(centres),
        silhouette=silhouette_on_sample(points, centres, seed),
        prediction_strength=prediction_strength(points, len(centres), seed),
        has_small_segment=bool(sizes.min() < max(SMALLEST_SHARE * len(points), SMALLEST_SEGMENT)),
    )


def silhouette_on_sample(points: np.ndarray, centres: np.ndarray, seed: int) -> float:
    """Mean silhouette coefficient on a seeded sample of at most 4,000 customers (its cost grows with their square)."""
    return mean_silhouette(seeded_sample(points, _SILHOUETTE_CUSTOMERS, seed), centres)


def prediction_strength(points: np.ndarray, count: int, seed: int) -> float:
    """Prediction strength of `count` clusters, 0 to 1, mean of five seeded halvings of at most 10,000 customers.

    The customers are halved and each half is clustered. For each cluster of the second half: the share of its pairs of
    customers whom the first half's centres put together too. The weakest cluster counts. 0 where a half is too small.
    """
    sample = seeded_sample(points, _REPRODUCTION_CUSTOMERS, seed)
    random = np.random.default_rng(seed)
    return float(
        np.mean(
            [_strength_of_one_halving(sample[random.permutation(len(sample))], count, seed) for _ in range(_HALVINGS)]
        )
    )


def _strength_of_one_halving(shuffled: np.ndarray, count: int, seed: int) -> float:
    middle = len(shuffled) // 2
    halves = shuffled[:middle], shuffled[middle:]
    if any(different_points(half) < count for half in halves):
        return 0.0
    first, second = (find_centres(half, count, starts=_STARTS_PER_HALF, seed=seed) for half in halves)
    own, foreign = nearest_centres(halves[1], second)[0], nearest_centres(halves[1], first)[0]
    together = np.zeros((count, count))
    np.add.at(together, (own, foreign), 1)
    sizes = together.sum(axis=1)
    paired = sizes > 1
    if not paired.any():
        return 0.0
    shares = (together * (together - 1)).sum(axis=1)[paired] / (sizes * (sizes - 1))[paired]
    return float(shares.min())

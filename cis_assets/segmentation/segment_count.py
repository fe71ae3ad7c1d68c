"""Chooses the number of segments from the quality of each number tried."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cis_assets.segmentation.centers import nearest_centers
from cis_assets.segmentation.clusterboot import STABLE, TRUSTED, bootstrap_jaccards
from cis_assets.segmentation.clustering import silhouette_on_sample

SMALLEST_SHARE = 0.03
LARGEST_SHARE = 0.40
DISTINCT = 0.5
_DISTINCT_HABITS = 2


@dataclass(frozen=True)
class SegmentCountTrial:
    """The quality of one number of segments.

    `shares`, `jaccards` and `distinct_habits` have one value per segment, in the order of the centers: its share of
    the customers, its stability (see `clusterboot`), and the number of measures (gap, basket, volume) that are half a standard
    deviation or more from the average. `silhouette` is the mean silhouette coefficient, -1 to 1.
    """

    segment_count: int
    shares: tuple[float, ...]
    jaccards: tuple[float, ...]
    distinct_habits: tuple[int, ...]
    silhouette: float

    @property
    def faults(self) -> tuple[str, ...]:
        """The requirements that it misses."""
        return self._find_faults(SMALLEST_SHARE, LARGEST_SHARE, STABLE)

    @property
    def clear_faults(self) -> tuple[str, ...]:
        """The requirements that it misses by more than the figures vary from one day to the next."""
        return self._find_faults(SMALLEST_SHARE * 0.8, LARGEST_SHARE * 1.1, TRUSTED)

    def _find_faults(self, smallest: float, largest: float, stable: float) -> tuple[str, ...]:
        missed = {
            "a segment under 3%": min(self.shares) < smallest,
            "a segment above 40%": max(self.shares) > largest,
            "an unstable segment": min(self.jaccards) < stable,
            "a segment close to the average": min(self.distinct_habits) < _DISTINCT_HABITS,
        }
        return tuple(fault for fault, is_missed in missed.items() if is_missed)


def choose_segment_count(trials: Sequence[SegmentCountTrial]) -> SegmentCountTrial:
    """The trial with the fewest faults; among equals the most stable, in steps of 0.1, then the best separated.

    Shopping habits are a continuum, so separation alone nearly always selects the fewest segments. Stability, size and
    distance from the average say which numbers are usable at all.

    Raises ValueError without trials.
    """
    if not trials:
        raise ValueError("There are no trials to choose a number of segments from.")
    return max(trials, key=lambda trial: (-len(trial.faults), round(min(trial.jaccards), 1), trial.silhouette))


def try_segment_count(points: np.ndarray, centers: np.ndarray, seed: int) -> SegmentCountTrial:
    """Rate the `centers` (segments x habits) on the `points` (customers x scaled habits)."""
    sizes = np.bincount(nearest_centers(points, centers)[0], minlength=len(centers))
    return SegmentCountTrial(
        segment_count=len(centers),
        shares=tuple((sizes / len(points)).tolist()),
        jaccards=tuple(bootstrap_jaccards(points, centers, seed).tolist()),
        distinct_habits=tuple((np.abs(_with_volume(points, centers)) >= DISTINCT).sum(axis=1).tolist()),
        silhouette=silhouette_on_sample(points, centers, seed),
    )


def _with_volume(points: np.ndarray, centers: np.ndarray) -> np.ndarray:
    """The centers with a further column: how much they buy in a time, which grows with the basket and falls with the gap."""
    volume = points[:, 1] - points[:, 0]
    spread = volume.std() or 1.0
    return np.column_stack([centers, (centers[:, 1] - centers[:, 0] - volume.mean()) / spread])

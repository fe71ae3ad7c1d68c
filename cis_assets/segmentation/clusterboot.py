"""Stability of each cluster under resampling: the mean Jaccard similarity of bootstraps, as `clusterboot` of R's fpc does.

Hennig 2007, Comput. Stat. Data Anal. 52: below 0.6 a cluster should not be trusted, from 0.75 it is stable, from 0.85
highly stable.
"""

import numpy as np

from cis_assets.segmentation.centers import nearest_centers
from cis_assets.segmentation.clustering import count_distinct, count_pairs, find_centers, seeded_sample

STABLE = 0.75
TRUSTED = 0.6

_CUSTOMERS = 3_000
_BOOTSTRAPS = 20
_STARTS = 3


def bootstrap_jaccards(points: np.ndarray, centers: np.ndarray, seed: int) -> np.ndarray:
    """For each of the `centers` (clusters x features), the mean Jaccard similarity with its best match in 20 bootstraps.

    At most 3,000 of the `points` are resampled. Members are compared among the resampled points. A bootstrap with fewer
    distinct points than clusters counts as 0.
    """
    sample = seeded_sample(points, _CUSTOMERS, seed)
    own = nearest_centers(sample, centers)[0]
    random = np.random.default_rng(seed)
    rounds = [random.integers(0, len(sample), len(sample)) for _ in range(_BOOTSTRAPS)]
    return np.mean([_best_matches(sample, own, drawn, len(centers), seed) for drawn in rounds], axis=0)


def _best_matches(sample: np.ndarray, own: np.ndarray, drawn: np.ndarray, count: int, seed: int) -> np.ndarray:
    if count_distinct(sample[drawn]) < count:
        return np.zeros(count)
    centers = find_centers(sample[drawn], count, starts=_STARTS, seed=seed)
    kept = np.unique(drawn)
    together = count_pairs(own[kept], nearest_centers(sample[kept], centers)[0], count, count)
    either = together.sum(axis=1)[:, None] + together.sum(axis=0)[None, :] - together
    return (together / np.maximum(either, 1)).max(axis=1)

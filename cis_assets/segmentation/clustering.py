"""KMeans and the silhouette, as scikit-learn computes them, made repeatable.

Belongs here: every call of scikit-learn. Does not belong here: what the points mean, or which number of clusters to
keep. scikit-learn is imported where it is called, since every run process would pay for it otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import polars as pl

from cis_assets.segmentation.centres import nearest_centres


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold numerical libraries to one thread: sums split over several differ in their last bits from run to run."""
    # Only libraries that are loaded by then are held, so scikit-learn has to come first.
    import sklearn.cluster
    import sklearn.metrics  # noqa: F401
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield


def find_centres(points: np.ndarray, count: int, *, starts: int, seed: int) -> np.ndarray:
    """Centres of `count` clusters (count x features): Lloyd's algorithm, the best of `starts` k-means++ starts."""
    from sklearn.cluster import KMeans

    clustering = KMeans(n_clusters=count, n_init=starts, random_state=seed)  # pyright: ignore[reportArgumentType]
    return clustering.fit(points).cluster_centers_


def refine_centres(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Lloyd's algorithm on `points`, from the given centres."""
    from sklearn.cluster import KMeans

    clustering = KMeans(n_clusters=len(centres), init=centres, n_init=1)  # pyright: ignore[reportArgumentType]
    return clustering.fit(points).cluster_centers_


def mean_silhouette(points: np.ndarray, centres: np.ndarray) -> float:
    """Mean silhouette coefficient of the points by nearest centre, -1 to 1; 0 where all share one centre."""
    from sklearn.metrics import silhouette_score

    nearest, _ = nearest_centres(points, centres)
    if not 2 <= len(np.unique(nearest)) < len(points):
        return 0.0
    return float(silhouette_score(points, nearest))


def different_points(points: np.ndarray) -> int:
    """How many of the rows differ: the most clusters that can be found in them."""
    return pl.from_numpy(points).n_unique()


def seeded_sample(points: np.ndarray, most: int, seed: int) -> np.ndarray:
    """At most `most` of the rows, in their order, without repetition."""
    if len(points) <= most:
        return points
    return points[np.sort(np.random.default_rng(seed).choice(len(points), most, replace=False))]

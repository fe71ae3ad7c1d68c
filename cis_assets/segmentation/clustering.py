"""Reproducible KMeans and silhouettes of scikit-learn.

scikit-learn is imported inside functions, because its import is slow and most runs do not need it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import polars as pl

from cis_assets.segmentation.centers import nearest_centers

_SILHOUETTE_CUSTOMERS = 4_000


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit numerical libraries to one thread: sums over several threads differ in their last bits between runs."""
    # The limit applies to loaded libraries only, so scikit-learn is imported first.
    import sklearn.cluster
    import sklearn.metrics  # noqa: F401
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield


def find_centers(points: np.ndarray, count: int, *, starts: int, seed: int) -> np.ndarray:
    """Centers of `count` clusters (count x features): Lloyd's algorithm, the best of `starts` k-means++ starts.

    Without a tolerance, so that the same centers on the same points move no further.
    """
    from sklearn.cluster import KMeans

    clustering = KMeans(n_clusters=count, n_init=starts, random_state=seed, tol=0)  # pyright: ignore[reportArgumentType]
    return clustering.fit(points).cluster_centers_


def refine_centers(points: np.ndarray, centers: np.ndarray) -> np.ndarray:
    """Centers after Lloyd's algorithm on `points`, started from the given centers (clusters x features)."""
    from sklearn.cluster import KMeans

    clustering = KMeans(n_clusters=len(centers), init=centers, n_init=1, tol=0)  # pyright: ignore[reportArgumentType]
    return clustering.fit(points).cluster_centers_


def silhouette_on_sample(points: np.ndarray, centers: np.ndarray, seed: int) -> float:
    """Mean silhouette coefficient by nearest center, -1 to 1; 0 if all share one center.

    It is computed on a seeded sample of at most 4,000 customers, because its cost is quadratic.
    """
    from sklearn.metrics import silhouette_score

    points = seeded_sample(points, _SILHOUETTE_CUSTOMERS, seed)
    nearest, _ = nearest_centers(points, centers)
    if not 2 <= len(np.unique(nearest)) < len(points):
        return 0.0
    return float(silhouette_score(points, nearest))


def count_distinct(points: np.ndarray) -> int:
    """The number of distinct rows, which is the largest number of clusters in them."""
    return pl.from_numpy(points).n_unique()


def seeded_sample(points: np.ndarray, most: int, seed: int) -> np.ndarray:
    """A random sample of at most `most` rows, without repetition, in their original order."""
    if len(points) <= most:
        return points
    return points[np.sort(np.random.default_rng(seed).choice(len(points), most, replace=False))]


def count_pairs(first: np.ndarray, second: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """How many places hold each pair of a value of `first` (below `rows`) and of `second` (below `columns`)."""
    return np.bincount(first * columns + second, minlength=rows * columns).reshape(rows, columns)

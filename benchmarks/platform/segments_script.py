"""Segments as a script computes them with scikit-learn: KMeans for each number of segments, chosen by silhouette."""

from __future__ import annotations

import numpy as np
import polars as pl
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score
from sklearn.preprocessing import StandardScaler

_LOGGED = ("recency_days", "order_count", "mean_gap_days", "mean_basket_size")
_PLAIN = ("tenure_days", "reorder_share")
_COUNTS = range(3, 9)
_SAMPLE = 4_000
_SEED = 7


def segments_of(features_uri: str) -> pl.DataFrame:
    """Customers with the number of their segment and quintiles of recency, frequency and spend."""
    features = pl.read_delta(features_uri)
    logged = [pl.col(name).fill_null(pl.col(name).median()).log1p() for name in _LOGGED]
    points = StandardScaler().fit_transform(features.select(*logged, *_PLAIN).to_numpy())
    sample = np.random.default_rng(_SEED).choice(len(points), min(_SAMPLE, len(points)), replace=False)
    fitted = [KMeans(count, random_state=_SEED).fit(points) for count in _COUNTS]
    best = max(fitted, key=lambda model: silhouette_score(points[sample], model.labels_[sample]))  # pyright: ignore[reportOptionalSubscript]
    scores = [
        pl.col(name).rank("ordinal", descending=name == "recency_days").qcut(5, labels=list("12345")).cast(pl.String)
        for name in ("recency_days", "order_count", "total_spend")
    ]
    return features.select("as_of_date", "customer_id", *scores).with_columns(segment_id=pl.Series(best.labels_))

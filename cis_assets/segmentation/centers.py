"""The centers of segments as stored in gold/segment_model, and the nearest center of each customer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from cis_assets.errors import OperatorError
from cis_assets.segmentation.features import FeatureScaling

ROWS_PER_CHUNK = 65_536
_PER_FEATURE = ("feature_fill", "feature_is_log", "feature_mean", "feature_scale", "centroid")


class SegmentModelError(OperatorError):
    """The rows of gold/segment_model are unusable; the message says why and what to do."""


@dataclass(frozen=True)
class SegmentCenters:
    """The parts of a trained model that assign a customer: the scaling, and the id, name and center of each segment.

    `centroids` is segments x features in scaled units, in the order of `segment_ids` (ascending).
    """

    scaling: FeatureScaling
    segment_ids: tuple[int, ...]
    segment_names: tuple[str, ...]
    centroids: np.ndarray
    version: int

    @classmethod
    def from_model(cls, model: pl.DataFrame) -> SegmentCenters:
        """Read the rows of gold/segment_model. Raises SegmentModelError if they are not one complete model."""
        if model.is_empty():
            raise SegmentModelError("gold/segment_model has no rows; run `cis train` first.")
        rows = model.sort("segment_id")
        shared = rows.select("feature_names", *_PER_FEATURE[:-1], "version").unique()
        if shared.height > 1 or rows["segment_id"].is_duplicated().any():
            raise SegmentModelError(
                "The rows of gold/segment_model are of more than one version; choose one with `versions.serving`."
            )
        _refuse_incomplete_rows(rows)
        first = rows.row(0, named=True)
        scaling = FeatureScaling(
            names=tuple(first["feature_names"]),
            is_log=tuple(first["feature_is_log"]),
            fill=tuple(first["feature_fill"]),
            mean=tuple(first["feature_mean"]),
            scale=tuple(first["feature_scale"]),
        )
        return cls(
            scaling,
            tuple(rows["segment_id"]),
            tuple(rows["segment_name"]),
            np.array(rows["centroid"].to_list(), dtype=np.float64),
            first["version"],
        )


def nearest_centers(
    scaled: np.ndarray, centroids: np.ndarray, *, rows_per_chunk: int = ROWS_PER_CHUNK
) -> tuple[np.ndarray, np.ndarray]:
    """Row number of the nearest centroid (ties: the first) and the Euclidean distance to it, per row of `scaled`.

    `scaled` is customers x features, `centroids` is segments x features. Chunks of rows limit the memory. Each row's
    sum adds the features in order, without a matrix product, so results depend neither on other rows nor on threads.
    """
    nearest, distance, _ = nearest_and_next_centers(scaled, centroids, rows_per_chunk=rows_per_chunk)
    return nearest, distance


def nearest_and_next_centers(
    scaled: np.ndarray, centroids: np.ndarray, *, rows_per_chunk: int = ROWS_PER_CHUNK
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As `nearest_centers`, and the distance to the next centroid; NaN if there is only one."""
    nearest = np.empty(len(scaled), dtype=np.int32)
    distance, second = np.empty(len(scaled)), np.full(len(scaled), np.nan)
    for start in range(0, len(scaled), rows_per_chunk):
        chunk = scaled[start : start + rows_per_chunk]
        squared = np.zeros((len(chunk), len(centroids)))
        for feature in range(scaled.shape[1]):
            squared += (chunk[:, feature, None] - centroids[None, :, feature]) ** 2
        rows = slice(start, start + len(chunk))
        nearest[rows] = squared.argmin(axis=1)
        distance[rows] = np.sqrt(squared.min(axis=1))
        if len(centroids) > 1:
            second[rows] = np.sqrt(np.partition(squared, 1, axis=1)[:, 1])
    return nearest, distance, second


def _refuse_incomplete_rows(rows: pl.DataFrame) -> None:
    for row in rows.iter_rows(named=True):
        names = row["feature_names"]
        for column in _PER_FEATURE:
            values = row[column] or []
            if len(values) != len(names) or any(value is None for value in values):
                raise SegmentModelError(
                    f"gold/segment_model segment {row['segment_id']}: {column} does not have one value for each of the "
                    f"features {', '.join(names)}; materialize segment_model again."
                )

"""What Dagster shows of a training of the segment model: the versions, the numbers of segments tried, and the segments."""

from typing import Any

import dagster as dg
import polars as pl

from cis_assets.dashboard.findings import markdown_table
from cis_assets.segmentation.model import Training
from cis_assets.segmentation.segment_count import SegmentCountTrial


def describe_training(training: Training, models: pl.DataFrame) -> dict[str, Any]:
    """The metadata of a materialization of gold/segment_model: `models` are all versions after it."""
    version = training.rows["version"][0]
    rows = models.filter(pl.col("version") == version)
    return {
        "version": version,
        "state": rows["state"][0],
        "trained_as_of": str(rows["trained_as_of"][0]),
        "segments": rows.height,
        "silhouette": rows["silhouette"][0],
        "least_jaccard": rows["jaccard"].min(),
        "ended_segments": ", ".join(training.succession.ended) or "none",
        "segment_table": dg.MetadataValue.md(_segments(rows)),
        "numbers_tried": dg.MetadataValue.md(_trials(training.trials)),
    }


def _segments(rows: pl.DataFrame) -> str:
    return markdown_table(
        ("id", "segment", "customers", "what marks it", "origin", "stability"),
        [
            (
                str(row["segment_id"]),
                row["segment_name"],
                f"{row['customer_count']:,}",
                row["segment_marks"],
                row["origin"],
                f"{row['jaccard']:.2f}",
            )
            for row in rows.iter_rows(named=True)
        ],
    )


def _trials(trials: tuple[SegmentCountTrial, ...]) -> str:
    return markdown_table(
        ("segments", "least stability", "smallest", "largest", "silhouette", "faults"),
        [
            (
                str(trial.segment_count),
                f"{min(trial.jaccards):.2f}",
                f"{min(trial.shares):.0%}",
                f"{max(trial.shares):.0%}",
                f"{trial.silhouette:.2f}",
                "; ".join(trial.faults) or "none",
            )
            for trial in trials
        ],
    )

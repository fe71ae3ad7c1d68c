"""What Dagster shows of a training of the segment model: the versions, the numbers of segments tried, and the segments."""

from typing import Any

import dagster as dg
import polars as pl

from cis_assets.dashboard.findings import markdown_table
from cis_assets.dashboard.movement_charts import candidates_chart
from cis_assets.defs.customers.newest_metadata import with_picture
from cis_assets.segmentation.model_changes import ModelChange
from cis_assets.segmentation.versions import renamed_segments


def describe_model(context: dg.AssetExecutionContext, changed: ModelChange) -> dict[str, Any]:
    """The metadata of a materialization of gold/segment_model."""
    training, promoted = changed.training, changed.champion
    version = promoted["version"][0] if training is None else training.rows["version"][0]
    rows = changed.models.filter(pl.col("version") == version).sort("segment_id")
    renamed = renamed_segments(changed.former, promoted) if changed.promoted else []
    tried = changed.candidates.filter(pl.col("version") == version)
    described: dict[str, Any] = {
        "version": version,
        "state": rows["state"][0],
        "trained_as_of": str(rows["trained_as_of"][0]),
        "champion": promoted["version"][0],
        "segments": rows.height,
        "silhouette": rows["silhouette"][0],
        "least_jaccard": rows["jaccard"].min(),
        "renamed_segments": "; ".join(f"{number}: {was} is now {name}" for number, was, name in renamed) or "none",
        "segment_table": dg.MetadataValue.md(_segments(rows)),
        "numbers_tried": dg.MetadataValue.md(with_picture(context, _candidates(tried), candidates_chart, tried)),
    }
    ended = changed.former.join(rows, on="segment_id", how="anti").sort("segment_id")
    named = [f"{number}: {name}" for number, name in ended.select("segment_id", "segment_name").iter_rows()]
    described["ended_segments"] = "; ".join(named) or "none"
    if training is not None and training.succession.ended:
        described["what_became_of_them"] = ", ".join(training.succession.ended)
    return described


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


def _candidates(rows: pl.DataFrame) -> str:
    return markdown_table(
        ("segments", "least stability", "smallest", "largest", "silhouette", "faults", "chosen"),
        [
            (
                f"{row['segment_count']}{' (of the champion)' if row['centers'] == 'champion' else ''}",
                f"{row['least_jaccard']:.2f}",
                f"{row['smallest_share']:.0%}",
                f"{row['largest_share']:.0%}",
                f"{row['silhouette']:.2f}",
                "; ".join(row["faults"]) or "none",
                "yes" if row["is_chosen"] else "",
            )
            for row in rows.iter_rows(named=True)
        ],
    )

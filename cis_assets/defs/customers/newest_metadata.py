"""What Dagster shows of the newest day of a run: a summary in Markdown, and a picture if one can be drawn.

Summaries of all days of a long range, and their pictures, would fill the event log.
"""

from collections.abc import Callable
from datetime import date

import dagster as dg
import polars as pl

from cis_assets.catalog import AS_OF_DATE
from cis_assets.dashboard.extra import DashboardExtraMissingError
from cis_assets.dashboard.movement_charts import picture
from cis_assets.defs.partitions import days_of
from cis_assets.lake.chunks import LazyChunks


def describe_newest(
    context: dg.AssetExecutionContext,
    made: pl.DataFrame,
    describe: Callable[[pl.DataFrame], str],
    draw: Callable | None = None,
) -> None:
    """Add `summary` to the metadata of the newest partition of the run, from its rows of `made`; nothing without rows.

    Without the extra `dashboard`, there is no picture.
    """
    days = days_of(context)
    rows = made.filter(pl.col(AS_OF_DATE) == days[-1])
    if rows.is_empty():
        return
    text = with_picture(context, describe(rows), draw, rows) if draw else describe(rows)
    metadata = {"summary": dg.MetadataValue.md(text)}
    if len(days) == 1:
        context.add_output_metadata(metadata)
    else:
        context.add_asset_metadata(metadata, partition_key=str(days[-1]))


def chunks_describing_newest(
    context: dg.AssetExecutionContext,
    chunks: Callable[[list[date]], list[pl.LazyFrame]],
    describe: Callable[[pl.DataFrame], str],
) -> LazyChunks:
    """The chunks of all days of the run. Those of the newest day are computed here, for its summary."""
    *earlier, newest = days_of(context)
    snapshot = pl.concat(chunk.collect() for chunk in chunks([newest]))
    describe_newest(context, snapshot, describe)
    return LazyChunks.of([*(chunks(earlier) if earlier else []), snapshot.lazy()])


def with_picture(context: dg.AssetExecutionContext, text: str, draw: Callable, rows: pl.DataFrame) -> str:
    """The text, and below it the chart that `draw` makes of the rows.

    Without rows, and without the extra `dashboard`, there is no picture.
    """
    if rows.is_empty():
        return text
    try:
        return f"{text}\n\n{picture(draw(rows))}"
    except DashboardExtraMissingError as missing:
        context.log.info(f"The summary has no picture: {missing}")
        return text

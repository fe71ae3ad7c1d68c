"""Figures of a Delta table read from its log: rows, bytes and files, in all and per partition day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl
from deltalake import DeltaTable

from cis_assets.catalog import Table
from cis_assets.engines.engine import TableLocation
from cis_assets.engines.polars_engine import refuse_absent
from cis_assets.partitions import DateRange


@dataclass(frozen=True)
class SliceFigures:
    """What a day, a slice or a whole table holds."""

    rows: int
    bytes: int
    files: int


@dataclass(frozen=True)
class TableFigures:
    """Figures of a table at a version: of all it holds, and of each day that has rows (empty if unpartitioned)."""

    version: int
    total: SliceFigures
    days: dict[date, SliceFigures]


def table_figures(table: Table, location: TableLocation, days: DateRange | None = None) -> TableFigures:
    """Read the figures of `table` (of the partition days in `days`, if given) from its log, without touching data files.

    Raises TableAbsentError if there is no table.
    """
    refuse_absent(table, location)
    delta = DeltaTable(location.uri, storage_options=dict(location.storage_options))
    files = pl.DataFrame(delta.get_add_actions(flatten=True))
    figures = [pl.col("num_records").sum(), pl.col("size_bytes").sum(), pl.len().cast(pl.Int64).alias("files")]
    if table.partition_by is None:
        return TableFigures(delta.version(), SliceFigures(*files.select(figures).row(0)), {})
    day = pl.col(f"partition.{table.partition_by}")
    if days is not None:
        files = files.filter(day.is_between(days.first, days.last))
    per_day = files.group_by(day.alias("day")).agg(figures).sort("day")
    return TableFigures(
        delta.version(),
        SliceFigures(*files.select(figures).row(0)),
        {first: SliceFigures(*rest) for first, *rest in per_day.iter_rows()},
    )

"""Rows, bytes and files of a Delta table, in total and per partition, read from its log."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl
from deltalake import DeltaTable

from cis_assets.catalog import Table
from cis_assets.lake.slices import Slice


@dataclass(frozen=True)
class SliceFigures:
    """Rows, bytes and files of a partition, a slice or a whole table."""

    rows: int
    bytes: int
    files: int


NOTHING = SliceFigures(0, 0, 0)


@dataclass(frozen=True)
class TableFigures:
    """Figures of one version of a table, for each partition that has files, by the values of its partition columns."""

    version: int
    columns: tuple[str, ...]
    partitions: dict[tuple[Any, ...], SliceFigures]

    @property
    def total(self) -> SliceFigures:
        return _sum(self.partitions.values())

    @property
    def days(self) -> dict[date, SliceFigures]:
        """Figures of each day that has files, in order; empty for a table that is not partitioned by days."""
        days: dict[date, list[SliceFigures]] = {}
        for values, figures in self.partitions.items():
            for value in values:
                if isinstance(value, date):
                    days.setdefault(value, []).append(figures)
        return {day: _sum(days[day]) for day in sorted(days)}

    def of(self, where: Slice) -> SliceFigures:
        """Sum the figures of a slice."""
        wanted = dict(where.conditions)
        if wanted.keys() == set(self.columns):
            keys = itertools.product(*(wanted[column] for column in self.columns))
            return _sum(self.partitions.get(values, NOTHING) for values in keys)
        places = [(self.columns.index(column), values) for column, values in wanted.items()]
        return _sum(
            figures
            for values, figures in self.partitions.items()
            if all(values[place] in among for place, among in places)
        )


def table_figures(table: Table, stored: DeltaTable) -> TableFigures:
    """Compute the figures of an opened table from the log that opening has already read."""
    files = pl.DataFrame(stored.get_add_actions(flatten=True))
    keys = [f"partition.{column}" for column in table.partition_by]
    counted = [pl.col("num_records").sum(), pl.col("size_bytes").sum(), pl.len().cast(pl.Int64).alias("files")]
    grouped = files.group_by(keys).agg(counted) if keys else files.select(counted)
    width = len(keys)
    partitions = {row[:width]: SliceFigures(*row[width:]) for row in grouped.iter_rows()}
    return TableFigures(stored.version(), table.partition_by, partitions)


def _sum(figures: Iterable[SliceFigures]) -> SliceFigures:
    rows, sizes, files = zip((0, 0, 0), *((each.rows, each.bytes, each.files) for each in figures), strict=True)
    return SliceFigures(sum(rows), sum(sizes), sum(files))

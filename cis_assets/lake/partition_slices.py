"""Which slice of a table a run of Dagster reads or writes, from the partitions of its asset or input.

A partition is a window of whole days, or a value of a static or dynamic set. A run may cover several. Partitions that are
not exactly a slice are refused: a wider slice would overwrite other partitions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache

import polars as pl
from dagster import InputContext, OutputContext, PartitionsDefinition, TimeWindowPartitionsDefinition

from cis_assets.catalog import Table
from cis_assets.dates import DateRange, neighbouring_ranges
from cis_assets.errors import OperatorError
from cis_assets.lake.slices import WHOLE, Slice, Value

_Wanted = DateRange | tuple[Value, ...]


class PartitionsError(OperatorError):
    """The partitions of an asset do not fit its table."""


@dataclass(frozen=True)
class RunSlice:
    """The slice of a run and, by partition key, the slice of each partition (none for a run without partitions)."""

    whole: Slice
    partitions: Mapping[str, Slice]

    def days(self) -> dict[str, list[date]]:
        """The days of each partition of a table that is partitioned by dates."""
        return {
            key: [day for day in where.conditions[0][1] if isinstance(day, date)]
            for key, where in self.partitions.items()
        }

    def without(self, keys: Collection[str]) -> RunSlice:
        """The slice of the run without some of its partitions."""
        (column, _), *_ = self.whole.conditions
        return _unite(column, {key: where for key, where in self.partitions.items() if key not in keys})


def run_slice(table: Table, context: InputContext | OutputContext) -> RunSlice:
    """Find the slice of `table` that the partitions of an output or input select; PartitionsError if there is none."""
    if not context.has_asset_partitions:
        if table.partition_by:
            raise PartitionsError(
                f"{table.path} is partitioned by {' and '.join(table.partition_by)} in the catalog, but its asset has no "
                "partitions: give the asset a partitions_def."
            )
        return RunSlice(WHOLE, {})
    written = context if isinstance(context, OutputContext) else context.upstream_output
    column = str(((written.definition_metadata if written else None) or {}).get("partition_expr"))
    if table.partition_by != (column,):
        raise PartitionsError(
            f"{table.path} is partitioned by {' and '.join(table.partition_by) or 'nothing'} in the catalog, but its asset "
            f"by {column} (metadata partition_expr): make them the same."
        )
    return _slice_of_keys(table, context.asset_partitions_def, tuple(context.asset_partition_keys))


# Resolving thousands of partition keys is slow, and every input and output needs it, so the result is cached.
@lru_cache(maxsize=64)
def _slice_of_keys(table: Table, definition: PartitionsDefinition, keys: tuple[str, ...]) -> RunSlice:
    (column,) = table.partition_by
    if isinstance(definition, TimeWindowPartitionsDefinition):
        wanted = {key: _parse_window(table, column, key, definition) for key in keys}
    else:
        wanted = {key: (_parse_value(table, column, key),) for key in keys}
    return _unite(column, {key: Slice(((column, each),)) for key, each in wanted.items()})


def _parse_window(table: Table, column: str, key: str, definition: TimeWindowPartitionsDefinition) -> DateRange:
    window, dtype = definition.time_window_for_partition_key(key), table.dtypes[column]
    if dtype != pl.Date or not (_is_midnight(window.start) and _is_midnight(window.end)):
        raise PartitionsError(
            f"{table.path}: partition {key} is not a span of whole days of a date column ({column} is {dtype})."
        )
    return DateRange(window.start.date(), window.end.date() - timedelta(days=1))


def _is_midnight(moment: datetime) -> bool:
    return moment.time() == time()


def _parse_value(table: Table, column: str, key: str) -> Value:
    dtype = table.dtypes[column]
    try:
        if dtype == pl.String:
            return key
        if dtype == pl.Date:
            return date.fromisoformat(key)
        if dtype.is_integer():
            return int(key)
    except ValueError:
        pass
    raise PartitionsError(f"{table.path}: partition {key!r} is not a value of column {column}, which is {dtype}.")


def _unite(column: str, partitions: Mapping[str, Slice]) -> RunSlice:
    return RunSlice(Slice(((column, _union(where.conditions[0][1] for where in partitions.values())),)), partitions)


def _union(wanted: Iterable[_Wanted]) -> _Wanted:
    """Unite ranges of days into one range, or into single days if there are gaps; unite values into a set of values."""
    each = list(wanted)
    values = sorted({value for values in each for value in values}, key=str)
    if each and all(isinstance(one, DateRange) for one in each):
        ranges = neighbouring_ranges(values)  # pyright: ignore[reportArgumentType]
        if len(ranges) == 1:
            return ranges[0]
    return tuple(values)

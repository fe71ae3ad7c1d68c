"""Which slice of a table a run of Dagster means, by the partitions of its asset or input.

A partition is a window of whole days, a value of a static or dynamic set, or one of each; a run may cover a range of
them. What is not exactly a slice is refused rather than widened, since a widened one would overwrite other partitions.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any

import polars as pl
from dagster import (
    InputContext,
    MultiPartitionKey,
    MultiPartitionsDefinition,
    OutputContext,
    PartitionsDefinition,
    TimeWindowPartitionsDefinition,
)

from cis_assets.catalog import Table
from cis_assets.dates import DateRange, neighbouring_ranges
from cis_assets.errors import OperatorError
from cis_assets.lake.slices import WHOLE, Slice, Value


class PartitionsError(OperatorError):
    """The partitions of an asset do not fit its table, or those of a run make up no slice."""


@dataclass(frozen=True)
class RunSlice:
    """The slice of a run and, by partition key, the slice of each of its partitions (none if it has no partitions)."""

    whole: Slice
    partitions: Mapping[str, Slice]

    def days(self, column: str) -> dict[str, DateRange]:
        """The days that each partition means by a column of dates."""
        return {key: _span(dict(where.conditions)[column]) for key, where in self.partitions.items()}

    def without(self, table: Table, keys: Collection[str]) -> RunSlice:
        """The slice of the other partitions, of which there must be some (PartitionsError if they make up no slice)."""
        left = {key: where for key, where in self.partitions.items() if key not in keys}
        return RunSlice(_union(table, list(table.partition_by), list(left.values())), left)


def _span(wanted: DateRange | tuple[Value, ...]) -> DateRange:
    if isinstance(wanted, DateRange):
        return wanted
    days = [value for value in wanted if isinstance(value, date)]
    return DateRange(min(days), max(days))


def run_slice(table: Table, context: InputContext | OutputContext) -> RunSlice:
    """What the partitions of an output or input mean in `table`; PartitionsError if they mean no slice of it."""
    if not context.has_asset_partitions:
        if table.partition_by:
            raise PartitionsError(
                f"{table.path} is partitioned by {' and '.join(table.partition_by)} in the catalog, but its asset has no "
                "partitions: give the asset a partitions_def."
            )
        return RunSlice(WHOLE, {})
    columns = _columns(table, context)
    # A sequence of keys, and not a range: a run over several dimensions is no one range of keys.
    keys = tuple(context.asset_partition_keys)
    return _slice_of_keys(table, context.asset_partitions_def, tuple(columns.items()), keys)


# A run asks the same for each of its inputs and outputs, and Dagster takes its time to say what a key of years means.
@lru_cache(maxsize=64)
def _slice_of_keys(
    table: Table, definition: PartitionsDefinition, columns: tuple[tuple[str, str], ...], keys: tuple[str, ...]
) -> RunSlice:
    by_dimension = dict(columns)
    partitions = {str(key): _slice_of_key(table, definition, by_dimension, key) for key in keys}
    return RunSlice(_union(table, list(by_dimension.values()), list(partitions.values())), partitions)


def _columns(table: Table, context: InputContext | OutputContext) -> dict[str, str]:
    """Column by the name of its partition dimension ('' where there is but one), as `partition_expr` says."""
    written = context if isinstance(context, OutputContext) else context.upstream_output
    said = ((written.definition_metadata if written else None) or {}).get("partition_expr")
    columns = dict(said) if isinstance(said, Mapping) else {"": str(said)}
    if set(columns.values()) != set(table.partition_by):
        raise PartitionsError(
            f"{table.path} is partitioned by {' and '.join(table.partition_by) or 'nothing'} in the catalog, but its asset "
            f"by {' and '.join(columns.values())} (metadata partition_expr): make them the same."
        )
    return columns


def _slice_of_key(table: Table, definition: PartitionsDefinition, columns: Mapping[str, str], key: str) -> Slice:
    if not isinstance(definition, MultiPartitionsDefinition):
        return Slice(((columns[""], _wanted(table, definition, columns[""], key)),))
    parts = (
        key.keys_by_dimension
        if isinstance(key, MultiPartitionKey)
        else definition.get_partition_key_from_str(key).keys_by_dimension
    )
    return Slice(
        tuple(
            (columns[part.name], _wanted(table, part.partitions_def, columns[part.name], parts[part.name]))
            for part in definition.partitions_defs
        )
    )


def _wanted(table: Table, definition: PartitionsDefinition, column: str, key: str) -> DateRange | tuple[Value, ...]:
    """The days or the value of a column that a partition key stands for."""
    dtype = table.dtypes[column]
    if isinstance(definition, TimeWindowPartitionsDefinition):
        window = definition.time_window_for_partition_key(key)
        if dtype != pl.Date or not (_is_midnight(window.start) and _is_midnight(window.end)):
            raise PartitionsError(
                f"{table.path}: partition {key} is no span of whole days of a date column ({column} is {dtype})."
            )
        return DateRange(window.start.date(), window.end.date() - timedelta(days=1))
    return (_value(table, column, dtype, key),)


def _is_midnight(moment: datetime) -> bool:
    return moment.time() == time()


def _value(table: Table, column: str, dtype: pl.DataType, key: str) -> Value:
    try:
        if dtype == pl.String:
            return key
        if dtype == pl.Date:
            return date.fromisoformat(key)
        if dtype.is_integer():
            return int(key)
    except ValueError:
        pass
    raise PartitionsError(f"{table.path}: partition {key!r} is no value of column {column}, which is {dtype}.")


def _union(table: Table, columns: list[str], slices: list[Slice]) -> Slice:
    """The slice that is made up of exactly these slices; PartitionsError if the least slice around them is wider."""
    whole = Slice(tuple((column, _together(dict(each.conditions)[column] for each in slices)) for column in columns))
    distinct = [len({dict(each.conditions)[column] for each in slices}) for column in columns]
    if slices and math.prod(distinct) != len(slices):
        raise PartitionsError(
            f"{table.path}: the partitions of this run are not every combination of their {' and '.join(columns)}, so "
            "they cannot be taken as one slice: run them one by one."
        )
    return whole


def _together(wanted: Iterable[DateRange | tuple[Value, ...]]) -> DateRange | tuple[Value, ...]:
    """Ranges of days as one range, or as single days where there are gaps between them; values as a set of values."""
    parts: list[Any] = list(wanted)
    values = sorted({value for part in parts for value in part}, key=str)
    if parts and all(isinstance(part, DateRange) for part in parts):
        ranges = neighbouring_ranges(values)
        if len(ranges) == 1:
            return ranges[0]
    return tuple(values)

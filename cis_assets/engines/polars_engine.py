"""Polars: lazy scans with pruned partitions, and streaming replacement of slices through delta-rs."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterator, Sequence

import narwhals as nw
import polars as pl
import pyarrow as pa
from deltalake import DeltaTable, Field, Schema, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError

from cis_assets.catalog import Table
from cis_assets.engines.engine import EmptySliceError, OutsideSliceError, TableAbsentError, TableLocation
from cis_assets.engines.parts import LazyParts
from cis_assets.partitions import DateRange

# Older Arrow types on the way out: Delta has one string type, and delta-rs then need not cast string views.
_COMPAT = pl.CompatLevel.oldest()
# Longest pauses, in seconds, before a write that lost to another one is tried again.
_PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0, 4.0, 8.0, 8.0)


class PolarsEngine:
    """The default engine: everything in this process, streaming, on all cores."""

    def scan(
        self, table: Table, location: TableLocation, days: DateRange | None, columns: Sequence[str] | None = None
    ) -> nw.LazyFrame:
        return nw.from_native(self.scan_polars(table, location, days, columns))

    def scan_polars(
        self, table: Table, location: TableLocation, days: DateRange | None, columns: Sequence[str] | None = None
    ) -> pl.LazyFrame:
        options = dict(location.storage_options)
        refuse_absent(table, location)
        frame = pl.scan_delta(location.uri, storage_options=options or None)
        if days is not None:
            frame = frame.filter(pl.col(str(table.partition_by)).is_between(pl.lit(days.first), pl.lit(days.last)))
        return frame.select(columns or list(table.dtypes))

    def replace(self, table: Table, location: TableLocation, days: DateRange | None, parts: LazyParts) -> int:
        for pause in (*_PAUSES, None):
            try:
                return self._replace_once(table, location, days, parts)
            except CommitFailedError:
                # Another writer was quicker, or the store did not say whether we were. Replacing a slice may be
                # repeated, so it is, against the table as it is then.
                if pause is None:
                    raise
                time.sleep(random.uniform(pause / 2, pause))  # noqa: S311
        raise AssertionError("The last attempt returns or raises.")

    def _replace_once(self, table: Table, location: TableLocation, days: DateRange | None, parts: LazyParts) -> int:
        batches = _CheckedBatches(table, days, parts)
        target = open_or_create(table, location)
        try:
            write_deltalake(target, data=batches.reader(), mode="overwrite", predicate=_predicate(table, days))
        except DeltaError:
            # delta-rs wraps what went wrong inside the stream in its own words; the stream's own error says more.
            if batches.fault is not None:
                raise batches.fault from None
            raise
        return batches.rows


class _CheckedBatches:
    """A stream of record batches that refuses rows outside the slice and counts what passes."""

    def __init__(self, table: Table, days: DateRange | None, parts: LazyParts) -> None:
        self._table = table
        self._days = days
        self._parts = parts
        self.rows = 0
        self.fault: Exception | None = None

    def reader(self) -> pa.RecordBatchReader:
        """Start computing, look at the first rows, and hand over the stream; refuse an empty one here, before any write."""
        frames = self._frames()
        first = next(frames, None)
        if first is None and not self._table.may_be_empty:
            span = "" if self._days is None else f" for {self._days.first} to {self._days.last}"
            raise EmptySliceError(f"{self._table.path} would become empty{span}; the old rows were kept.")
        schema = self._table.empty().to_arrow(compat_level=_COMPAT).schema
        frames = itertools.chain(() if first is None else (first,), frames)
        return pa.RecordBatchReader.from_batches(schema, self._record_batches(frames, schema))

    def _frames(self) -> Iterator[pl.DataFrame]:
        """Batches with rows, part after part."""
        for part in self._parts.frames:
            frame: pl.LazyFrame = part.select(list(self._table.dtypes)).to_native()
            for batch in frame.collect_batches(maintain_order=False, engine="streaming"):
                if batch.height:
                    yield batch

    def _record_batches(self, frames: Iterator[pl.DataFrame], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        try:
            for frame in frames:
                self._refuse_outside(frame)
                self.rows += frame.height
                yield from frame.to_arrow(compat_level=_COMPAT).cast(schema).to_batches()
        except (OutsideSliceError, pl.exceptions.PolarsError) as error:
            self.fault = error
            raise

    def _refuse_outside(self, frame: pl.DataFrame) -> None:
        column = self._table.partition_by
        if self._days is None or column is None:
            return
        inside = pl.col(column).is_between(pl.lit(self._days.first), pl.lit(self._days.last))
        if not frame.select(inside.fill_null(False).all()).item():
            raise OutsideSliceError(
                f"{self._table.path}: rows with {column} outside {self._days.first} to {self._days.last} "
                "were about to be written; the table was left as it was."
            )


def exists(location: TableLocation) -> bool:
    """Whether there is a table; a store that cannot be asked raises its own error."""
    return DeltaTable.is_deltatable(location.uri, storage_options=dict(location.storage_options))


def refuse_absent(table: Table, location: TableLocation) -> None:
    """Raise TableAbsentError if there is no table at the location."""
    if not exists(location):
        raise TableAbsentError(f"There is no table {table.path} at {location.uri} yet: materialize it first.")


def open_or_create(table: Table, location: TableLocation) -> DeltaTable:
    """Open the table, creating it first where there is none; a lost race to create it is no error."""
    options = dict(location.storage_options)
    if not exists(location):
        DeltaTable.create(
            location.uri,
            schema=_delta_schema(table),
            mode="ignore",
            partition_by=[table.partition_by] if table.partition_by else None,
            name=table.path,
            description=table.description,
            storage_options=options,
        )
    return DeltaTable(location.uri, storage_options=options)


def _delta_schema(table: Table) -> Schema:
    arrow = Schema.from_arrow(table.empty().to_arrow(compat_level=_COMPAT).schema)
    return Schema(
        [
            Field(
                field.name,
                field.type,
                nullable=table.columns[field.name].nullable,
                metadata={"comment": table.column_description(field.name)},
            )
            for field in arrow.fields
        ]
    )


def _predicate(table: Table, days: DateRange | None) -> str | None:
    if days is None:
        return None
    column = table.partition_by
    if days.first == days.last:
        return f"{column} = '{days.first}'"
    return f"{column} >= '{days.first}' AND {column} <= '{days.last}'"

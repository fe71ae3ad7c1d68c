"""The stream of record batches that delta-rs writes, computed chunk after chunk and checked on the way."""

import itertools
from collections.abc import Iterator

import narwhals as nw
import polars as pl
import pyarrow as pa
from polars.exceptions import PanicException

from cis_assets.catalog import Table
from cis_assets.errors import OperatorError
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.engines.engine import BrokenRuleError, EmptySliceError, OutsideSliceError
from cis_assets.lake.slices import WHOLE, Slice, rows_in
from cis_assets.lake.stored_schema import COMPAT, arrow_schema

# Checks, conversion and delta-rs have a fixed cost for each batch.
_ROWS_AT_ONCE = 200_000


class RowsChangedError(OperatorError):
    """A slice that is rewritten has another number of rows than the table's log says."""


class CheckedBatches:
    """A stream that refuses rows outside a slice and counts the rows that pass.

    Only rows in one of the slices `kept` are passed on. With `expected_rows`, the stream fails at its end if it had another
    number of rows. delta-rs replaces errors of a stream by its own, so the original is kept in `fault`.
    """

    def __init__(
        self,
        table: Table,
        where: Slice,
        chunks: LazyChunks,
        kept: tuple[Slice, ...] = (WHOLE,),
        expected_rows: int | None = None,
    ) -> None:
        self._table = table
        self._where = where
        self._chunks = chunks
        self._kept = kept
        self._expected_rows = expected_rows
        self.rows = 0
        self.fault: BaseException | None = None

    def reader(self, *, refuse_empty: bool, schema: pa.Schema | None = None) -> pa.RecordBatchReader:
        """Start computing and return the stream; raise EmptySliceError before any write if there must be rows.

        `schema` is the schema of the batches, if it is not only the catalog's types.
        """
        frames = self._frames()
        first = next(frames, None)
        if first is None and refuse_empty:
            raise EmptySliceError(f"{self._table.path} would become empty for {self._where}; the old rows were kept.")
        schema = arrow_schema(self._table) if schema is None else schema
        frames = itertools.chain(() if first is None else (first,), frames)
        return pa.RecordBatchReader.from_batches(schema, self._record_batches(frames, schema))

    def _frames(self) -> Iterator[pl.DataFrame]:
        """Compute batches with rows, chunk after chunk."""
        for chunk in self._chunks.frames:
            frame: pl.LazyFrame = chunk.select(list(self._table.dtypes)).to_native()
            for batch in frame.collect_batches(chunk_size=_ROWS_AT_ONCE, maintain_order=False, engine="streaming"):
                if batch.height:
                    yield batch

    def _record_batches(self, frames: Iterator[pl.DataFrame], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        try:
            for frame in frames:
                refuse_outside(self._table, self._where, frame)
                if self._chunks.observe:
                    self._chunks.observe(frame)
                kept = rows_in(nw.from_native(frame), *self._kept).to_native()
                self.rows += kept.height
                yield from kept.to_arrow(compat_level=COMPAT).cast(schema).to_batches()
            if self._expected_rows not in (None, self.rows):
                raise RowsChangedError(
                    f"{self._table.path}: {self.rows} rows were read of {self._where} where its log says "
                    f"{self._expected_rows}; nothing was written."
                )
        except (Exception, PanicException) as error:
            self.fault = error
            raise

    def refuse_broken_rules(self) -> None:
        """Compute the rows again and raise BrokenRuleError for the first that breaks a rule of the catalog, if any."""
        reasons = self._table.broken_rules()
        for frame in self._frames():
            broken = frame.with_columns(reasons.alias("reason")).filter(pl.col("reason").is_not_null())
            if broken.height:
                raise BrokenRuleError(
                    f"{self._table.path}: {broken['reason'][0]} in the row with {describe_key(self._table, broken)}; "
                    "the table was left as it was."
                )


def describe_key(table: Table, rows: pl.DataFrame) -> str:
    """Describe the key of the first row, without the customer's number: error texts are kept forever."""
    names = [name for name in dict.fromkeys((*table.partition_by, *table.key)) if name != "customer_id"]
    return ", ".join(f"{name} {value}" for name, value in rows.select(names).row(0, named=True).items())


def refuse_outside(table: Table, where: Slice, frame: pl.DataFrame) -> None:
    """Raise OutsideSliceError if a row of `frame` is not in the slice."""
    if not where.conditions:
        return
    outside = nw.from_native(frame).filter(~where.expression() | where.expression().is_null()).to_native()
    if outside.height:
        columns = [column for column, _ in where.conditions]
        row = ", ".join(f"{column} {value}" for column, value in outside.select(columns).row(0, named=True).items())
        raise OutsideSliceError(
            f"{table.path}: a row with {row} was about to be written to {where}; the table was left as it was."
        )

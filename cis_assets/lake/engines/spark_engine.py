# pyspark is an extra that the linter's environment lacks.
# pyright: reportMissingImports=false
"""The Spark engine: scans and replaces slices on a remote Spark, for histories that one machine cannot hold.

Rows stay on Spark from scan to write; this process sees plans, errors and the table's log. delta-rs creates tables and
keeps them as the catalog describes them (`delta_table.py`), so Spark only writes rows into existing tables. Assets of
bounded size return polars frames, which `PolarsEngine` writes.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

import narwhals as nw
import polars as pl
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError, DeltaError

from cis_assets.catalog import Table
from cis_assets.lake.checked_batches import CheckedBatches
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.delta_table import open_table
from cis_assets.lake.engines.engine import EmptySliceError, OutsideSliceError, TableLocation, Written
from cis_assets.lake.engines.polars_engine import PolarsEngine
from cis_assets.lake.engines.spark_errors import breaks_constraint, describe_spark_error, is_lost
from cis_assets.lake.engines.spark_session import spark_session
from cis_assets.lake.slices import WHOLE, Slice, rows_in
from cis_assets.lake.stored_schema import arrow_schema, convert_columns
from cis_assets.lake.write_path import Commit, UnsettledCommitError, commit_once, find_marked_version
from cis_assets.storage.errors import StorageError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# The error that a row outside the slice raises on Spark, around the values that it names.
_OUTSIDE = re.compile(r"cis_outside<(.*?)>")

_MOST_FILES = 1000


class _SparkLostError(DeltaError):
    """Spark became unreachable while it was writing."""


class SparkEngine:
    """Runs on Spark whatever reads history, and in this process whatever is small."""

    def __init__(self, session: Callable[[], SparkSession] = spark_session) -> None:
        self._session = session
        self._polars = PolarsEngine()

    def scan(
        self, table: Table, location: TableLocation, where: Slice = WHOLE, columns: Sequence[str] | None = None
    ) -> nw.LazyFrame:
        stored = open_table(table, location)
        # Without a version, Spark would take the newest one in each computation.
        reader = self._session().read.format("delta").option("versionAsOf", stored.version())
        frame = rows_in(nw.from_native(reader.load(location.uri)), where)
        dtypes = nw.Schema.from_polars(table.dtypes)
        converted = convert_columns(
            table,
            stored,
            cast=lambda name: nw.col(name).cast(dtypes[name]),
            fill=lambda name, value: nw.lit(value, dtypes[name]),
        )
        return (frame.with_columns(**converted) if converted else frame).select(columns or list(table.dtypes))

    def empty(self, table: Table) -> nw.LazyFrame:
        from pyspark.sql.pandas.types import from_arrow_schema

        return nw.from_native(self._session().createDataFrame([], from_arrow_schema(arrow_schema(table))))

    def replace(self, table: Table, location: TableLocation, where: Slice, chunks: LazyChunks) -> Written:
        """Replace the rows of a slice. If the catalog says that the table is never empty, Spark first looks for a row.

        A Spark that cannot persist results (serverless Spark, Sail) computes the rows twice for that.
        """
        if not _on_spark(chunks):
            return self._polars.replace(table, location, where, chunks)
        rows = _union([_planned(frame.select(list(table.dtypes)).to_native()) for frame in chunks.frames])

        def write(commit: Commit) -> None:
            stored, before = commit.stored, commit.stored.version()
            with _translate_errors(table, where, rows, stored):
                if not table.may_be_empty and rows.isEmpty():
                    raise EmptySliceError(f"{table.path} would become empty for {where}; the old rows were kept.")
                _save(_guard(table, where, rows), location, where, commit.mark)
            stored.update_incremental()
            # Spark makes no commit if there are neither old nor new rows.
            version = find_marked_version(stored, before, commit.mark)
            if version is not None:
                stored.load_as_version(version)

        try:
            with _persisted(rows) if not table.may_be_empty else nullcontext():
                stored = commit_once(table, location, write).table
        except StorageError as error:
            if isinstance(error.__cause__, _SparkLostError):
                raise UnsettledCommitError(
                    f"Writing {table.path} failed: {error.__cause__}. The table has the old rows now, and the new ones if "
                    "Spark still completes the write. Run it again."
                ) from None
            raise
        return Written(_count_rows(where, stored), stored)

    def append(
        self, table: Table, location: TableLocation, where: Slice, batches: Mapping[str, Slice], chunks: LazyChunks
    ) -> Written:
        """Append from this process: a commit of Spark can name only one batch, and one of Sail none."""
        return self._polars.append(table, location, where, batches, _collected(chunks))

    def merge(self, table: Table, location: TableLocation, where: Slice, chunks: LazyChunks) -> Written:
        """Merge from this process, which checks the keys."""
        return self._polars.merge(table, location, where, _collected(chunks))


def _on_spark(chunks: LazyChunks) -> bool:
    return any(not frame.implementation.is_polars() for frame in chunks.frames)


def _collected(chunks: LazyChunks) -> LazyChunks:
    if not _on_spark(chunks):
        return chunks
    frames = (frame.collect(backend="polars").to_native() for frame in chunks.frames)
    return dataclasses.replace(chunks, frames=LazyChunks.of(frames).frames)


def _planned(rows: DataFrame) -> DataFrame:
    """Let Sail plan these rows by themselves; Spark ignores more partitions than there are.

    Without it, Sail repeats the expressions of the columns in all that is above them, and plans for minutes.
    """
    return rows.coalesce(_MOST_FILES)


def _union(frames: Sequence[DataFrame]) -> DataFrame:
    """Unite the rows of the frames, in a tree of unions: a deep plan cannot be sent."""
    middle = len(frames) // 2
    return frames[0] if len(frames) == 1 else _union(frames[:middle]).union(_union(frames[middle:]))


def _guard(table: Table, where: Slice, rows: DataFrame) -> DataFrame:
    """Make the computation of the rows fail at a row outside the slice.

    Delta on Spark refuses such a row by itself; other writers with `replaceWhere` do not. The guard is in a column, since
    the optimizer may apply a filter to rows that are not in the result.
    """
    predicate = where.sql()
    if predicate is None:
        return rows
    from pyspark.sql import functions as F

    columns = [column for column, _ in where.conditions]
    values = [
        F.concat(F.lit(f"{column} "), F.coalesce(F.col(column).cast("string"), F.lit("missing"))) for column in columns
    ]
    refusal = F.raise_error(F.concat(F.lit("cis_outside<"), F.concat_ws(", ", *values), F.lit(">")))
    guarded, kind = columns[0], rows.schema[columns[0]].dataType
    inside = F.when(F.expr(predicate), F.col(guarded)).otherwise(refusal.cast(kind))
    return rows.withColumn(guarded, inside)


def _save(rows: DataFrame, location: TableLocation, where: Slice, mark: str) -> None:
    writer = _planned(rows).write.format("delta").mode("overwrite").option("userMetadata", mark)
    predicate = where.sql()
    (writer.option("replaceWhere", predicate) if predicate else writer).save(location.uri)


@contextmanager
def _persisted(rows: DataFrame) -> Iterator[None]:
    """Let Spark keep the computed rows, if it can."""
    from pyspark.errors import PySparkException

    with suppress(PySparkException):
        rows.persist()
    try:
        yield
    finally:
        with suppress(PySparkException):
            rows.unpersist()


@contextmanager
def _translate_errors(table: Table, where: Slice, rows: DataFrame, stored: DeltaTable) -> Iterator[None]:
    """Turn an error of Spark into one that `commit_once` understands."""
    from pyspark.errors import PySparkException

    before = stored.version()
    try:
        yield
    except PySparkException as error:
        outside = _OUTSIDE.search(str(error))
        if outside:
            raise OutsideSliceError(
                f"{table.path}: a row with {outside[1]} was about to be written to {where}; the table was left as it was."
            ) from None
        if is_lost(error):
            raise _SparkLostError(
                f"Spark became unreachable during the write ({describe_spark_error(error)})"
            ) from None
        if breaks_constraint(error):
            _refuse_broken_rules(table, where, rows)
        stored.update_incremental()
        # Engines name conflicts differently. The log shows whether there was another writer.
        raise (CommitFailedError if stored.version() > before else DeltaError)(describe_spark_error(error)) from error


def _refuse_broken_rules(table: Table, where: Slice, rows: DataFrame) -> None:
    """Raise BrokenRuleError if a row breaks a constraint of the table."""
    broken = [f"NOT ({condition})" for condition in table.checks.values()]
    broken += [f"{name} IS NULL" for name, column in table.columns.items() if not column.nullable]
    found = nw.from_native(rows.where(" OR ".join(broken)).limit(1)).collect(backend="polars").to_native()
    CheckedBatches(table, where, LazyChunks.of([found])).refuse_broken_rules()


def _count_rows(where: Slice, stored: DeltaTable) -> int:
    """Count the rows of a slice from the statistics of its files."""
    files = pl.DataFrame(stored.get_add_actions(flatten=True))
    renamed = files.rename({name: name.removeprefix("partition.") for name in files.columns if "partition." in name})
    return rows_in(nw.from_native(renamed), where).to_native()["num_records"].sum()

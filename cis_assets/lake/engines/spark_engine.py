# pyspark is an extra that the linter's environment lacks.
# pyright: reportMissingImports=false
"""Spark: scans and replaces slices on a Spark that this process only talks to, for histories that one machine cannot hold.

Rows stay on Spark from scan to write; this process sees plans, errors and the table's log. Tables are created and kept as
the catalog describes them by delta-rs (`delta_table.py`), so Spark only ever writes rows into a table that is there.
Frames of polars, which assets of bounded size return, are written as `PolarsEngine` writes them.
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
from cis_assets.lake.commits import MARK, UnsettledCommitError, commit_once, marked_version
from cis_assets.lake.delta_table import open_table
from cis_assets.lake.engines.engine import EmptySliceError, OutsideSliceError, TableLocation, Written
from cis_assets.lake.engines.polars_engine import PolarsEngine
from cis_assets.lake.engines.spark_errors import breaks_constraint, is_lost, spark_words
from cis_assets.lake.engines.spark_session import spark_session
from cis_assets.lake.slices import WHOLE, Slice, rows_in
from cis_assets.storage.errors import StorageError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# What a row outside the slice makes Spark fail with, around the sentence that names it.
_OUTSIDE = re.compile(r"cis_outside<(.*?)>")

_MOST_FILES = 1000


class _SparkLostError(DeltaError):
    """Spark went away while it was writing."""


class SparkEngine:
    """Everything that reads history on Spark; what is small, in this process."""

    def __init__(self, session: Callable[[], SparkSession] = spark_session) -> None:
        self._session = session
        self._polars = PolarsEngine()

    def scan(
        self, table: Table, location: TableLocation, where: Slice = WHOLE, columns: Sequence[str] | None = None
    ) -> nw.LazyFrame:
        stored = open_table(table, location)
        # Without a version, Spark would take the newest one anew in each computation.
        reader = self._session().read.format("delta").option("versionAsOf", stored.version())
        frame = rows_in(nw.from_native(reader.load(location.uri)), where)
        present = {field.name for field in stored.schema().fields}
        gained = [
            nw.lit(None, dtype).alias(name)
            for name, dtype in nw.Schema.from_polars(table.dtypes).items()
            if name not in present and table.columns[name].nullable
        ]
        return (frame.with_columns(gained) if gained else frame).select(columns or list(table.dtypes))

    def replace(self, table: Table, location: TableLocation, where: Slice, parts: LazyChunks) -> Written:
        """As the interface says. Where the catalog says that the table is never empty, Spark looks for a row first.

        A Spark that keeps no results between two questions (a serverless one, Sail) computes the rows twice for that.
        """
        if not _on_spark(parts):
            return self._polars.replace(table, location, where, parts)
        rows = _union([frame.select(list(table.dtypes)).to_native() for frame in parts.frames])

        def write(target: DeltaTable, mark: dict[str, str]) -> None:
            before = target.version()
            with _in_our_words(table, where, rows, target):
                if not table.may_be_empty and rows.isEmpty():
                    raise EmptySliceError(f"{table.path} would become empty for {where}; the old rows were kept.")
                _save(_guarded(table, where, rows), location, where, mark[MARK])
            target.update_incremental()
            # None where neither old nor new rows called for a commit.
            version = marked_version(target, before, mark[MARK])
            if version is not None:
                target.load_as_version(version)

        try:
            with _kept(rows) if not table.may_be_empty else nullcontext():
                stored = commit_once(table, location, write)
        except StorageError as error:
            if isinstance(error.__cause__, _SparkLostError):
                raise UnsettledCommitError(
                    f"Writing {table.path} failed: {error.__cause__}. The old rows stand now; if Spark still completes the "
                    "write, the new ones will. Run the same again."
                ) from None
            raise
        return Written(_rows_stored(where, stored), stored)

    def append(
        self, table: Table, location: TableLocation, where: Slice, batches: Mapping[str, Slice], parts: LazyChunks
    ) -> Written:
        """As the interface says, with the rows brought here: Spark enters one batch in a commit at most, Sail none."""
        return self._polars.append(table, location, where, batches, _brought_here(parts))

    def merge(self, table: Table, location: TableLocation, where: Slice, parts: LazyChunks) -> Written:
        """As the interface says, with the rows brought here, where their keys are looked at."""
        return self._polars.merge(table, location, where, _brought_here(parts))


def _on_spark(parts: LazyChunks) -> bool:
    return any(not frame.implementation.is_polars() for frame in parts.frames)


def _brought_here(parts: LazyChunks) -> LazyChunks:
    if not _on_spark(parts):
        return parts
    frames = (frame.collect(backend="polars").to_native() for frame in parts.frames)
    return dataclasses.replace(parts, frames=LazyChunks.of(frames).frames)


def _union(frames: Sequence[DataFrame]) -> DataFrame:
    """All rows of the frames. Halved again and again, since a plan must not be too deep to be sent."""
    middle = len(frames) // 2
    return frames[0] if len(frames) == 1 else _union(frames[:middle]).union(_union(frames[middle:]))


def _guarded(table: Table, where: Slice, rows: DataFrame) -> DataFrame:
    """The rows, whose computation fails at one that is not in the slice.

    Delta's Spark refuses such a row by itself, other writers with `replaceWhere` do not. The guard sits in a column, since
    a filter could be moved to where rows are looked at that are not in the result.
    """
    predicate = where.sql()
    if predicate is None:
        return rows
    from pyspark.sql import functions as F

    columns = [column for column, _ in where.conditions]
    shown = [
        F.concat(F.lit(f"{column} "), F.coalesce(F.col(column).cast("string"), F.lit("missing"))) for column in columns
    ]
    refusal = F.raise_error(F.concat(F.lit("cis_outside<"), F.concat_ws(", ", *shown), F.lit(">")))
    guarded, kind = columns[0], rows.schema[columns[0]].dataType
    inside = F.when(F.expr(predicate), F.col(guarded)).otherwise(refusal.cast(kind))
    return rows.withColumn(guarded, inside)


def _save(rows: DataFrame, location: TableLocation, where: Slice, mark: str) -> None:
    # The limit does nothing on Spark itself. Sail would weave the checks of the table's constraints into the expressions
    # that the columns are computed by, over and over, and plan for minutes.
    writer = rows.coalesce(_MOST_FILES).write.format("delta").mode("overwrite").option("userMetadata", mark)
    predicate = where.sql()
    (writer.option("replaceWhere", predicate) if predicate else writer).save(location.uri)


@contextmanager
def _kept(rows: DataFrame) -> Iterator[None]:
    """Let Spark keep the rows once they are computed, where it can."""
    from pyspark.errors import PySparkException

    with suppress(PySparkException):
        rows.persist()
    try:
        yield
    finally:
        with suppress(PySparkException):
            rows.unpersist()


@contextmanager
def _in_our_words(table: Table, where: Slice, rows: DataFrame, target: DeltaTable) -> Iterator[None]:
    """Turn an error of Spark into the error that it means for a write, as `commit_once` knows them."""
    from pyspark.errors import PySparkException

    before = target.version()
    try:
        yield
    except PySparkException as error:
        outside = _OUTSIDE.search(str(error))
        if outside:
            raise OutsideSliceError(
                f"{table.path}: a row with {outside[1]} was about to be written to {where}; the table was left as it was."
            ) from None
        if is_lost(error):
            raise _SparkLostError(f"Spark went away in the middle of it ({spark_words(error)})") from None
        if breaks_constraint(error):
            _refuse_broken_rules(table, where, rows)
        target.update_incremental()
        # Engines name conflicts differently. That another writer was there is told by the log.
        raise (CommitFailedError if target.version() > before else DeltaError)(spark_words(error)) from error


def _refuse_broken_rules(table: Table, where: Slice, rows: DataFrame) -> None:
    """Raise BrokenRuleError for a row that breaks a rule which the stored table holds, if there is one."""
    broken = [f"NOT ({condition})" for condition in table.checks.values()]
    broken += [f"{name} IS NULL" for name, column in table.columns.items() if not column.nullable]
    found = nw.from_native(rows.where(" OR ".join(broken)).limit(1)).collect(backend="polars").to_native()
    CheckedBatches(table, where, LazyChunks.of([found])).refuse_broken_rules()


def _rows_stored(where: Slice, stored: DeltaTable) -> int:
    """Rows of a slice, from the statistics of its files."""
    files = pl.DataFrame(stored.get_add_actions(flatten=True))
    named = files.rename({name: name.removeprefix("partition.") for name in files.columns if "partition." in name})
    return rows_in(nw.from_native(named), where).to_native()["num_records"].sum()

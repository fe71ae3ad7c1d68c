"""The write path: every commit of rows to a table of the lake goes through `commit_once`.

An error of a write does not mean that nothing was committed: the reply of the storage may be lost after the commit.
Each commit therefore carries a mark of its own, and after any error the table's log is searched for it. Conflicts with
other writers are retried with jitter against the table's newest version.
"""

import random
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa
from deltalake import ColumnProperties, CommitProperties, DeltaTable, Transaction, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError

from cis_assets.catalog import SchemaMismatchError, Table
from cis_assets.errors import OperatorError, first_line
from cis_assets.lake.checked_batches import CheckedBatches
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.delta_table import KEEP_LOG, connect, count_logged_rows, open_or_create, scan_stored
from cis_assets.lake.engines.engine import TableLocation, Written
from cis_assets.lake.slices import WHOLE, Slice
from cis_assets.lake.stored_schema import COMPAT, compare, convert_rows, described_arrow_schema
from cis_assets.lake.table_versions import settle
from cis_assets.storage.errors import StorageError, describe_error, is_denied

# Every partition of a range has an open writer that holds a row group in memory. Small row groups save a third of that
# memory and cost a twentieth of the size on disk. Without a named compression, delta-rs writes none. `source_line` counts
# upwards: stored as differences, it makes bronze half as large as with a dictionary.
FILE_PROPERTIES = WriterProperties(
    compression="SNAPPY",
    max_row_group_size=32_768,
    column_properties={"source_line": ColumnProperties(dictionary_enabled=False, encoding="DELTA_BINARY_PACKED")},
)
MARK = "cis_commit"
# Without a predicate, delta-rs does not see that another writer replaced files meanwhile, and keeps both sets of files.
_EVERY_ROW = "true"
# The version of a batch among a table's application transactions. Each batch has only one.
_ONCE = 1
# The key under which the log holds the mark of a commit by Spark.
_SPARK_MARK = "userMetadata"
# Longest pauses, in seconds, before a write that lost a conflict is retried.
_PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0, 4.0, 8.0, 8.0)
# The storage client does not repeat the request that commits, since it cannot know whether the first one succeeded. The
# log tells it here, so a commit is repeated this often after a broken connection. Opening and creating are repeated only
# if they broke soon: the client has already retried longer outages.
_BROKEN_COMMITS = 2
_SOON_SECONDS = 15.0


class UnsettledCommitError(OperatorError):
    """A write failed, and the storage did not answer whether the commit is in the table's log."""


class UnconfirmedCommitError(StorageError):
    """The commit is in the table's log, but it is not known to be durable, so the write does not count as done."""


@dataclass
class Commit:
    """One attempt to commit to a table, opened at its newest version. `rows` counts the rows that were written."""

    table: Table
    location: TableLocation
    stored: DeltaTable
    mark: str
    rows: int = 0

    def overwrite(
        self,
        where: Slice,
        chunks: LazyChunks,
        *,
        refuse_empty: bool = False,
        expected_rows: int | None = None,
        file_bytes: int | None = None,
        note: Mapping[str, str] | None = None,
    ) -> None:
        """Replace the rows of a slice.

        Raises OutsideSliceError or BrokenRuleError. `refuse_empty` raises EmptySliceError for no rows, and `expected_rows`
        raises RowsChangedError for another number of rows. `note` enters the log.
        """
        batches = CheckedBatches(self.table, where, chunks, expected_rows=expected_rows)
        options = {} if file_bytes is None else {"target_file_size": file_bytes}
        self._write(
            batches,
            refuse_empty=refuse_empty,
            mode="overwrite",
            predicate=where.sql() or _EVERY_ROW,
            commit_properties=CommitProperties(custom_metadata={**(note or {}), MARK: self.mark}),
            **options,
        )

    def append(self, where: Slice, chunks: LazyChunks, batches: Mapping[str, Slice]) -> None:
        """Add the rows of the named batches, each of which must lie in the slice, and enter the names in the log."""
        self._write(
            CheckedBatches(self.table, where, chunks, kept=tuple(batches.values())),
            mode="append",
            commit_properties=CommitProperties(
                custom_metadata={MARK: self.mark},
                # delta-rs would take its own commit for another writer's after a lost reply, and append a second time.
                max_commit_retries=0,
                app_transactions=[Transaction(name, _ONCE) for name in batches],
            ),
        )

    def merge(self, where: Slice, rows: pl.DataFrame, key: list[str]) -> None:
        """Update the rows of a slice that have the same key and add the others."""
        conditions = [where.sql("stored"), *(f"stored.{column} = news.{column}" for column in key)]
        (
            self.stored.merge(
                rows.to_arrow(compat_level=COMPAT),
                predicate=" AND ".join(condition for condition in conditions if condition),
                source_alias="news",
                target_alias="stored",
                commit_properties=CommitProperties(custom_metadata={MARK: self.mark}),
                writer_properties=FILE_PROPERTIES,
                post_commithook_properties=KEEP_LOG,
            )
            .when_matched_update_all()
            .when_not_matched_insert_all()
            .execute()
        )
        self.rows = rows.height

    def convert(self, changes: list[str]) -> None:
        """Replace all rows of a table that an older catalog described by the same rows in the catalog's columns.

        Raises SchemaMismatchError if a stored value does not fit the catalog's type; then the table stays as it was.
        """
        rows = scan_stored(self.stored, self.location).with_columns(convert_rows(self.table, self.stored))
        expected_rows = count_logged_rows(self.stored)
        try:
            self._write(
                CheckedBatches(self.table, WHOLE, LazyChunks.of([rows]), expected_rows=expected_rows),
                schema=described_arrow_schema(self.table),
                mode="overwrite",
                schema_mode="overwrite",
                predicate=_EVERY_ROW,
                commit_properties=CommitProperties(
                    custom_metadata={MARK: self.mark, "cis_migration": "; ".join(changes)},
                    # delta-rs does not see which rows a commit with a new schema misses, so it must not repeat it.
                    max_commit_retries=0,
                ),
            )
        except pl.exceptions.PolarsError as error:
            raise SchemaMismatchError(
                f"Nothing was written to {self.table.path}: its stored rows cannot be converted ({'; '.join(changes)}): "
                f"{first_line(error)}. Move the table at {self.stored.table_uri} aside, run "
                f"`cis doctor --accept {self.table.path}`, and materialize all its partitions again."
            ) from None

    def _write(
        self, batches: CheckedBatches, *, refuse_empty: bool = False, schema: pa.Schema | None = None, **options: Any
    ) -> None:
        reader = batches.reader(refuse_empty=refuse_empty, schema=schema)
        try:
            write_deltalake(
                self.stored,
                data=reader,
                writer_properties=FILE_PROPERTIES,
                post_commithook_properties=KEEP_LOG,
                **options,
            )
        except CommitFailedError:
            raise
        except DeltaError:
            if batches.fault is not None:
                raise batches.fault from None
            # delta-rs does not name the constraint that refused a row; the catalog does.
            batches.refuse_broken_rules()
            raise
        finally:
            self.rows = batches.rows


def commit_once(table: Table, location: TableLocation, write: Callable[[Commit], None]) -> Written:
    """Open or create the table and run `write` until its commit is in the log, or until `write` commits nothing.

    After a conflict or a broken connection, `write` runs again on the table's newest version. A commit of any attempt
    counts, since all attempts write the same. Raises StorageError if no commit succeeded, or UnsettledCommitError if the
    storage does not answer.

    On a local disk, everything is synced before this returns, and the version is remembered. If that fails, this raises
    UnconfirmedCommitError: the new rows are there, and writing again leaves each row once.
    """
    written = _commit(table, location, write)
    try:
        settle(location)
    except StorageError as error:
        raise UnconfirmedCommitError(
            f"{table.path} has the new rows, but they may not survive a power cut. {error} Then run it again: no row is "
            "written twice."
        ) from error
    return written


def _commit(table: Table, location: TableLocation, write: Callable[[Commit], None]) -> Written:
    mark = uuid.uuid4().hex
    broken, before, commit = 0, None, None
    for pause in (*_PAUSES, None):
        began = time.monotonic()
        try:
            commit = Commit(table, location, _open_converted(table, location), mark)
            before = commit.stored.version() if before is None else before
            write(commit)
            return Written(commit.rows, commit.stored)
        except (DeltaError, OSError) as error:
            found = None if before is None else _find_commit(table, location, before, mark, error)
            if commit is not None and found is not None:
                return Written(commit.rows, found)
            # A retry is safe even while the commit is still on its way: both want the same version.
            broken += isinstance(error, OSError)
            worthwhile = broken <= _BROKEN_COMMITS and (before is not None or time.monotonic() - began < _SOON_SECONDS)
            may_pass = isinstance(error, CommitFailedError) or (
                isinstance(error, OSError) and worthwhile and not is_denied(error)
            )
            if not may_pass or pause is None:
                raise StorageError(
                    f"Writing {table.path} failed: {describe_error(error)}. The table was left as it was. Run `cis doctor` "
                    "to examine the storage."
                ) from error
        time.sleep(random.uniform(pause / 2, pause))  # noqa: S311
    raise AssertionError("The last attempt returns or raises.")


def _open_converted(table: Table, location: TableLocation) -> DeltaTable:
    """Open or create the table. If an older catalog described it, its rows are converted first, in one commit."""
    stored = open_or_create(table, location)
    changes = compare(table, stored).converted
    if not changes:
        return stored
    Commit(table, location, stored, uuid.uuid4().hex).convert(changes)
    settle(location)
    return open_or_create(table, location)


def find_marked_version(stored: DeltaTable, before: int, mark: str) -> int | None:
    """Return the version after `before` whose commit carries the mark, or None."""
    count = stored.version() - before
    for entry in stored.history(count) if count > 0 else []:
        if mark in (entry.get(MARK), entry.get(_SPARK_MARK)):
            return entry["version"]
    return None


def _find_commit(table: Table, location: TableLocation, before: int, mark: str, error: Exception) -> DeltaTable | None:
    """Open the newest version if a commit after `before` carries the mark; None if there is no such commit."""
    try:
        stored = connect(location)
        marked = find_marked_version(stored, before, mark)
    except (DeltaError, OSError) as silence:
        raise UnsettledCommitError(
            f"Writing {table.path} failed ({describe_error(error)}), and the storage does not say whether the commit "
            f"succeeded ({describe_error(silence)}). The table holds all old rows or all new rows. Run it again."
        ) from error
    return None if marked is None else stored

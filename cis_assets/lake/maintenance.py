"""Maintenance of a table: small files put together, old ones removed, the log kept short. Its rows stay as they are.

Each partition with several small files is replaced by itself, in the way the platform writes: with its partitions as the
predicate. delta-rs' own `optimize` is not used. It marks its commit as no change of data, and when delta-rs looks for
conflicts, it overlooks the files that such a commit has removed (its pull request 3982): another `optimize`, or an
overwrite without a predicate, that began before it commits as well, and their rows are there twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import polars as pl
import pyarrow as pa
from dagster import ConfigurableResource
from deltalake import CommitProperties, DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError
from pydantic import Field

from cis_assets.catalog import Table
from cis_assets.errors import OperatorError
from cis_assets.lake.commits import commit_once
from cis_assets.lake.delta_table import open_table
from cis_assets.lake.engines.engine import TableAbsentError, TableLocation
from cis_assets.lake.lake import location_of
from cis_assets.lake.slices import WHOLE, Slice
from cis_assets.lake.table_condition import (
    TARGET_FILE_BYTES,
    Files,
    Limits,
    Log,
    Partition,
    Upkeep,
    counted,
    files_of,
    half_written_files,
    log_of,
    look,
    removable_files,
)
from cis_assets.settings import Settings
from cis_assets.storage.errors import StorageError, storage_errors

SHORTEST_RETENTION_HOURS = 24
# A commit each, so that one that loses to a run leaves little to do again; more would hold more files open at once.
_PARTITIONS_AT_ONCE = 30
_EVERY_ROW = "true"


class RetentionTooShortError(OperatorError):
    """Old files would be removed while a run or a reader may still need them."""


class RowsChangedError(OperatorError):
    """The rows read of a slice are not as many as the table's log says, so they were not written again."""


@dataclass(frozen=True)
class Maintained:
    """What maintenance found, did and left of a table. `left` says in sentences what could not be done this time."""

    before: Files
    after: Files
    log_before: Log
    log_after: Log
    rewritten: int
    removed_files: int
    removed_bytes: int
    left: tuple[str, ...] = field(default=())

    def summary(self, table: Table) -> str:
        """What was done, in a sentence."""
        done = []
        if self.rewritten:
            done.append(
                f"{counted(self.before.files, 'file')} became {self.after.files:,} in {counted(self.rewritten, 'partition')}"
            )
        if self.removed_files:
            done.append(f"{counted(self.removed_files, 'old file')} with {self.removed_bytes / 1e6:,.1f} MB removed")
        if self.log_before.commits_since_checkpoint > self.log_after.commits_since_checkpoint:
            done.append(f"a checkpoint after {counted(self.log_before.commits_since_checkpoint, 'commit')}")
        return f"{table.path}: {'; '.join(done) or 'nothing to do'}."


def maintain(table: Table, location: TableLocation, retention_hours: int, *, force: bool = False) -> Maintained:
    """Put small files together, remove what nobody needs, write a checkpoint, and drop commits past the log's retention.

    A second call right after the first does nothing. Raises RetentionTooShortError, TableAbsentError and StorageError.
    """
    refuse_short_retention(retention_hours, force=force)
    stored = open_table(table, location)
    before, log_before = files_of(table, stored), log_of(location, stored)
    left = _put_together(table, location, before)
    stored = open_table(table, location)
    removed_files, removed_bytes = _remove(table, location, stored, retention_hours)
    with storage_errors(f"Maintaining the log of {table.path}"):
        stored.update_incremental()
        stored.create_checkpoint()
        stored.cleanup_metadata()
    after = files_of(table, stored)
    return Maintained(
        before=before,
        after=after,
        log_before=log_before,
        log_after=log_of(location, stored),
        rewritten=sum(after.small.get(partition, 0) <= 1 for partition in before.small),
        removed_files=removed_files,
        removed_bytes=removed_bytes,
        left=left,
    )


def refuse_short_retention(retention_hours: int, *, force: bool = False) -> None:
    """Raise RetentionTooShortError below SHORTEST_RETENTION_HOURS, unless forced."""
    if retention_hours < SHORTEST_RETENTION_HOURS and not force:
        raise RetentionTooShortError(
            f"A retention of {counted(retention_hours, 'hour')} is below {SHORTEST_RETENTION_HOURS}: runs and readers that "
            "have been under way for longer would lose their files. Stop all of them, then force it."
        )


def _put_together(table: Table, location: TableLocation, before: Files) -> tuple[str, ...]:
    """Replace crowded partitions by themselves; a sentence for each group of them that a run was writing to."""
    left = []
    for partitions in _groups(table, list(before.small)):
        where = _slice(table, partitions)

        def write(target: DeltaTable, mark: dict[str, str], where: Slice = where, among=frozenset(partitions)) -> None:
            # Whoever won a conflict may have replaced the partition, and with it its small files.
            if among & files_of(table, target).small.keys():
                _replace_by_itself(table, target, where, mark)

        try:
            commit_once(table, location, write)
        except StorageError as error:
            if not isinstance(error.__cause__, CommitFailedError):
                raise
            left.append(f"{table.path}: {where} was being written to; its small files are left for the next time.")
    return tuple(left)


def _replace_by_itself(table: Table, target: DeltaTable, where: Slice, mark: dict[str, str]) -> None:
    """Write the rows of a slice again, refusing to if they are not as many as the log says."""
    predicate = where.sql()
    read = pa.RecordBatchReader.from_stream(target.scan(predicate=predicate))
    expected = _logged_rows(target, where)
    fault: RowsChangedError | None = None

    def batches() -> Iterator[pa.RecordBatch]:
        nonlocal fault
        rows = 0
        for batch in read:
            rows += batch.num_rows
            yield batch
        if expected is not None and rows != expected:
            fault = RowsChangedError(
                f"{table.path}: {rows} rows were read of {where} where its log says {expected}; nothing was written."
            )
            raise fault

    try:
        write_deltalake(
            target,
            pa.RecordBatchReader.from_batches(read.schema, batches()),
            mode="overwrite",
            # Without a predicate, delta-rs does not see that somebody else wrote to the table meanwhile.
            predicate=predicate or _EVERY_ROW,
            target_file_size=TARGET_FILE_BYTES,
            commit_properties=CommitProperties(custom_metadata={**mark, "cis_maintenance": "small files put together"}),
        )
    except DeltaError:
        if fault is not None:
            raise fault from None
        raise


def _logged_rows(target: DeltaTable, where: Slice) -> int | None:
    """Rows of a slice by the table's log; None where a file of another writer does not say how many it has."""
    files = pl.DataFrame(target.get_add_actions(flatten=True))
    wanted = [pl.col(f"partition.{column}").is_in(list(values)) for column, values in where.conditions]
    rows = files.filter(pl.all_horizontal(True, *wanted))["num_records"].to_list()
    return None if None in rows else sum(rows)


def _groups(table: Table, partitions: Sequence[Partition]) -> Iterator[list[Partition]]:
    """Partitions that one predicate can name without naming others."""
    rest = iter(partitions)
    at_once = _PARTITIONS_AT_ONCE if len(table.partition_by) == 1 else 1
    while group := list(islice(rest, at_once)):
        yield group


def _slice(table: Table, partitions: Iterable[Partition]) -> Slice:
    if not table.partition_by:
        return WHOLE
    return Slice(
        tuple(zip(table.partition_by, (tuple(values) for values in zip(*partitions, strict=True)), strict=True))
    )


def _remove(table: Table, location: TableLocation, stored: DeltaTable, retention_hours: int) -> tuple[int, int]:
    """Remove the files that nobody needs any more; how many they were, with how many bytes."""
    removable = removable_files(location, stored, retention_hours)
    half_written = half_written_files(location, retention_hours)
    removed: list[str] = []
    if removable:
        with storage_errors(f"Removing old files of {table.path}"):
            removed = stored.vacuum(retention_hours, dry_run=False, full=True, enforce_retention_duration=False)
    removed_bytes = sum(removable.get(path, 0) for path in removed)
    for path in half_written:
        removed_bytes += path.stat().st_size
        path.unlink()
    return len(removed) + len(half_written), removed_bytes


class UpkeepResource(ConfigurableResource):
    """The lake that is maintained and checked, how long old files are kept, and from where on a check warns."""

    lake_uri: str = Field(description="Root of the lake: a folder or an abfss:// address.")
    retention_hours: int = Field(description="Hours for which a file that is not needed any more is kept.")
    force: bool = Field(
        False, description="Whether a retention below a day is allowed: there must be no run or reader."
    )
    small_files: int = Field(description="Small files in one partition from which on a check warns.")
    log_commits: int = Field(description="Commits since the last checkpoint from which on a check warns.")
    removable_share: float = Field(
        description="Bytes that nobody needs, of those that are, from which on a check warns."
    )

    @classmethod
    def from_settings(
        cls, configured: Settings, *, retention_hours: int | None = None, force: bool = False
    ) -> UpkeepResource:
        return cls(
            lake_uri=configured.lake_uri,
            retention_hours=configured.vacuum_retention_hours if retention_hours is None else retention_hours,
            force=force,
            small_files=configured.maintenance_small_files,
            log_commits=configured.maintenance_log_commits,
            removable_share=configured.maintenance_removable_share,
        )

    def maintain(self, table: Table) -> Maintained | None:
        """Maintain a table; None if it was never materialized."""
        try:
            return maintain(table, location_of(self.lake_uri, table), self.retention_hours, force=self.force)
        except TableAbsentError:
            return None

    def look(self, table: Table) -> Upkeep | None:
        """Whether a table needs maintenance; None if it was never materialized."""
        limits = Limits(self.small_files, self.log_commits, self.removable_share)
        try:
            return look(table, location_of(self.lake_uri, table), self.retention_hours, limits)
        except TableAbsentError:
            return None

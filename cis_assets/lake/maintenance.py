"""Maintenance of a table: compaction, vacuum and checkpoints. Its rows stay as they are.

Compaction replaces each partition with several small files by itself, through the write path. It does not use `optimize`
of delta-rs, which marks its commit as no change of data. When delta-rs looks for conflicts, it overlooks the files that
such a commit removed (its pull request 3982). Another `optimize`, or an overwrite without a predicate, that began earlier
then commits as well, and rows are stored twice.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError

from cis_assets.catalog import Table
from cis_assets.errors import OperatorError
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.delta_table import count_logged_rows, open_table, scan_stored
from cis_assets.lake.engines.engine import TableLocation
from cis_assets.lake.slices import Slice
from cis_assets.lake.table_condition import (
    TARGET_FILE_BYTES,
    Files,
    Log,
    Partition,
    examine_files,
    examine_log,
    find_half_written_files,
    find_removable_files,
    format_count,
)
from cis_assets.lake.table_versions import prepare_to_write, settle, sync_checkpoint
from cis_assets.lake.write_path import Commit, commit_once
from cis_assets.storage.errors import StorageError, storage_errors

SHORTEST_RETENTION_HOURS = 24
# Each group of partitions is one commit, so a conflict with a run costs little. A larger group holds more files open.
_PARTITIONS_AT_ONCE = 30


class RetentionTooShortError(OperatorError):
    """The retention is so short that a run or a reader may lose files that it still needs."""


@dataclass(frozen=True)
class Maintained:
    """The table before and after maintenance. `left` has a sentence for each part that could not be done this time."""

    before: Files
    after: Files
    log_before: Log
    log_after: Log
    rewritten: int
    removed_files: int
    removed_bytes: int
    left: tuple[str, ...] = ()

    def summary(self, table: Table) -> str:
        """Describe in a sentence what was done."""
        done = []
        if self.rewritten:
            done.append(
                f"{format_count(self.before.files, 'file')} became {self.after.files:,} in {format_count(self.rewritten, 'partition')}"
            )
        if self.removed_files:
            done.append(
                f"{format_count(self.removed_files, 'old file')} with {self.removed_bytes / 1e6:,.1f} MB removed"
            )
        if self.log_before.commits_since_checkpoint > self.log_after.commits_since_checkpoint:
            done.append(f"a checkpoint after {format_count(self.log_before.commits_since_checkpoint, 'commit')}")
        return f"{table.path}: {'; '.join(done) or 'nothing to do'}."


def maintain(
    table: Table,
    location: TableLocation,
    retention_hours: int,
    *,
    force: bool = False,
    target_bytes: int = TARGET_FILE_BYTES,
    partitions_at_once: int = _PARTITIONS_AT_ONCE,
) -> Maintained:
    """Compact small files, remove files that nothing needs, write a checkpoint, and drop commits past the log's retention.

    A second call right after the first does nothing. Raises RetentionTooShortError, TableAbsentError and StorageError.
    """
    refuse_short_retention(retention_hours, force=force)
    prepare_to_write(location)
    stored = open_table(table, location)
    before, log_before = examine_files(table, stored, target_bytes), examine_log(location, stored)
    left = _compact(table, location, before, target_bytes, partitions_at_once)
    settle(location)
    stored = open_table(table, location)
    removed_files, removed_bytes = _remove_files(table, location, stored, retention_hours)
    with storage_errors(f"Maintaining the log of {table.path}"):
        stored.update_incremental()
        # The cleanup may remove all earlier commits, so the commit of the vacuum must be on the disk first.
        settle(location)
        stored.create_checkpoint()
        sync_checkpoint(location)
        stored.cleanup_metadata()
    after = examine_files(table, stored, target_bytes)
    return Maintained(
        before=before,
        after=after,
        log_before=log_before,
        log_after=examine_log(location, stored),
        rewritten=sum(after.small.get(partition, 0) <= 1 for partition in before.small),
        removed_files=removed_files,
        removed_bytes=removed_bytes,
        left=left,
    )


def refuse_short_retention(retention_hours: int, *, force: bool = False) -> None:
    """Raise RetentionTooShortError below SHORTEST_RETENTION_HOURS, unless forced."""
    if retention_hours < SHORTEST_RETENTION_HOURS and not force:
        raise RetentionTooShortError(
            f"A retention of {format_count(retention_hours, 'hour')} is below {SHORTEST_RETENTION_HOURS}: runs and readers that "
            "started earlier would lose their files. Stop all of them, then force it."
        )


def _compact(
    table: Table, location: TableLocation, before: Files, target_bytes: int, partitions_at_once: int
) -> tuple[str, ...]:
    """Replace partitions with several small files by themselves; a sentence for each group that a run was writing to."""
    left = []
    for partitions in _group(table, list(before.small), partitions_at_once):
        where = Slice(tuple(zip(table.partition_by, zip(*partitions, strict=True), strict=True)))

        def write(commit: Commit, where: Slice = where, wanted=frozenset(partitions)) -> None:
            # The winner of a conflict may have replaced the partitions, and with them their small files.
            if wanted & examine_files(table, commit.stored, target_bytes).small.keys():
                commit.overwrite(
                    where,
                    LazyChunks.of([scan_stored(commit.stored, location, where)]),
                    expected_rows=count_logged_rows(commit.stored, where),
                    file_bytes=target_bytes,
                    note={"cis_maintenance": "compaction"},
                )

        try:
            commit_once(table, location, write)
        except StorageError as error:
            if not isinstance(error.__cause__, CommitFailedError):
                raise
            left.append(f"{table.path}: a run was writing to {where}; the next maintenance compacts its small files.")
    return tuple(left)


def _group(table: Table, partitions: Sequence[Partition], at_once: int) -> Iterator[list[Partition]]:
    """Group partitions such that one predicate selects exactly the partitions of a group."""
    rest = iter(partitions)
    while group := list(islice(rest, at_once if len(table.partition_by) == 1 else 1)):
        yield group


def _remove_files(table: Table, location: TableLocation, stored: DeltaTable, retention_hours: int) -> tuple[int, int]:
    """Remove the files that nothing needs; return their number and bytes."""
    removable = find_removable_files(location, stored, retention_hours)
    half_written = find_half_written_files(location, retention_hours)
    removed: list[str] = []
    if removable:
        with storage_errors(f"Removing old files of {table.path}"):
            removed = stored.vacuum(retention_hours, dry_run=False, full=True, enforce_retention_duration=False)
    removed_bytes = sum(removable.get(path, 0) for path in removed)
    for path in half_written:
        removed_bytes += path.stat().st_size
        path.unlink()
    return len(removed) + len(half_written), removed_bytes

"""Remove the history of a table: its folder keeps only what the newest version needs.

A vacuum without retention removes old data files; a checkpoint and a cleanup of the log remove old commits. Both depend on
the clock of the storage and skip some names, so the remaining files are found by name and deleted.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote

import polars as pl
from deltalake import DeltaTable

from cis_assets.catalog import Table
from cis_assets.erasure.files import delete, list_names
from cis_assets.errors import OperatorError
from cis_assets.lake.delta_table import KEEP_LOG, open_table
from cis_assets.lake.engines.engine import TableLocation
from cis_assets.lake.table_versions import prepare_to_write, settle, sync_checkpoint, sync_folders
from cis_assets.storage.errors import storage_errors

_LOG = "_delta_log/"
_CHECKPOINT = re.compile(_LOG + r"(\d{20})\.checkpoint\.parquet")
_COMMIT = re.compile(_LOG + r"(\d{20})\.json")
_AT_ONCE = "interval 0 days"
_RETENTION = {
    "delta.logRetentionDuration": "interval 30 days",
    "delta.deletedFileRetentionDuration": "interval 7 days",
}
"""The retention properties of Delta and their defaults."""


class HistoryError(OperatorError):
    """The history of a table cannot be removed, or not completely."""


@dataclass(frozen=True)
class Removed:
    """The number of removed files, and the table's version after the removal."""

    data_files: int
    log_files: int
    version: int


def remove_history(table: Table, location: TableLocation) -> Removed:
    """Remove all but the newest version of a table. No other process may write to it: its unfinished files are deleted.

    It can be repeated after a failure at any point. Raises HistoryError if something could not be removed.
    """
    prepare_to_write(location)
    settle(location)
    before = list_names(location.uri, location.timeouts)
    with storage_errors(f"Removing the history of {table.path}"):
        stored = open_table(table, location)
        _refuse_deletion_vectors(table, stored)
        stored.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False, full=True)
        configured = stored.metadata().configuration
        # An erasure that stopped between the two changes below left the table without retention; the catalog has it.
        kept = {name: configured.get(name, _AT_ONCE) for name in _RETENTION}
        kept = {
            name: table.properties.get(name, _RETENTION[name]) if duration == _AT_ONCE else duration
            for name, duration in kept.items()
        }
        # A checkpoint drops removed files, and the cleanup old commits, when they are older than these durations.
        stored.alter.set_table_properties(dict.fromkeys(_RETENTION, _AT_ONCE), post_commithook_properties=KEEP_LOG)
        # The cleanup removes all earlier commits, so this one must not be torn by a power cut.
        settle(location)
        stored.create_checkpoint()
        sync_checkpoint(location)
        stored.cleanup_metadata()
        stored.alter.set_table_properties(kept, post_commithook_properties=KEEP_LOG)
        stored = open_table(table, location)
    settle(location)
    unneeded = _find_unneeded(table, stored, list_names(location.uri, location.timeouts))
    delete(location.uri, unneeded, location.timeouts)
    sync_folders(location)
    after = list_names(location.uri, location.timeouts)
    left = _find_unneeded(table, stored, after)
    if left:
        raise HistoryError(
            f"{len(left)} files of the history of {table.path} could not be deleted, for example {min(left)}: check whether "
            "the storage forbids it, then run the erasure again."
        )
    gone = before - after
    log_files = sum(name.startswith(_LOG) for name in gone)
    return Removed(len(gone) - log_files, log_files, stored.version())


def _find_unneeded(table: Table, stored: DeltaTable, names: set[str]) -> set[str]:
    """Find the files below a table that its newest version does not need."""
    data = {unquote(path) for path in pl.DataFrame(stored.get_add_actions(flatten=True))["path"]}
    checkpoints = [int(found[1]) for name in names if (found := _CHECKPOINT.fullmatch(name))]
    # A path with an unexpected spelling must not make a needed file look unneeded.
    if not data <= names or not checkpoints:
        raise HistoryError(
            f"The files of {table.path} at {stored.table_uri} are not those that its log names, so none was deleted: "
            "make sure that no process writes to it, then run the erasure again."
        )
    newest = max(checkpoints)
    log = {
        name
        for name in names
        if name == f"{_LOG}_last_checkpoint"
        or ((found := _CHECKPOINT.fullmatch(name) or _COMMIT.fullmatch(name)) and int(found[1]) >= newest)
    }
    return names - data - log


def _refuse_deletion_vectors(table: Table, stored: DeltaTable) -> None:
    if "deletionVectors" in (stored.protocol().reader_features or ()):
        raise HistoryError(
            f"{table.path} has deletion vectors, which hide rows that its files still hold: purge it with the engine that "
            "wrote them (REORG TABLE ... APPLY (PURGE)) and drop that feature, then run the erasure again."
        )

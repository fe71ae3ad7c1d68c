"""The history of a table taken away: nothing stays in its folder but what its newest version needs.

Old data files go with a vacuum that keeps nothing, old commits with a checkpoint and a cleanup of the log. Both judge by
the store's clock and pass over some names, so what they leave is looked for by name and deleted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

import polars as pl
from deltalake import DeltaTable

from cis_assets.catalog import Table
from cis_assets.erasure.files import delete, names_below
from cis_assets.errors import OperatorError
from cis_assets.lake.delta_table import open_table
from cis_assets.lake.engines.engine import TableLocation
from cis_assets.storage.errors import storage_errors

_LOG = "_delta_log/"
_CHECKPOINT = re.compile(_LOG + r"(\d{20})\.checkpoint\.parquet")
_COMMIT = re.compile(_LOG + r"(\d{20})\.json")
_AT_ONCE = "interval 0 days"
_RETENTION = {
    "delta.logRetentionDuration": "interval 30 days",
    "delta.deletedFileRetentionDuration": "interval 7 days",
}
"""What Delta keeps for how long, and its defaults."""


class HistoryError(OperatorError):
    """The history of a table cannot be removed, or was not removed in full."""


@dataclass(frozen=True)
class Removed:
    """What the removal of a table's history took away, and the table's version after it."""

    data_files: int
    log_files: int
    version: int


def remove_history(table: Table, location: TableLocation) -> Removed:
    """Leave of a table its newest version alone. Nobody may be writing to it: unfinished files are deleted too.

    It may be repeated after a failure at any point. Raises HistoryError if something could not be removed.
    """
    before = names_below(location.uri)
    with storage_errors(f"Removing the history of {table.path}"):
        stored = open_table(table, location)
        _refuse_deletion_vectors(table, stored)
        stored.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False, full=True)
        configured = stored.metadata().configuration
        # Whoever was stopped between the two changes below left the table without retention; the catalog knows it.
        kept = {name: configured.get(name, _AT_ONCE) for name in _RETENTION}
        kept = {
            name: table.properties.get(name, _RETENTION[name]) if duration == _AT_ONCE else duration
            for name, duration in kept.items()
        }
        # A checkpoint drops removed files, and the cleanup old commits, when they are older than these durations.
        stored.alter.set_table_properties(dict.fromkeys(_RETENTION, _AT_ONCE))
        stored.create_checkpoint()
        stored.cleanup_metadata()
        stored.alter.set_table_properties(kept)
        stored = open_table(table, location)
    delete(location.uri, _unneeded(table, stored, names_below(location.uri)))
    after = names_below(location.uri)
    left = _unneeded(table, stored, after)
    if left:
        raise HistoryError(
            f"{len(left)} files of the history of {table.path} could not be deleted, for example {min(left)}: look whether "
            "the store forbids it, then run the same again."
        )
    gone = before - after
    log_files = sum(name.startswith(_LOG) for name in gone)
    return Removed(len(gone) - log_files, log_files, stored.version())


def _unneeded(table: Table, stored: DeltaTable, names: set[str]) -> set[str]:
    """The files below a table that its newest version can be read without."""
    data = {unquote(path) for path in pl.DataFrame(stored.get_add_actions(flatten=True))["path"]}
    checkpoints = [int(found[1]) for name in names if (found := _CHECKPOINT.fullmatch(name))]
    # A path that is spelt in another way than expected must not make a needed file look unneeded.
    if not data <= names or not checkpoints:
        raise HistoryError(
            f"The files of {table.path} at {stored.table_uri} are not those that its log names, so none was deleted: is "
            "somebody writing to it? Run the same again when nobody is."
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
            "wrote them (REORG TABLE ... APPLY (PURGE)) and drop that feature, then run the same again."
        )

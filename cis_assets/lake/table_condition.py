"""What the files and the log of a table are like, and whether they need maintenance.

Belongs here: looking, and judging by limits. What is found is read from the table's log and from listings of its folder;
no row is read. The mending is in `maintenance.py`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import obstore
import polars as pl
from deltalake import DeltaTable
from obstore.exceptions import BaseError as ObjectStoreError

from cis_assets.catalog import Table
from cis_assets.lake.delta_table import open_table
from cis_assets.lake.engines.engine import TableLocation
from cis_assets.storage.addresses import is_local, store_to_read
from cis_assets.storage.errors import StorageError, in_words, storage_errors

TARGET_FILE_BYTES = 100 * 1024 * 1024
_LOG = "_delta_log"
# Below this, bytes that nobody needs are not worth a warning, however small the table is.
_WORTH_A_WARNING = 64 * 1024 * 1024
_HOUR = 3600

Partition = tuple[Any, ...]


@dataclass(frozen=True)
class Files:
    """The files of a table at a version.

    `small` counts the files far below the size that is written to, in each partition that has more than one of them;
    only these can be put together. An unpartitioned table is one partition without values.
    """

    version: int
    files: int
    bytes: int
    small: Mapping[Partition, int]


@dataclass(frozen=True)
class Log:
    """The log of a table: its files, and the commits that a reader replays on top of the newest checkpoint."""

    files: int
    commits_since_checkpoint: int


@dataclass(frozen=True)
class Limits:
    """From where on a table is said to need maintenance."""

    small_files: int
    log_commits: int
    removable_share: float


@dataclass(frozen=True)
class Upkeep:
    """What was found of a table, with a sentence for each reason why it needs maintenance."""

    files: Files
    log: Log
    removable: Mapping[str, int]
    reasons: tuple[str, ...]


def look(table: Table, location: TableLocation, retention_hours: int, limits: Limits) -> Upkeep:
    """Look at the files and the log of a table; TableAbsentError if there is none."""
    stored = open_table(table, location)
    files, log = files_of(table, stored), log_of(location, stored)
    removable = removable_files(location, stored, retention_hours)
    return Upkeep(files, log, removable, tuple(_reasons(files, log, removable, limits)))


def files_of(table: Table, stored: DeltaTable) -> Files:
    """The files of an opened table, from the part of its log that opening has read already."""
    files = pl.DataFrame(stored.get_add_actions(flatten=True)).with_columns(
        is_small=pl.col("size_bytes") < TARGET_FILE_BYTES / 2
    )
    keys = [f"partition.{column}" for column in table.partition_by]
    small = files.group_by(keys or pl.lit(1)).agg(pl.col("is_small").sum())
    crowded = small.filter(pl.col("is_small") > 1).select(*keys, "is_small")
    return Files(
        version=stored.version(),
        files=files.height,
        bytes=sum(files["size_bytes"]),
        small={row[:-1]: row[-1] for row in sorted(crowded.iter_rows())},
    )


def log_of(location: TableLocation, stored: DeltaTable) -> Log:
    """The log of an opened table, by one listing of its folder."""
    names = [path.rpartition("/")[2] for path in _sizes(location, _LOG)]
    checkpoints = [int(name[:20]) for name in names if name[:20].isdigit() and ".checkpoint." in name]
    return Log(len(names), stored.version() - max(checkpoints, default=-1))


def removable_files(location: TableLocation, stored: DeltaTable, retention_hours: int) -> dict[str, int]:
    """Path and bytes of each file that nothing refers to and that retention no longer protects.

    delta-rs judges, by one listing of the table's folder; a second one tells the sizes, if there is any such file. A file
    that the log removed is protected from its removal on, one that the log does not know from its last change on.
    """
    with storage_errors(f"Listing {location.uri}"):
        found = stored.vacuum(retention_hours, dry_run=True, full=True, enforce_retention_duration=False)
    sizes = _sizes(location) if found else {}
    return {path: sizes.get(path, 0) for path in found}


def half_written_files(location: TableLocation, retention_hours: int) -> list[Path]:
    """What a killed writer leaves in a local folder under names (`NAME#1`) that delta-rs neither reads nor removes."""
    if not is_local(location.uri):
        return []
    limit = time.time() - retention_hours * _HOUR
    staged = (path for path in Path(location.uri).rglob("*#*") if path.name.rpartition("#")[2].isdigit())
    return [path for path in staged if path.stat().st_mtime < limit]


def _reasons(files: Files, log: Log, removable: Mapping[str, int], limits: Limits) -> list[str]:
    reasons = []
    crowded = {partition: count for partition, count in files.small.items() if count > limits.small_files}
    if crowded:
        worst = max(crowded, key=lambda partition: crowded[partition])
        place = f" in {counted(len(crowded), 'partition')}, most in {', '.join(map(str, worst))}" if worst else ""
        reasons.append(f"Reading opens many small files{place}: {crowded[worst]} (limit {limits.small_files}).")
    if log.commits_since_checkpoint > limits.log_commits:
        reasons.append(
            f"Opening it replays {log.commits_since_checkpoint} commits since the last checkpoint "
            f"(limit {limits.log_commits})."
        )
    unneeded = sum(removable.values())
    if unneeded > max(_WORTH_A_WARNING, limits.removable_share * files.bytes):
        reasons.append(
            f"{counted(len(removable), 'file')} with {unneeded / 1e6:,.0f} MB could be removed, beside "
            f"{files.bytes / 1e6:,.0f} MB that are needed (limit {limits.removable_share:.0%})."
        )
    return reasons


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _sizes(location: TableLocation, folder: str | None = None) -> dict[str, int]:
    """Bytes of each file below a folder of a table, by its path in the table."""
    try:
        listed = obstore.list(store_to_read(location.uri), prefix=folder)
        return {entry["path"]: entry["size"] for entries in listed for entry in entries}
    except ObjectStoreError as error:
        raise StorageError(
            f"Listing {location.uri} failed: {in_words(error)}. `cis doctor` looks at the store."
        ) from error

"""The condition of a table's files and log, and whether they need maintenance.

It comes from the table's log and from listings of its folder; no row is read. `maintenance.py` does the maintenance.
"""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import obstore
import polars as pl
from deltalake import DeltaTable

from cis_assets.catalog import Table
from cis_assets.lake.delta_table import open_table
from cis_assets.lake.engines.engine import TableLocation
from cis_assets.storage.addresses import is_local, store_to_read
from cis_assets.storage.errors import storage_errors

TARGET_FILE_BYTES = 100 * 1024 * 1024
_LOG = "_delta_log"
# Fewer removable bytes are not worth a warning, however small the table is.
_WORTH_A_WARNING = 64 * 1024 * 1024
_HOUR = 3600
_HALF_WRITTEN = re.compile(r"[^/]#[0-9]+$")

Partition = tuple[Any, ...]


@dataclass(frozen=True)
class Files:
    """The files of one version of a table.

    `small` counts the files far below the target size in each partition that has several of them, since only these can be
    compacted. An unpartitioned table is one partition without values.
    """

    version: int
    files: int
    bytes: int
    small: Mapping[Partition, int]


@dataclass(frozen=True)
class Log:
    """The number of files in a table's log, and of commits that a reader replays after the newest checkpoint."""

    files: int
    commits_since_checkpoint: int


@dataclass(frozen=True)
class Limits:
    """The limits above which a table needs maintenance."""

    small_files: int
    log_commits: int
    removable_share: float


@dataclass(frozen=True)
class TableCondition:
    """The files and log of a table, removable files by size, and a sentence for each reason why it needs maintenance."""

    files: Files
    log: Log
    removable: Mapping[str, int]
    reasons: tuple[str, ...]


def examine_table(table: Table, location: TableLocation, retention_hours: int, limits: Limits) -> TableCondition:
    """Examine the files and the log of a table; TableAbsentError if there is none."""
    stored = open_table(table, location)
    files, log = examine_files(table, stored), examine_log(location, stored)
    removable = find_removable_files(location, stored, retention_hours)
    return TableCondition(files, log, removable, tuple(_find_reasons(files, log, removable, limits)))


def examine_files(table: Table, stored: DeltaTable, target_bytes: int = TARGET_FILE_BYTES) -> Files:
    """Examine the files of an opened table. A file is small below half of `target_bytes`."""
    files = pl.DataFrame(stored.get_add_actions(flatten=True)).with_columns(
        is_small=pl.col("size_bytes") < target_bytes / 2
    )
    keys = [f"partition.{column}" for column in table.partition_by]
    small = files.group_by(keys or pl.lit(1)).agg(pl.col("is_small").sum())
    several = small.filter(pl.col("is_small") > 1).select(*keys, "is_small")
    return Files(
        version=stored.version(),
        files=files.height,
        bytes=sum(files["size_bytes"]),
        small={row[:-1]: row[-1] for row in sorted(several.iter_rows())},
    )


def examine_log(location: TableLocation, stored: DeltaTable) -> Log:
    """Examine the log of an opened table with one listing of its folder."""
    names = [path.rpartition("/")[2] for path in _file_sizes(location, _LOG)]
    checkpoints = [int(name[:20]) for name in names if name[:20].isdigit() and ".checkpoint." in name]
    return Log(len(names), stored.version() - max(checkpoints, default=-1))


def find_removable_files(location: TableLocation, stored: DeltaTable, retention_hours: int) -> dict[str, int]:
    """Path and bytes of each file that nothing refers to and that the retention no longer protects.

    delta-rs decides with one listing of the table's folder. A second listing gives the sizes, if there are such files. The
    retention of a file begins with its removal in the log, or with its last change if the log does not know it.
    """
    with storage_errors(f"Listing {location.uri}"):
        found = stored.vacuum(retention_hours, dry_run=True, full=True, enforce_retention_duration=False)
    sizes = _file_sizes(location) if found else {}
    return {path: sizes.get(path, 0) for path in found}


def find_half_written_files(location: TableLocation, retention_hours: int) -> list[Path]:
    """Find files of killed writers in a local folder, with names (`NAME#1`) that delta-rs neither reads nor removes."""
    if not is_local(location.uri):
        return []
    limit = time.time() - retention_hours * _HOUR
    staged = (path for path in Path(location.uri).rglob("*#*") if is_half_written(path.name))
    return [path for path in staged if path.stat().st_mtime < limit]


def is_half_written(name: str) -> bool:
    """Whether a file is named as writers name it until it is whole."""
    return _HALF_WRITTEN.search(name) is not None


def _find_reasons(files: Files, log: Log, removable: Mapping[str, int], limits: Limits) -> list[str]:
    reasons = []
    crowded = {partition: count for partition, count in files.small.items() if count > limits.small_files}
    if crowded:
        worst = max(crowded, key=lambda partition: crowded[partition])
        place = f" in {format_count(len(crowded), 'partition')}, most in {', '.join(map(str, worst))}" if worst else ""
        reasons.append(f"Reading opens many small files{place}: {crowded[worst]} (limit {limits.small_files}).")
    if log.commits_since_checkpoint > limits.log_commits:
        reasons.append(
            f"Opening the table replays {log.commits_since_checkpoint} commits since the last checkpoint "
            f"(limit {limits.log_commits})."
        )
    unneeded = sum(removable.values())
    if unneeded > max(_WORTH_A_WARNING, limits.removable_share * files.bytes):
        reasons.append(
            f"{format_count(len(removable), 'file')} with {unneeded / 1e6:,.0f} MB could be removed, beside "
            f"{files.bytes / 1e6:,.0f} MB that are needed (limit {limits.removable_share:.0%})."
        )
    return reasons


def format_count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _file_sizes(location: TableLocation, folder: str | None = None) -> dict[str, int]:
    """Bytes of each file below a folder of a table, by its path in the table."""
    with storage_errors(f"Listing {location.uri}"):
        listed = obstore.list(store_to_read(location.uri, location.timeouts), prefix=folder)
        return {entry["path"]: entry["size"] for entries in listed for entry in entries}

"""The snapshots in landing: which files belong together, and when they arrived.

The files of a snapshot are those of one delivery: all files of a subfolder, or files with names `part-*`, as Spark and data
factories write them. Any other file is a snapshot of its own.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath

from cis_assets.landing.contract import LandingTable
from cis_assets.landing.folder import LandingFile, LandingFolder

_PART = re.compile(r"part[-_.]?([a-z][-_.])?\d.*", re.IGNORECASE)
# Names the job that wrote the parts.
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

Place = tuple[datetime, str]
"""Arrival and name of a snapshot: a later one is newer."""


@dataclass(frozen=True)
class Snapshot:
    """The files of one delivery."""

    name: str
    files: tuple[LandingFile, ...]

    @property
    def arrived_at(self) -> datetime:
        """When its last file arrived."""
        return max(file.modified for file in self.files)

    @property
    def place(self) -> Place:
        return self.arrived_at, self.name


def list_snapshots(folder: LandingFolder, table: LandingTable) -> list[Snapshot]:
    """List the snapshots of a table, oldest first (by arrival, then by name)."""
    found: dict[str, list[LandingFile]] = {}
    for file in folder.snapshot_files(table):
        found.setdefault(snapshot_name(file.path), []).append(file)
    snapshots = [Snapshot(name, tuple(sorted(files, key=lambda file: file.path))) for name, files in found.items()]
    return sorted(snapshots, key=lambda snapshot: snapshot.place)


def snapshot_name(path: str) -> str:
    """Name the snapshot of a landing file: the file, or the folder or pattern of the files that belong together."""
    table, *folders, name = PurePosixPath(path).parts
    if folders:
        return "/".join((table, *folders, ""))
    if not _PART.fullmatch(name):
        return path
    job = _UUID.search(name)
    return f"{table}/part-*{job[0]}*" if job else f"{table}/part-*"

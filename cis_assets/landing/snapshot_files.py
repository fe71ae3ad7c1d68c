"""The snapshots in landing: which files belong together, and when they arrived.

The files of a snapshot are those of one delivery: all files below a subfolder, or files with names `part-*`, as Spark and
data factories write them. A part number that comes again begins another delivery. Any other file is a snapshot of its own.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePosixPath

from cis_assets.landing.contract import LandingTable
from cis_assets.landing.folder import LandingFile, LandingFolder

_PART = re.compile(r"part(?:[-_].+|\.?\d.*)", re.IGNORECASE)
_NUMBER = re.compile(r"part[-_.]?(?:[a-z][-_.])?(\d+)(?![0-9a-f])", re.IGNORECASE)
# Names the job that wrote the parts, or one of them.
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
# Parts of different jobs are one delivery if they arrive within this time. A job that leaves out empty parts repeats no number.
_TOGETHER = timedelta(hours=1)

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
    parts = _divide(found.pop(_parts_name(table.name), []))
    deliveries = [*found.items(), *((_parts_name(table.name), files) for files in parts)]
    snapshots = [Snapshot(name, tuple(sorted(files, key=lambda file: file.path))) for name, files in deliveries]
    return sorted(snapshots, key=lambda snapshot: snapshot.place)


def snapshot_name(path: str) -> str:
    """Name the snapshot of a landing file: the file, or the folder or pattern of the files that belong together.

    Deliveries in parts have the same name, and different arrivals.
    """
    table, *folders, name = PurePosixPath(path).parts
    if folders:
        return f"{table}/{folders[0]}/"
    return _parts_name(table) if _PART.fullmatch(name) else path


def _parts_name(table: str) -> str:
    return f"{table}/part-*"


@dataclass
class _Delivery:
    """Parts of one delivery: their files and numbers. `has_jobs` says whether their names carry a UUID."""

    files: list[LandingFile]
    numbers: set[str]
    has_jobs: bool

    @property
    def arrived_at(self) -> datetime:
        return max(file.modified for file in self.files)

    def goes_on_with(self, later: "_Delivery") -> bool:
        if self.arrived_at == later.arrived_at:
            # Nothing tells them apart, nor which one is newer.
            return True
        if self.numbers & later.numbers:
            return False
        first = min(file.modified for file in later.files)
        return first - self.arrived_at <= _TOGETHER or not (self.has_jobs or later.has_jobs)


def _divide(parts: Iterable[LandingFile]) -> list[list[LandingFile]]:
    """Divide parts into deliveries. Parts of one job, which may repeat a number, stay together."""
    jobs: dict[str, _Delivery] = {}
    for file in parts:
        name = PurePosixPath(file.path).name
        job, number = _UUID.search(name), _NUMBER.match(name)
        of_job = jobs.setdefault(job[0] if job else file.path, _Delivery([], set(), job is not None))
        of_job.files.append(file)
        of_job.numbers.add(str(int(number[1])) if number else name)
    deliveries: list[_Delivery] = []
    for job in sorted(jobs.values(), key=lambda each: (each.arrived_at, each.files[0].path)):
        if deliveries and deliveries[-1].goes_on_with(job):
            former = deliveries[-1]
            deliveries[-1] = _Delivery(
                former.files + job.files, former.numbers | job.numbers, former.has_jobs or job.has_jobs
            )
        else:
            deliveries.append(job)
    return [each.files for each in deliveries]

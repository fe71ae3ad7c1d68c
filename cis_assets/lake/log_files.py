"""The files of a table's log: which are there, and what is wrong with them.

It reads the log without delta-rs, which takes an empty commit for one without changes and names no table in its errors.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import obstore
import polars as pl
from deltalake import DeltaTable
from obstore.store import ObjectStore

from cis_assets.lake.engines.engine import TableLocation
from cis_assets.storage.addresses import is_local, store_to_read
from cis_assets.storage.errors import storage_errors

LOG = "_delta_log"
HINT = f"{LOG}/_last_checkpoint"
_COMMIT = re.compile(r"(\d{20})\.json")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint(?:\.(\d{10})\.(\d{10})|\.[0-9a-f-]{36})?\.(?:parquet|json)")
_PARQUET_END = b"PAR1"


@dataclass(frozen=True)
class LogFault:
    """What is wrong with one file of a log, as the end of a sentence: `file` `what`. `version` is the commit's."""

    version: int
    file: str
    what: str

    def __str__(self) -> str:
        return f"{self.file} {self.what}"


@dataclass(frozen=True)
class Changes:
    """The data files that a commit adds, by path, with their bytes, and those that it removes.

    `fault` says what is wrong with the commit file ("is empty", "is torn"); None if it is whole.
    """

    fault: str | None
    added: Mapping[str, int]
    removed: frozenset[str]


@dataclass(frozen=True)
class LogFiles:
    """The commits (version -> bytes) and checkpoints (version -> name -> bytes) of a log, by version.

    `has_hint`: whether there is a file `_last_checkpoint`, which names the newest checkpoint.
    """

    commits: Mapping[int, int]
    checkpoints: Mapping[int, Mapping[str, int]]
    has_hint: bool = False

    @property
    def newest(self) -> int | None:
        """The version of the newest commit or complete checkpoint; None without a log."""
        return max([*self.commits, *self.complete_checkpoints], default=None)

    @property
    def complete_checkpoints(self) -> list[int]:
        """The versions whose checkpoints are complete and not empty, in order."""
        return sorted(version for version, parts in self.checkpoints.items() if _is_complete(parts))

    @property
    def replayed(self) -> range:
        """The versions of the commits that a reader needs: those after the newest complete checkpoint."""
        newest = self.newest
        start = max(self.complete_checkpoints, default=-1) + 1
        return range(start, start if newest is None else newest + 1)


def list_log(location: TableLocation) -> LogFiles:
    """List the log of a table with one request; an absent table has no commits and no checkpoints."""
    commits: dict[int, int] = {}
    checkpoints: dict[int, dict[str, int]] = {}
    has_hint = False
    with storage_errors(f"Listing {location.uri}"):
        for entries in obstore.list(_store(location), prefix=LOG):
            for entry in entries:
                name = entry["path"].removeprefix(f"{LOG}/")
                has_hint |= entry["path"] == HINT
                if commit := _COMMIT.fullmatch(name):
                    commits[int(commit[1])] = entry["size"]
                elif checkpoint := _CHECKPOINT.fullmatch(name):
                    checkpoints.setdefault(int(checkpoint[1]), {})[name] = entry["size"]
    return LogFiles(dict(sorted(commits.items())), dict(sorted(checkpoints.items())), has_hint)


def find_log_faults(location: TableLocation, log: LogFiles, *, deep: bool = False) -> list[LogFault]:
    """Find gaps, empty and torn commits, and lost or torn checkpoints among the files that a reader needs, in order.

    Only the newest commit is read, or with `deep` every commit that a reader replays. An empty log has no faults.
    """
    faults = []
    replayed = log.replayed
    for version in replayed:
        if version not in log.commits:
            if version == replayed.start and version == 0:
                faults.append(_first_commits_missing(log))
            else:
                faults.append(LogFault(version, commit_path(version), "is missing"))
        elif deep or version == replayed[-1] or not log.commits[version]:
            reason = find_commit_fault(location, version)
            faults += [] if reason is None else [LogFault(version, commit_path(version), reason)]
    faults += find_checkpoint_faults(location, log, deep=deep)
    return faults


def find_commit_fault(location: TableLocation, version: int) -> str | None:
    """Say what is wrong with a commit file ("is empty", "is torn"); None if it is whole."""
    return read_changes(location, version).fault


def read_changes(location: TableLocation, version: int) -> Changes:
    """Read the data files that a commit adds and removes."""
    actions = list(_parse(_read(location, commit_path(version)).split(b"\n")))
    whole = [action for action in actions if isinstance(action, dict)]
    fault = "is torn" if len(whole) < len(actions) else None if whole else "is empty"
    return Changes(
        fault,
        {unquote(action["add"]["path"]): action["add"]["size"] for action in whole if "add" in action},
        frozenset(unquote(action["remove"]["path"]) for action in whole if "remove" in action),
    )


def list_data_files(stored: DeltaTable) -> dict[str, int]:
    """The data files of an opened table, by path below the table, with their bytes according to the log."""
    files = pl.DataFrame(stored.get_add_actions(flatten=True)).select("path", "size_bytes")
    return {unquote(path): size for path, size in files.iter_rows()}


def find_file_faults(location: TableLocation, files: Mapping[str, int]) -> dict[str, str]:
    """Say for each damaged file of a local table what is wrong with it ("is missing", "has 0 bytes instead of 812")."""
    if not is_local(location.uri):
        return {}
    faults = {}
    with storage_errors(f"Examining the files of {location.name}"):
        for path, size in files.items():
            try:
                found = os.stat(f"{location.uri}/{path}").st_size  # noqa: PTH116 - ten times as fast for a thousand files
            except (FileNotFoundError, NotADirectoryError):
                faults[path] = "is missing"
            else:
                if found != size:
                    faults[path] = f"has {found} bytes instead of {size}"
    return faults


def commit_path(version: int) -> str:
    return f"{LOG}/{version:020}.json"


def _first_commits_missing(log: LogFiles) -> LogFault:
    """The log neither begins with its first commit nor with a complete checkpoint."""
    if log.checkpoints:
        version = max(log.checkpoints)
        return LogFault(version, f"{LOG}/{min(log.checkpoints[version])}", "is an incomplete checkpoint")
    return LogFault(
        0, f"{LOG}/{min(log.commits):020}.json", "is the oldest commit, and the checkpoint before it is missing"
    )


def find_checkpoint_faults(location: TableLocation, log: LogFiles, *, deep: bool = False) -> list[LogFault]:
    """Find empty and torn checkpoints, and a lost one that `_last_checkpoint` names.

    They keep delta-rs from opening a table even if its commits are whole.
    """
    faults = []
    for version, parts in log.checkpoints.items():
        for name, size in parts.items():
            path = f"{LOG}/{name}"
            if not size:
                faults.append(LogFault(version, path, "is empty"))
            elif version == max(log.checkpoints) and name.endswith(".parquet") and (deep or is_local(location.uri)):
                with storage_errors(f"Reading {path} of {location.uri}"):
                    end = bytes(obstore.get_range(_store(location), path, start=max(size - 4, 0), end=size))
                faults += [] if end == _PARQUET_END else [LogFault(version, path, "is torn")]
    named = _read_hint(location) if log.has_hint and (deep or is_local(location.uri)) else None
    if named is not None and named not in log.checkpoints:
        faults.append(LogFault(named, HINT, f"names the checkpoint of version {named}, which is missing"))
    return faults


def _read_hint(location: TableLocation) -> int | None:
    """The version that `_last_checkpoint` names; None if it is unreadable, as delta-rs ignores it then."""
    hint = next(_parse(_read(location, HINT).split(b"\n")), None)
    version = hint.get("version") if isinstance(hint, dict) else None
    return version if isinstance(version, int) else None


def _is_complete(parts: Mapping[str, int]) -> bool:
    """Whether a version has a checkpoint in one file, or all files of one in several; empty files do not count."""
    counts: dict[int, int] = {}
    for name, size in parts.items():
        found = _CHECKPOINT.fullmatch(name)
        if found and size:
            of = int(found[3] or 1)
            counts[of] = counts.get(of, 0) + 1
    return any(count >= of for of, count in counts.items())


def _parse(lines: list[bytes]) -> Iterator[Any]:
    """Parse each line of a commit; None for one that is no JSON."""
    for line in lines:
        if line.strip():
            try:
                yield json.loads(line)
            except ValueError:
                yield None


def _read(location: TableLocation, path: str) -> bytes:
    with storage_errors(f"Reading {path} of {location.uri}"):
        return bytes(obstore.get(_store(location), path).bytes())


def _store(location: TableLocation) -> ObjectStore:
    return store_to_read(location.uri, location.timeouts)

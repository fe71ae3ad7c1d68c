"""The last known version of each table, and what depends on it: durable commits, rollback, refusal of damaged tables.

A small file beside the tables remembers the version of the last commit that is known to be on the disk. It is a lower
bound. A torn commit above it belongs to a run that was cut off, and is rolled back. Anything missing up to it is damage.
"""

import fcntl
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import obstore
from deltalake import DeltaTable

from cis_assets.catalog.system import ERASED_CUSTOMERS
from cis_assets.errors import OperatorError
from cis_assets.lake.engines.engine import TableLocation
from cis_assets.lake.log_files import (
    HINT,
    LOG,
    LogFault,
    LogFiles,
    commit_path,
    find_checkpoint_faults,
    find_commit_fault,
    find_file_faults,
    find_log_faults,
    list_data_files,
    list_log,
    read_changes,
)
from cis_assets.storage.addresses import is_local, object_store, store_to_read
from cis_assets.storage.durability import folders_between, list_ancestors, put_durably
from cis_assets.storage.errors import StorageError, describe_error, storage_errors

VERSIONS = "system/table_versions"
_LOGGER = logging.getLogger(__name__)
_WAY_BACK = "Run `cis doctor`, which lists all damage and says how to repair it."


class TableDamagedError(OperatorError):
    """A table is gone, shorter than it was, or not whole; the message names the table, the file and the way back."""


@dataclass(frozen=True)
class KnownVersion:
    """A version that was on the disk when it was remembered, and the size of its commit (0 if unknown)."""

    version: int
    bytes: int = 0

    def find_wrong_size(self, log: LogFiles) -> str | None:
        """Say how the size of its commit differs from what it was; None if it does not, or if no reader needs the commit."""
        found = log.commits.get(self.version)
        if not self.bytes or found in (None, self.bytes) or self.version not in log.replayed:
            return None
        return f"has {found} bytes instead of {self.bytes}"


def read_known_version(location: TableLocation) -> KnownVersion | None:
    """Read the last known version of a table; None if none was remembered."""
    if not location.lake_uri:
        return None
    path = _path(location)
    with storage_errors(f"Reading {location.name} at {location.uri}"):
        try:
            if is_local(location.lake_uri):
                content = Path(location.lake_uri, path).read_bytes()
            else:
                content = bytes(obstore.get(store_to_read(location.lake_uri, location.timeouts), path).bytes())
        except FileNotFoundError:
            return None
    try:
        known = json.loads(content)
        return KnownVersion(int(known["version"]), int(known.get("bytes", 0)))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise TableDamagedError(
            f"{path} in {location.lake_uri} is damaged; it holds the last known version of {location.name}. Run "
            f"`cis doctor --accept {location.name}` to take the version that the table has now."
        ) from None


def accept_table(location: TableLocation) -> int | None:
    """Take what a table's log has now as its last known version, even if that is less; None if there is no log.

    Torn commits at the end of the log stay above the version, so the next write rolls them back.
    """
    log = list_log(location)
    damaged = (
        version
        for version in log.replayed
        if version not in log.commits or find_commit_fault(location, version) is not None
    )
    first = next(damaged, None)
    newest = log.newest if first is None else first - 1
    if newest is None or newest < 0:
        with storage_errors(f"Forgetting the version of {location.name}"), suppress(FileNotFoundError):
            obstore.delete(object_store(location.lake_uri, timeouts=location.timeouts), _path(location))
        return None
    _remember(location, KnownVersion(newest, log.commits.get(newest, 0)))
    return newest


def refuse_damage(location: TableLocation) -> bool:
    """Return whether there is a local table to read; TableDamagedError if its log has lost something.

    A table whose first commit is torn was never created.
    """
    for attempt in (1, 2):
        try:
            return _examine(location)
        except TableDamagedError:
            # A listing is no snapshot: another process may have removed old commits meanwhile.
            if attempt == 2:
                raise
    raise AssertionError("The last attempt returns or raises.")


def prepare_to_write(location: TableLocation) -> None:
    """Roll back what runs that were cut off left at the end of a local table's log, such as a torn commit.

    A commit of a live process is whole as soon as it is visible, so it is never rolled back.
    """
    if not is_local(location.uri) or not Path(location.uri, LOG).is_dir():
        return
    if _find_leftovers(location, list_log(location), read_known_version(location)):
        with _lock_log(location):
            # Another process may have rolled back, and then committed, meanwhile.
            leftovers = _find_leftovers(location, list_log(location), read_known_version(location))
            for fault in leftovers:
                path = Path(location.uri, fault.file)
                if path.exists():
                    path.replace(path.with_name(f"{path.name}.torn"))
                    _LOGGER.warning(
                        "%s: rolled back %s: it %s; its run was cut off.", location.name, path.name, fault.what
                    )
            location.sync([Path(location.uri, LOG)])


def refuse_damaged_files(location: TableLocation, stored: DeltaTable) -> None:
    """Raise TableDamagedError if a local data file of an opened table is missing or has another size than in the log."""
    if not is_local(location.uri):
        return
    faults = find_file_faults(location, list_data_files(stored))
    if faults:
        # Another process may have replaced and removed files meanwhile.
        stored.update_incremental()
        faults = find_file_faults(location, list_data_files(stored))
    if faults:
        path = min(faults)
        others = f" (and {len(faults) - 1} other files are damaged)" if len(faults) > 1 else ""
        raise TableDamagedError(
            f"Nothing was written to {location.name}: its file {path} {faults[path]}{others}. {_WAY_BACK}"
        )


def refuse_shorter(location: TableLocation, known: KnownVersion | None, newest: int | None) -> None:
    """Raise TableDamagedError if a table is gone (`newest` is None), or its log ends before the last known version."""
    if known is not None and (newest is None or newest < known.version):
        raise _describe_shorter(location, known, newest)


def settle(location: TableLocation) -> None:
    """Sync every commit after the last known version, with its files, and remember the newest version."""
    while True:
        known = read_known_version(location)
        log = list_log(location)
        newest = log.newest
        if newest is None or (known is not None and newest <= known.version):
            return
        for version in log.replayed:
            if version not in log.commits:
                raise TableDamagedError(f"{location.name} is damaged: {commit_path(version)} is missing. {_WAY_BACK}")
        if is_local(location.uri):
            _sync_commits(location, log, known)
        if not location.lake_uri:
            return
        _remember(location, KnownVersion(newest, log.commits.get(newest, 0)))


def sync_checkpoint(location: TableLocation) -> None:
    """Sync the newest checkpoint of a local table, before the commits that it replaces are removed."""
    if is_local(location.uri):
        _sync(location, _checkpoint_files(location, list_log(location), after=-1))


def sync_folders(location: TableLocation) -> None:
    """Sync all folders of a local table, so that removed files do not come back."""
    if is_local(location.uri):
        root = Path(location.uri)
        _sync(location, {root, *(path for path in root.rglob("*") if path.is_dir())})


def _examine(location: TableLocation) -> bool:
    known = read_known_version(location)
    if not Path(location.uri, LOG).is_dir() and known is None:
        return False
    log = list_log(location)
    if known is not None and (log.newest is None or log.newest < known.version):
        raise _describe_shorter(location, known, log.newest)
    leftovers = _find_leftovers(location, log, known)
    if any(fault.version == 0 and fault.file == commit_path(0) for fault in leftovers):
        return False
    if leftovers:
        raise TableDamagedError(
            f"{location.name} cannot be read: {leftovers[-1]}, since the run that wrote it was cut off. Run `cis maintain` "
            "to roll it back (the next write to the table does so, too)."
        )
    faults = find_log_faults(location, log)
    size = None if known is None else known.find_wrong_size(log)
    if known is not None and size:
        faults.append(LogFault(known.version, commit_path(known.version), size))
    if faults:
        raise TableDamagedError(f"{location.name} is damaged: {faults[0]}. {_WAY_BACK}")
    return log.newest is not None


def _find_leftovers(location: TableLocation, log: LogFiles, known: KnownVersion | None) -> list[LogFault]:
    """Find the log files that runs which were cut off left at the end of a log, the newest first.

    These are the first commit above the last known version that is torn or lost a data file, with everything after it,
    and torn checkpoints that the log does not need.
    """
    fault = _find_cut_off_commit(location, log, known)
    commits = [version for version in log.commits if fault is not None and version >= fault.version]
    found = [
        fault
        if fault is not None and version == fault.version
        else LogFault(version, commit_path(version), "follows such a commit")
        for version in reversed(commits)
    ]
    rest = LogFiles({version: size for version, size in log.commits.items() if version not in commits}, log.checkpoints)
    torn = find_checkpoint_faults(location, log)
    torn += [
        LogFault(version, f"{LOG}/{name}", "is the checkpoint of such a commit")
        for version, names in log.checkpoints.items()
        if fault is not None and version >= fault.version
        for name in names
    ]
    if torn:
        versions = {fault.version for fault in torn}
        kept = {version: names for version, names in log.checkpoints.items() if version not in versions}
        rest = LogFiles(rest.commits, kept)
        last_known = -1 if known is None else known.version
        newest = -1 if rest.newest is None else rest.newest
        # Otherwise the checkpoint replaces commits that were removed, and is all that is left of the table.
        if newest >= last_known and all(version in rest.commits for version in rest.replayed):
            hint = LogFault(max(versions), HINT, "names the checkpoint")
            found = [hint, *torn, *found]
    return found


def _find_cut_off_commit(location: TableLocation, log: LogFiles, known: KnownVersion | None) -> LogFault | None:
    """Find the first commit above the last known version that is not whole; None if all are."""
    if known is None and list(log.commits) != [0]:
        # A lake of an earlier version of the platform. Nothing tells whether the run of its last commit was cut off.
        return None
    last_known = -1 if known is None else known.version
    added: dict[str, tuple[int, int]] = {}
    for version in (version for version in log.commits if version > last_known):
        changes = read_changes(location, version)
        if changes.fault is not None:
            return LogFault(version, commit_path(version), changes.fault)
        if known is None:
            # It is whole, so its run may have reported it. A lost data file is damage then.
            return None
        added = {path: entry for path, entry in added.items() if path not in changes.removed}
        added |= {path: (version, size) for path, size in changes.added.items()}
    faults = find_file_faults(location, {path: size for path, (_, size) in added.items()})
    if not faults:
        return None
    path = min(faults, key=lambda path: (added[path][0], path))
    version = added[path][0]
    return LogFault(version, commit_path(version), f"lacks its file: {path} {faults[path]}")


def _sync_commits(location: TableLocation, log: LogFiles, known: KnownVersion | None) -> None:
    root, after = Path(location.uri), -1 if known is None else known.version
    paths = _checkpoint_files(location, log, after)
    # No reader needs the commits up to a checkpoint, so a torn one does no harm.
    for version in (version for version in log.replayed if version > after):
        changes = read_changes(location, version)
        if changes.fault is not None:
            raise TableDamagedError(f"{location.name} is damaged: {commit_path(version)} {changes.fault}. {_WAY_BACK}")
        paths |= {root / commit_path(version), *(root / path for path in changes.added)}
    if known is None:
        paths |= list_ancestors(root)
    # Also what an earlier version of the platform wrote, and what a checkpoint holds.
    if known is None or after < log.replayed.start - 1:
        paths |= {root / path for path in list_data_files(DeltaTable(location.uri))}
    _sync(location, paths | folders_between(root, paths) | {root / LOG})


def _checkpoint_files(location: TableLocation, log: LogFiles, after: int) -> set[Path]:
    names = {f"{LOG}/{name}" for version, names in log.checkpoints.items() if version > after for name in names}
    return {Path(location.uri, name) for name in (names | {HINT, LOG} if names else names)}


def _sync(location: TableLocation, paths: set[Path]) -> None:
    try:
        location.sync(paths)
    except OSError as error:
        raise StorageError(
            f"The disk did not confirm the write of {location.name}: {describe_error(error)}. Examine the disk."
        ) from error


def _remember(location: TableLocation, known: KnownVersion) -> None:
    content = json.dumps({"version": known.version, "bytes": known.bytes}).encode()
    with storage_errors(f"Remembering version {known.version} of {location.name}"):
        store = object_store(location.lake_uri, timeouts=location.timeouts)
        put_durably(store, _path(location), content, location.sync)


def _path(location: TableLocation) -> str:
    return f"{VERSIONS}/{location.name.replace('/', '.')}.json"


def _describe_shorter(location: TableLocation, known: KnownVersion, newest: int | None) -> TableDamagedError:
    state = f"its log ends at {newest}" if newest is not None else f"there is no commit in {location.uri}/{LOG}"
    # Entries that the list of erased customers has lost are in its copy, so it is never accepted without them.
    is_repaired = newest is None or location.name == ERASED_CUSTOMERS.path
    return TableDamagedError(
        f"{location.name} has lost commits: version {known.version} was written, and {state}. Restore its folder from a "
        f"backup, or run `cis doctor --{'repair' if is_repaired else 'accept'} {location.name}` to go on with what is left."
    )


@contextmanager
def _lock_log(location: TableLocation) -> Iterator[None]:
    """Let one process at a time roll back. The system releases the lock of a killed process."""
    folder = os.open(Path(location.uri, LOG), os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)

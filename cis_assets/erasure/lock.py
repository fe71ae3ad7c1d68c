"""The lock that allows one erasure or repair of a lake at a time: they would delete, or bring back, each other's rows.

The lock is a file in the lake that names its process, the mark. A killed process leaves it behind, and the next one takes
over. On a local disk the system lock of the file decides who does; in a container, a replacement that fails if another
process was faster. Only the owner of a mark removes it.
"""

import fcntl
import json
import logging
import os
import shlex
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import obstore
from obstore.exceptions import AlreadyExistsError, PreconditionError

from cis_assets.errors import OperatorError
from cis_assets.lake.lake import Lake
from cis_assets.storage.addresses import azure_address, is_local, join, object_store
from cis_assets.storage.errors import storage_errors

LOCK = "system/erasure_in_progress.json"
_LOG = logging.getLogger(__name__)
# The kernel gives the time of a start in whole ticks since a boot time in whole seconds.
_CLOCK_ERROR = 2.0
_HELD: set[str] = set()
"""The tokens of the marks that this process holds."""


class ErasureInProgressError(OperatorError):
    """Another erasure or repair of the same lake is running, or nobody can tell whether it is."""


@dataclass(frozen=True)
class _Mark:
    """The process that holds the lock. Marks of earlier versions have no token and no start, and name no work."""

    host: str
    process: int
    since: datetime
    started: Any
    token: str
    work: str

    def __str__(self) -> str:
        return f"{self.work}, process {self.process} on {self.host}, since {self.since.isoformat()}"


@contextmanager
def hold_erasure_lock(lake: Lake, work: str = "erasure") -> Iterator[None]:
    """Hold the lock of the lake; ErasureInProgressError if another process holds it or may hold it."""
    process, token = os.getpid(), uuid.uuid4().hex
    mark = {
        "work": work,
        "host": socket.gethostname(),
        "process": process,
        "started": _read_start(process),
        "since": datetime.now(UTC).isoformat(),
        "token": token,
    }
    hold = _hold_file if is_local(lake.uri) else _hold_blob
    with hold(lake, json.dumps(mark).encode()):
        _HELD.add(token)
        try:
            yield
        finally:
            _HELD.discard(token)


@contextmanager
def _hold_file(lake: Lake, mark: bytes) -> Iterator[None]:
    path = Path(lake.uri, LOCK)
    with storage_errors(f"Locking {path}"):
        opened = _lock_file(lake, path)
    try:
        with storage_errors(f"Writing {path}"):
            os.ftruncate(opened, 0)
            os.pwrite(opened, mark, 0)
            lake.sync([path, path.parent])
        yield
    finally:
        # Somebody may have removed the file, and another process may have made a new one.
        with storage_errors(f"Removing {path}"), suppress(FileNotFoundError):
            if path.read_bytes() == mark:
                path.unlink()
                lake.sync([path.parent])
        os.close(opened)


def _lock_file(lake: Lake, path: Path) -> int:
    """Create or open the mark and lock it. The system releases the lock of a killed process."""
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        try:
            opened, is_new = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644), True
        except FileExistsError:
            try:
                opened, is_new = os.open(path, os.O_RDWR), False
            except FileNotFoundError:
                continue
        try:
            content = os.pread(opened, os.fstat(opened).st_size, 0)
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ErasureInProgressError(
                    f"Another process is erasing customers or repairing tables ({_parse(content) or path}): wait until it "
                    "ends, or end that process, and try again."
                ) from None
            # The owner may have removed this file before it was locked here.
            if path.exists() and os.path.samestat(path.stat(), os.fstat(opened)):
                if not is_new:
                    _refuse_other(lake, os.pread(opened, os.fstat(opened).st_size, 0))
                return opened
        except BaseException:
            os.close(opened)
            raise
        os.close(opened)


@contextmanager
def _hold_blob(lake: Lake, mark: bytes) -> Iterator[None]:
    address = join(lake.uri, LOCK)
    with storage_errors(f"Writing {address}"):
        store = object_store(lake.uri, timeouts=lake.timeouts)
        while not _put_mark(lake, store, mark):
            pass
    try:
        yield
    finally:
        with storage_errors(f"Removing {address}"), suppress(FileNotFoundError):
            if bytes(obstore.get(store, LOCK).bytes()) == mark:
                obstore.delete(store, LOCK)


def _put_mark(lake: Lake, store: Any, mark: bytes) -> bool:
    """Create the mark, or replace that of a process that is gone; return whether no other process was faster."""
    try:
        obstore.put(store, LOCK, mark, mode="create")
        return True
    except AlreadyExistsError:
        pass
    try:
        found = obstore.get(store, LOCK)
        content = bytes(found.bytes())
        # A request whose answer was lost is repeated, and then finds its own mark.
        if content != mark:
            _refuse_other(lake, content)
            obstore.put(store, LOCK, mark, mode={"e_tag": str(found.meta["e_tag"])})
    except (FileNotFoundError, PreconditionError):
        return False
    return True


def _refuse_other(lake: Lake, content: bytes) -> None:
    """Raise ErasureInProgressError if the process that wrote the mark may be running; log that the mark is replaced."""
    address = join(lake.uri, LOCK)
    found = _parse(content)
    if found is None:
        # A mark is written at once, so only a power cut or another program leaves it like this.
        _LOG.warning(
            "%s is %s, so it belongs to no process. It is replaced.", address, "damaged" if content else "empty"
        )
        return
    if found.host != socket.gethostname() or _is_running(found):
        raise ErasureInProgressError(
            f"Another process is erasing customers or repairing tables ({found}): wait until it ends. If that process is "
            f"gone, delete {address} with `{_removal_command(lake)}`, and try again."
        )
    _LOG.warning("%s is of a process that is gone (%s). It is replaced.", address, found)


def _parse(content: bytes) -> _Mark | None:
    """Parse a mark; None if it is damaged."""
    try:
        mark = json.loads(content)
        since = datetime.fromisoformat(mark["since"])
        return _Mark(
            str(mark["host"]),
            int(mark["process"]),
            since if since.tzinfo else since.replace(tzinfo=UTC),
            mark.get("started"),
            str(mark.get("token")),
            str(mark.get("work", "erasure")),
        )
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None


def _removal_command(lake: Lake) -> str:
    if is_local(lake.uri):
        return f"rm {shlex.quote(join(lake.uri, LOCK))}"
    address = azure_address(lake.uri)
    name = shlex.quote(join(address.path, LOCK) if address.path else LOCK)
    return (
        f"az storage blob delete --account-name {address.account} --container-name {address.container} --name {name} "
        "--auth-mode login"
    )


def _is_running(mark: _Mark) -> bool:
    """Whether the process of a mark of this machine is still the one that wrote it."""
    if mark.process == os.getpid():
        return mark.token in _HELD
    if mark.process <= 0:
        return False
    try:
        os.kill(mark.process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    now = _read_start(mark.process)
    if now is None:
        return True
    if isinstance(mark.started, dict):
        return mark.started == now
    return _find_start_time(now) <= mark.since.timestamp() + _CLOCK_ERROR


def _read_start(process: int) -> dict[str, Any] | None:
    """Read when a process started, as ticks since a boot; None where the system has no /proc."""
    try:
        # The name of the process, in parentheses, may contain spaces.
        ticks = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19])
        return {"boot": Path("/proc/sys/kernel/random/boot_id").read_text().strip(), "ticks": ticks}
    except OSError:
        return None


def _find_start_time(start: dict[str, Any]) -> float:
    booted = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith("btime"))
    return int(booted.split()[1]) + start["ticks"] / os.sysconf("SC_CLK_TCK")

"""The lock that allows one erasure of a lake at a time: two would delete each other's unfinished files.

The lock is a file in the lake. A killed erasure leaves it behind; the next one on the same machine finds that the process
is gone, and takes over. A process number can belong to another process by then, so the time of its start counts too.
"""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import obstore
from obstore.exceptions import AlreadyExistsError

from cis_assets.errors import OperatorError
from cis_assets.lake.lake import Lake
from cis_assets.storage.addresses import join, object_store, put_text

LOCK = "system/erasure_in_progress.json"
# The kernel gives the time of a start in whole ticks since a boot time in whole seconds.
_CLOCK_ERROR = 2.0


class ErasureInProgressError(OperatorError):
    """Another erasure of the same lake is running, or nobody can tell whether it is."""


@contextmanager
def hold_erasure_lock(lake: Lake) -> Iterator[None]:
    """Hold the lock of the lake; ErasureInProgressError if another process holds it or may hold it."""
    store = object_store(lake.uri, timeouts=lake.timeouts)
    process = os.getpid()
    mine = {
        "host": socket.gethostname(),
        "process": process,
        "started": _read_start(process),
        "since": datetime.now(UTC).isoformat(),
    }
    text = json.dumps(mine)
    try:
        obstore.put(store, LOCK, text.encode(), mode="create")
    except AlreadyExistsError:
        _refuse_other(join(lake.uri, LOCK), bytes(obstore.get(store, LOCK).bytes()))
    put_text(lake.uri, LOCK, text, lake.timeouts)
    try:
        yield
    finally:
        obstore.delete(store, LOCK)


def _refuse_other(address: str, content: bytes) -> None:
    """Raise ErasureInProgressError unless the process that wrote the lock is known to be gone."""
    way_out = f"If no erasure is running, delete {address} and run the erasure again."
    try:
        mark = json.loads(content)
        host, process, since = str(mark["host"]), int(mark["process"]), datetime.fromisoformat(mark["since"])
        since = since if since.tzinfo else since.replace(tzinfo=UTC)
    except (ValueError, TypeError, KeyError):
        raise ErasureInProgressError(
            f"{address} marks an erasure in progress, and its content is damaged, so it does not name the process. {way_out}"
        ) from None
    if host != socket.gethostname() or _is_running(process, mark.get("started"), since):
        raise ErasureInProgressError(
            f"Another erasure has been running since {since.isoformat()} (process {process} on {host}): wait until it ends. "
            f"{way_out}"
        )


def _is_running(process: int, started: Any, since: datetime) -> bool:
    """Whether a process of this machine is still the one that started before `since`."""
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    now = _read_start(process)
    if now is None:
        return True
    return started == now if isinstance(started, dict) else _find_start_time(now) <= since.timestamp() + _CLOCK_ERROR


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

"""The lock that allows one erasure of a lake at a time: two would delete each other's unfinished files.

The lock is a file in the lake. A killed erasure leaves it behind; the next one on the same machine finds that the process
is gone, and takes over.
"""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import obstore
from obstore.exceptions import AlreadyExistsError

from cis_assets.errors import OperatorError
from cis_assets.lake.lake import Lake
from cis_assets.storage.addresses import join, object_store

LOCK = "system/erasure_in_progress.json"


class ErasureInProgressError(OperatorError):
    """Another erasure of the same lake is running, or was killed on another machine."""


@contextmanager
def hold_erasure_lock(lake: Lake, now: datetime) -> Iterator[None]:
    """Hold the lock of the lake; ErasureInProgressError if another process holds it."""
    store = object_store(lake.uri, timeouts=lake.timeouts)
    mine = {"host": socket.gethostname(), "process": os.getpid(), "since": now.isoformat()}
    try:
        obstore.put(store, LOCK, json.dumps(mine).encode(), mode="create")
    except AlreadyExistsError:
        other = json.loads(bytes(obstore.get(store, LOCK).bytes()))
        if other["host"] != mine["host"] or (other["process"] != mine["process"] and _is_running(other["process"])):
            raise ErasureInProgressError(
                f"Another erasure has been running since {other['since']} (process {other['process']} on {other['host']}): wait "
                f"until it ends. If it was killed, delete {join(lake.uri, LOCK)} and run the erasure again."
            ) from None
        obstore.put(store, LOCK, json.dumps(mine).encode())
    try:
        yield
    finally:
        obstore.delete(store, LOCK)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True

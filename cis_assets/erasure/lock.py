"""One erasure of a lake at a time: two would delete each other's unfinished files.

A file in the lake says that an erasure is going on. One that was killed leaves it behind; the next on the same machine
sees that the process is gone and takes over.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import obstore
from obstore.exceptions import AlreadyExistsError

from cis_assets.errors import OperatorError
from cis_assets.storage.addresses import join, object_store

MARK = "system/erasure_in_progress.json"


class ErasureInProgressError(OperatorError):
    """Another erasure of the same lake is going on, or was killed on another machine."""


@contextmanager
def only_one(lake_uri: str, now: datetime) -> Iterator[None]:
    """Hold the lake's mark; ErasureInProgressError if another process does."""
    store = object_store(lake_uri)
    mine = {"host": socket.gethostname(), "process": os.getpid(), "since": now.isoformat()}
    try:
        obstore.put(store, MARK, json.dumps(mine).encode(), mode="create")
    except AlreadyExistsError:
        other = json.loads(bytes(obstore.get(store, MARK).bytes()))
        if other["host"] != mine["host"] or (other["process"] != mine["process"] and _is_running(other["process"])):
            raise ErasureInProgressError(
                f"An erasure has been going on since {other['since']} (process {other['process']} on {other['host']}): wait "
                f"for its end. If it was killed, delete {join(lake_uri, MARK)} and run the same again."
            ) from None
        obstore.put(store, MARK, json.dumps(mine).encode())
    try:
        yield
    finally:
        obstore.delete(store, MARK)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True

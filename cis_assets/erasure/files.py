"""List and delete files of a lake, including those that storage clients hide.

Clients of a local folder, and the listings of delta-rs, skip half-written files of killed writers (`NAME#1`).
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import obstore

from cis_assets.storage.addresses import is_local, join, object_store, store_to_read
from cis_assets.storage.timeouts import Timeouts


def list_names(uri: str, timeouts: Timeouts | None = None) -> set[str]:
    """List the paths of all files below an address, relative to it."""
    if is_local(uri):
        return {path.relative_to(uri).as_posix() for path in Path(uri).rglob("*") if path.is_file()}
    return {meta["path"] for batch in obstore.list(store_to_read(uri, timeouts)) for meta in batch}


def delete(uri: str, names: Collection[str], timeouts: Timeouts | None = None) -> None:
    """Delete files below an address."""
    if is_local(uri):
        for name in names:
            Path(join(uri, name)).unlink(missing_ok=True)
    elif names:
        obstore.delete(object_store(uri, timeouts=timeouts), sorted(names))

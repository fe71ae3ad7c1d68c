"""Files as they lie in a store, those included that its clients do not show.

A client of a local folder passes over the half-written files that a killed writer leaves (`NAME#1`), and so do delta-rs'
listings; a byte is a byte all the same.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import obstore

from cis_assets.storage.addresses import is_local, join, object_store, store_to_read


def names_below(uri: str) -> set[str]:
    """Paths of all files below an address, relative to it."""
    if is_local(uri):
        return {path.relative_to(uri).as_posix() for path in Path(uri).rglob("*") if path.is_file()}
    return {meta["path"] for batch in obstore.list(store_to_read(uri)) for meta in batch}


def delete(uri: str, names: Collection[str]) -> None:
    """Delete files below an address."""
    if is_local(uri):
        for name in names:
            Path(join(uri, name)).unlink(missing_ok=True)
    elif names:
        obstore.delete(object_store(uri), sorted(names))

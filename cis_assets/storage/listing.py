"""Listing of a place, around names and links that the object-store client cannot list.

The client stops at the first such name. A local folder is then walked, and the name is listed with its fault.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore

from cis_assets.storage.addresses import is_local
from cis_assets.storage.errors import storage_errors

if TYPE_CHECKING:
    from obstore import ObjectMeta

_LINK_LOOP = "is a link into its own folder"
_UNUSABLE_NAME = "has a name with characters that storage does not allow"


@dataclass(frozen=True)
class Listed:
    """A file in a listing, or a name or link that cannot be read, with its `fault`. Its path is shown with escapes."""

    path: str
    size: int
    e_tag: str
    modified: datetime
    fault: str | None = None


def list_files(uri: str, store: ObjectStore, prefix: str | None = None) -> list[Listed]:
    """List the files of a place below a prefix, with what cannot be read there. Raises StorageError if the storage fails."""
    try:
        return [_listed(meta) for batch in obstore.list(store, prefix=prefix) for meta in batch]
    except (BaseError, OSError):
        with storage_errors(f"Listing {'/'.join(filter(None, (uri, prefix)))}"):
            walked = list(_walk(uri, store, prefix or "")) if is_local(uri) else []
            if any(each.fault for each in walked):
                return walked
            # Without such a name, the storage failed: for a reason that may be over by now.
            return [_listed(meta) for batch in obstore.list(store, prefix=prefix) for meta in batch]


def _listed(meta: "ObjectMeta") -> Listed:
    return Listed(meta["path"], meta["size"], meta["e_tag"] or "", meta["last_modified"])


def _walk(uri: str, store: ObjectStore, prefix: str) -> Iterator[Listed]:
    root = Path(uri)
    for folder, folders, files in os.walk(root / prefix, followlinks=True):
        above = Path(folder).resolve()
        for name in [*folders, *files]:
            path = Path(folder, name)
            shown = repr(path.relative_to(root).as_posix())[1:-1]
            if _is_loop(path, above):
                fault = _LINK_LOOP
            elif _is_unusable(name):
                fault = _UNUSABLE_NAME
            elif name in folders:
                continue
            else:
                # A link to nothing, which the client leaves out too, or a file that was just removed.
                with suppress(FileNotFoundError):
                    yield _listed(obstore.head(store, path.relative_to(root).as_posix()))
                continue
            if name in folders:
                folders.remove(name)
            yield Listed(
                shown, 0, "", datetime.fromtimestamp(path.lstat().st_mtime, UTC), f"{fault}: rename or remove it"
            )


def _is_loop(path: Path, above: Path) -> bool:
    if not path.is_symlink():
        return False
    try:
        return above.is_relative_to(path.resolve(strict=True)) and path.is_dir()
    except FileNotFoundError:
        return False
    except (OSError, RuntimeError):
        # It leads to itself.
        return True


def _is_unusable(name: str) -> bool:
    """Whether a name has characters that the client refuses: control characters, or bytes that are not UTF-8."""
    return any(ord(letter) < 32 or ord(letter) == 127 or 0xD800 <= ord(letter) < 0xE000 for letter in name)

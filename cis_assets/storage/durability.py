"""Durable writes on a local disk: files and folders are synced, so that a power cut cannot take them.

Cloud storage is durable when it answers, so nothing is synced there.
"""

import errno
import os
import uuid
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import obstore
from obstore.store import LocalStore, ObjectStore

Sync = Callable[[Collection[Path]], None]
"""Waits until files and folders are on the disk."""

# The file system writes its journal once for all syncs that wait at the same time.
_THREADS = 16


def sync_paths(paths: Collection[Path]) -> None:
    """Wait until the files and folders are on the disk. A path that was removed meanwhile needs no sync."""
    if len(paths) == 1:
        _sync_path(*paths)
    elif paths:
        with ThreadPoolExecutor(min(_THREADS, len(paths))) as threads:
            list(threads.map(_sync_path, paths))


def skip_sync(paths: Collection[Path]) -> None:
    """Leave it to the operating system when the files and folders reach the disk."""


def choose_sync(sync_writes: bool) -> Sync:
    """Return the function for the setting CIS_SYNC_WRITES."""
    return sync_paths if sync_writes else skip_sync


def folders_between(root: Path, paths: Iterable[Path]) -> set[Path]:
    """List the folders that hold the paths, up to `root`, which is included."""
    found: set[Path] = {root}
    for folder in {path.parent for path in paths}:
        while folder not in found and folder.is_relative_to(root):
            found.add(folder)
            folder = folder.parent
    return found


def list_ancestors(folder: Path) -> set[Path]:
    """List the folders above a new folder that this user may sync."""
    return {parent for parent in folder.parents if os.access(parent, os.R_OK)}


def put_durably(store: ObjectStore, path: str, content: bytes, sync: Sync = sync_paths) -> None:
    """Replace a file atomically. On a local disk it is synced before it takes the place of the old one."""
    if not isinstance(store, LocalStore) or store.prefix is None:
        obstore.put(store, path, content)
        return
    root = Path(store.prefix)
    file = root / path
    is_new = not file.parent.is_dir()
    file.parent.mkdir(parents=True, exist_ok=True)
    # Readers and listings skip such a name. Maintenance and erasure remove it if this process is killed.
    staged = file.with_name(f"{file.name}#{uuid.uuid4().int}")
    staged.write_bytes(content)
    sync([staged])
    staged.replace(file)
    sync([*folders_between(root, [file]), *list_ancestors(root)] if is_new else [file.parent])


def sync_written(store: ObjectStore, paths: Iterable[str], sync: Sync = sync_paths) -> None:
    """Sync files that were put into a local store, with their folders; do nothing in cloud storage."""
    if isinstance(store, LocalStore) and store.prefix is not None:
        root = Path(store.prefix)
        files = {root / path for path in paths}
        sync(files | folders_between(root, files) | list_ancestors(root))


def _sync_path(path: Path) -> None:
    try:
        opened = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        os.fsync(opened)
    except OSError as error:
        # Some network file systems cannot sync folders.
        if error.errno != errno.EINVAL or not path.is_dir():
            raise
    finally:
        os.close(opened)

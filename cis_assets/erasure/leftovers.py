"""Files of a lake that belong to no version of a table and may hold customers' rows.

These are tables that a repair moved aside, half-written files of killed writers outside table folders, and what is in the
folder of a table that was never created. A killed `cis land` leaves half-written files in the landing folder.
"""

import re
import time
from collections.abc import Collection, Iterable
from pathlib import Path, PurePosixPath

from cis_assets.catalog import SYSTEM_TABLES, TABLES, Table
from cis_assets.erasure.files import delete, list_names
from cis_assets.errors import OperatorError
from cis_assets.lake.lake import Lake
from cis_assets.lake.repair import MOVED_ASIDE
from cis_assets.lake.table_condition import is_half_written
from cis_assets.storage.addresses import is_local, join
from cis_assets.storage.durability import sync_paths
from cis_assets.storage.errors import storage_errors

# A person does not name a landing file like this.
_HALF_LANDED = re.compile(r"#[0-9]{20,}$")
_HOUR = 3600


class LeftoversError(OperatorError):
    """Files that may hold customers' rows could not be deleted."""


def find_leftovers(lake: Lake, stored: Iterable[Table]) -> list[str]:
    """Find the files that an erasure deletes outside the tables that exist."""
    absent = {*TABLES, *SYSTEM_TABLES} - {table.path for table in stored}
    with storage_errors(f"Listing {lake.uri}"):
        if is_local(lake.uri):
            names = list_names(lake.uri)
            return sorted(name for name in names if is_half_written(name) or _is_below(name, {MOVED_ASIDE, *absent}))
        return sorted(
            f"{folder}/{name}"
            for folder in (MOVED_ASIDE, *absent)
            for name in list_names(join(lake.uri, folder), lake.timeouts)
        )


def remove_leftovers(lake: Lake, stored: Collection[Table]) -> tuple[list[str], int]:
    """Delete the leftovers; return the tables that had been moved aside, by folder, and the number of files.

    No other process may write to the lake. Raises LeftoversError if something could not be deleted.
    """
    found = find_leftovers(lake, stored)
    with storage_errors(f"Deleting unneeded files of {lake.uri}"):
        delete(lake.uri, found, lake.timeouts)
    if is_local(lake.uri):
        _remove_empty_folders(Path(lake.uri, MOVED_ASIDE))
        # A power cut must not bring the files back.
        lake.sync({Path(lake.uri), *(Path(lake.uri, name).parent for name in found)})
    left = find_leftovers(lake, stored)
    if left:
        raise LeftoversError(
            f"{len(left)} files that may hold the customers could not be deleted, for example {join(lake.uri, left[0])}: "
            "check whether the storage forbids it, then run the erasure again."
        )
    return name_moved_tables(found), len(found)


def remove_half_landed(landing_uri: str) -> int:
    """Delete the files that killed commands have left half-written in a local landing folder; return their number.

    The younger ones may belong to a command that is still running, so they stay.
    """
    if not is_local(landing_uri):
        return 0
    limit = time.time() - _HOUR
    names = [name for name in list_names(landing_uri) if _HALF_LANDED.search(name)]
    old = [name for name in names if Path(landing_uri, name).stat().st_mtime < limit]
    with storage_errors(f"Deleting half-written files of {landing_uri}"):
        delete(landing_uri, old)
    sync_paths({Path(landing_uri, name).parent for name in old})
    return len(old)


def name_moved_tables(leftovers: Iterable[str]) -> list[str]:
    """Name the folders of the tables that had been moved aside, such as `moved_aside/silver/orders-20260101T000000Z`."""
    parts = (PurePosixPath(name).parts for name in leftovers if _is_below(name, {MOVED_ASIDE}))
    return sorted({"/".join(of_name[:3]) for of_name in parts})


def _remove_empty_folders(top: Path) -> None:
    for folder in sorted((top, *top.rglob("*")), reverse=True):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _is_below(name: str, folders: set[str]) -> bool:
    return any(parent.as_posix() in folders for parent in PurePosixPath(name).parents)

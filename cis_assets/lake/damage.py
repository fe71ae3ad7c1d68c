"""Damage of stored tables: a lost log, a gap, a torn commit or checkpoint, a missing or changed data file.

`repair.py` repairs what is found here. Writes refuse a damaged table by themselves (`table_versions.py`).
"""

import io
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from urllib.parse import unquote

import narwhals as nw
import obstore
import polars as pl
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from narwhals.exceptions import NarwhalsError
from polars.exceptions import PanicException, PolarsError

from cis_assets.catalog.system import ERASED_CUSTOMERS
from cis_assets.errors import first_line
from cis_assets.lake.engines.engine import TableLocation
from cis_assets.lake.log_files import (
    LOG,
    LogFiles,
    commit_path,
    find_checkpoint_faults,
    find_file_faults,
    find_log_faults,
    list_log,
)
from cis_assets.lake.slices import WHOLE, Slice, rows_in
from cis_assets.lake.table_versions import TableDamagedError, read_known_version
from cis_assets.storage.addresses import is_local, store_to_read
from cis_assets.storage.errors import storage_errors

UNREADABLE = (PolarsError, NarwhalsError, PanicException)
"""Polars and narwhals raise these for a data file that they cannot decode. PanicException is no Exception."""
# Only these words tell an error of decoding from one of a computation.
_DECODING = re.compile("parquet|out-of-spec|ARROW:schema", re.IGNORECASE)
# Reading this much takes seconds. A larger search is left to `cis doctor --deep`.
_MOST_BYTES_SEARCHED = 2 * 1024**3


class Kind(Enum):
    """The kinds of damage. Each has its own repair."""

    REMEMBERED_VERSION = auto()
    LOG_LOST = auto()
    SHORTER = auto()
    CHECKPOINT = auto()
    COMMIT = auto()
    DATA_FILE = auto()


@dataclass(frozen=True)
class Damage:
    """Damage of one file of a table, as the end of a sentence: `file` `what`. `version` is the commit's in the log."""

    kind: Kind
    file: str
    what: str
    version: int = 0

    def __str__(self) -> str:
        return f"{self.file} {self.what}"


def way_back(location: TableLocation, damage: Damage) -> str:
    """Say how to repair damage of a table."""
    if damage.kind is Kind.REMEMBERED_VERSION:
        return f"Run `cis doctor --accept {location.name}` to remember the version that the table has now."
    if damage.kind is Kind.SHORTER and location.name != ERASED_CUSTOMERS.path:
        return (
            f"Restore the table's folder from a backup, or run `cis doctor --accept {location.name}` to go on with what "
            "is there."
        )
    return f"Run `cis doctor --repair {location.name}`, or restore the table's folder from a backup."


def find_damage(location: TableLocation, *, deep: bool = False) -> list[Damage]:
    """Find the damage of a table: of its log, or else of its data files, from listings. `deep` also reads all files.

    A table that was never written has none. Raises StorageError if the storage fails.
    """
    log = list_log(location)
    try:
        known = read_known_version(location)
    except TableDamagedError:
        unreadable = Damage(Kind.REMEMBERED_VERSION, "the file with its last known version", "cannot be read")
        # What else is damaged must be repaired first, for only then can the table be accepted.
        return find_damage_now(location, log, deep=deep) or [unreadable]
    if log.newest is None:
        if known is None:
            return find_damage_now(location, log)
        return [_describe_lost_log(location)]
    found = find_log_damage(location, log, deep=deep)
    size = None if known is None else known.find_wrong_size(log)
    if known is not None and size and not found:
        found.append(Damage(Kind.COMMIT, commit_path(known.version), size, known.version))
    if known is not None and log.newest < known.version:
        found.append(Damage(Kind.SHORTER, LOG, f"ends at version {log.newest}, and {known.version} was written"))
    return found or _find_file_damage(location, deep=deep)


def find_damage_now(location: TableLocation, log: LogFiles, *, deep: bool = False) -> list[Damage]:
    """Find the damage of a table without regard to its last known version."""
    if log.newest is None:
        has_files = any(path.endswith(".parquet") for path in list_sizes(location))
        return [_describe_lost_log(location)] if has_files else []
    return find_log_damage(location, log, deep=deep) or _find_file_damage(location, deep=deep)


def _describe_lost_log(location: TableLocation) -> Damage:
    files = sum(path.endswith(".parquet") for path in list_sizes(location))
    return Damage(Kind.LOG_LOST, LOG, f"has no commit, and {files:,} data files are without a log")


def find_log_damage(location: TableLocation, log: LogFiles, *, deep: bool = False) -> list[Damage]:
    """Find the damaged files of a log. Without its first commits, a log is lost."""
    checkpoints = {fault.file for fault in find_checkpoint_faults(location, log, deep=True)}
    found = []
    for fault in find_log_faults(location, log, deep=deep):
        in_first_commits = fault.version < log.replayed.start or fault.version == 0
        kind = Kind.CHECKPOINT if fault.file in checkpoints else Kind.LOG_LOST if in_first_commits else Kind.COMMIT
        if log.replayed.start == 0 and 0 not in log.commits:
            kind = Kind.LOG_LOST
        found.append(Damage(kind, fault.file, fault.what, fault.version))
    return found


def list_sizes(location: TableLocation) -> dict[str, int]:
    """Bytes of each file below a table's address, by its path in the table."""
    with storage_errors(f"Listing {location.name} at {location.uri}"):
        listed = obstore.list(store_to_read(location.uri, location.timeouts))
        return {entry["path"]: entry["size"] for entries in listed for entry in entries}


def has_folder(location: TableLocation) -> bool:
    """Whether the folder of a table exists. In a container, a folder exists if it holds a file."""
    return Path(location.uri).exists() if is_local(location.uri) else bool(list_sizes(location))


def has_table_files(location: TableLocation) -> bool:
    """Whether the folder of a table holds data files or files of a log."""
    return any(name.endswith((".parquet", ".json", ".crc")) for name in list_sizes(location))


def refuse_lost_log(location: TableLocation) -> None:
    """Raise TableDamagedError if a table without a log has data files: a new table would hide them."""
    if is_local(location.uri):
        lost = next(Path(location.uri).rglob("*.parquet"), None) is not None
    else:
        lost = any(path.endswith(".parquet") for path in list_sizes(location))
    # There is no damage if another process has created the table meanwhile.
    if lost:
        _refuse(location, find_damage(location))


def refuse_damaged_log(location: TableLocation) -> None:
    """Raise TableDamagedError if the log of a table that cannot be opened has a fault."""
    _refuse(location, find_log_damage(location, list_log(location), deep=True))


def _refuse(location: TableLocation, damage: list[Damage]) -> None:
    for found in damage:
        raise TableDamagedError(f"{location.name} is damaged: {found}. {way_back(location, found)}")


def refuse_damaged_slice(location: TableLocation, stored: DeltaTable, where: Slice = WHOLE) -> None:
    """Raise TableDamagedError if a data file of a slice of a local table is missing or has another size than in the log."""
    faults = find_file_faults(location, _slice_files(stored, where))
    if faults:
        # Another process may have replaced and removed files meanwhile.
        newest = DeltaTable(location.uri, storage_options=dict(location.storage_options))
        faults = find_file_faults(location, _slice_files(newest, where))
    if faults:
        path = min(faults)
        others = f" ({len(faults) - 1:,} more of its files are damaged)" if len(faults) > 1 else ""
        damage = Damage(Kind.DATA_FILE, path, faults[path])
        raise TableDamagedError(f"{location.name} is damaged: {damage}{others}. {way_back(location, damage)}")


def _slice_files(stored: DeltaTable, where: Slice) -> dict[str, int]:
    """The data files of a slice, by path, with their bytes according to the log."""
    files = pl.DataFrame(stored.get_add_actions(flatten=True))
    if where.conditions:
        columns = [pl.col(f"partition.{column}").alias(column) for column, _ in where.conditions]
        files = rows_in(nw.from_native(files.select("path", "size_bytes", *columns)), where).to_native()
    return {unquote(path): size for path, size in files.select("path", "size_bytes").iter_rows()}


def _find_file_damage(location: TableLocation, *, deep: bool) -> list[Damage]:
    sizes, found = list_sizes(location), []
    for path, size, rows in _list_data_files(location):
        if path not in sizes:
            what = "is missing"
        elif sizes[path] != size:
            what = f"has {sizes[path]:,} bytes instead of {size:,}"
        else:
            what = _read_data_file(location, path, rows) if deep else None
        if what:
            found.append(Damage(Kind.DATA_FILE, path, what))
    return found


def _list_data_files(location: TableLocation) -> list[tuple[str, int, int | None]]:
    """Path, bytes and rows of each data file according to the log; TableDamagedError if the log cannot be opened."""
    with storage_errors(f"Reading {location.name} at {location.uri}"):
        try:
            stored = DeltaTable(location.uri, storage_options=dict(location.storage_options))
        except DeltaError:
            refuse_damaged_log(location)
            # The log is whole. delta-rs may not know a feature that another engine wrote; no repair helps.
            raise
    files = pl.DataFrame(stored.get_add_actions(flatten=True)).select("path", "size_bytes", "num_records")
    return sorted((unquote(path), size, rows) for path, size, rows in files.iter_rows())


def _read_data_file(location: TableLocation, path: str, rows: int | None) -> str | None:
    """Read a data file; say what is wrong with it, or None."""
    with storage_errors(f"Reading {path} of {location.name}"):
        content = bytes(obstore.get(store_to_read(location.uri, location.timeouts), path).bytes())
    try:
        height = pl.read_parquet(io.BytesIO(content)).height
    except (PolarsError, PanicException) as error:
        return f"cannot be decoded ({str(error).splitlines()[0]})"
    return f"has {height:,} rows instead of {rows:,}" if rows not in (None, height) else None


@contextmanager
def name_unreadable_files(locations: Iterable[TableLocation], most_bytes: int = _MOST_BYTES_SEARCHED) -> Iterator[None]:
    """Turn an error of polars about a damaged data file into TableDamagedError that names the table and the file.

    The files of the tables are read until one cannot be decoded, up to `most_bytes`. Other errors stay as they are.
    """
    try:
        yield
    except UNREADABLE as error:
        if _DECODING.search(str(error)) or isinstance(error, PanicException):
            _search(list(locations), most_bytes, error)
        raise


def _search(locations: list[TableLocation], most_bytes: int, error: BaseException) -> None:
    for location in locations:
        for damage in find_damage(location):
            raise TableDamagedError(f"{location.name} is damaged: {damage}. {way_back(location, damage)}") from error
    for location in locations:
        for path, size, rows in _list_data_files(location) if list_log(location).newest is not None else ():
            most_bytes -= size
            if most_bytes < 0:
                raise TableDamagedError(
                    f"A data file of {' or '.join(each.name for each in locations)} cannot be decoded "
                    f"({first_line(error)}). Run `cis doctor --deep`, which reads all files and names it."
                ) from error
            what = _read_data_file(location, path, rows)
            if what:
                damage = Damage(Kind.DATA_FILE, path, what)
                raise TableDamagedError(
                    f"{location.name} is damaged: {damage}. {way_back(location, damage)}"
                ) from error

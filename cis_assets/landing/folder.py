"""The landing folder: lists files and fetches their bytes.

Does not belong here: what the files hold.
"""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore

from cis_assets.dates import parse_date_folder
from cis_assets.errors import OperatorError
from cis_assets.landing.contract import DATED, LandingTable
from cis_assets.storage.addresses import is_local, join, polars_options, store_to_read
from cis_assets.storage.errors import StorageError, describe_error
from cis_assets.storage.listing import list_files

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer as Buffer

_RANGE_BYTES = 1024 * 1024
_FORMATS = {".csv": "csv", ".csv.gz": "csv", ".parquet": "parquet"}


class LandingError(OperatorError):
    """A landing file or folder cannot be read; the message names it and says what to do."""


@dataclass(frozen=True)
class LandingFile:
    """A file in a listing; `path` is below the landing folder."""

    path: str
    size: int
    e_tag: str
    modified: datetime
    fault: str | None = None
    """Why its name or link cannot be read, with what to do."""

    @property
    def format(self) -> str | None:
        """csv or parquet by the file's ending; None for other endings."""
        return next((kind for ending, kind in _FORMATS.items() if self.path.lower().endswith(ending)), None)


class LandingFolder:
    """The folder or container path where order files arrive.

    Unless it may `follow_links`, no file is read that a symbolic link brings in from outside of a local folder.
    """

    def __init__(self, uri: str, *, follow_links: bool = False) -> None:
        self.uri = uri
        self._follow_links = follow_links
        self.polars_options = polars_options(uri)

    @cached_property
    def _store(self) -> ObjectStore:
        return store_to_read(self.uri)

    def address(self, file: LandingFile) -> str:
        return join(self.uri, file.path)

    def content(self, file: LandingFile, *, first_bytes: int | None = None) -> bytes:
        """Fetch a file, or only its first bytes; StorageError if the storage fails, LandingError for a link that leads out."""
        self._refuse_link(file)
        try:
            if first_bytes is None:
                return bytes(obstore.get(self._store, file.path).bytes())
            length = min(first_bytes, file.size)
            return bytes(obstore.get_range(self._store, file.path, start=0, length=length)) if length else b""
        except (BaseError, OSError) as error:
            raise _failed(file, error) from error

    def stream(self, file: LandingFile) -> io.RawIOBase:
        """Open a file to read it from its beginning to its end; LandingError for a link that leads out.

        Reading raises StorageError if the storage fails.
        """
        self._refuse_link(file)
        return BlockStream(self._blocks(file))

    def random_access(self, file: LandingFile) -> io.BufferedReader:
        """Open a file to read parts of it; LandingError for a link that leads out.

        Reading raises StorageError if the storage fails.
        """
        self._refuse_link(file)
        return io.BufferedReader(_Ranges(self._store, file), _RANGE_BYTES)

    def _refuse_link(self, file: LandingFile) -> None:
        if file.fault:
            raise LandingError(file.fault)
        if not self._follow_links and leads_out(self.uri, file.path):
            raise LandingError(
                f"Landing file {file.path} lies behind a link that leads out of the landing folder: put the file itself "
                "there, or set CIS_LANDING_LINKS=true to allow such links."
            )

    def _blocks(self, file: LandingFile) -> Iterator[bytes]:
        try:
            for block in obstore.get(self._store, file.path).stream():
                yield bytes(block)
        except (BaseError, OSError) as error:
            raise _failed(file, error) from error

    def snapshot_files(self, table: LandingTable) -> list[LandingFile]:
        """List the files of a snapshot table, oldest first (by time of arrival, then by name)."""
        return sorted(self._list(table.name), key=lambda file: (file.modified, file.path))

    def dated_files(
        self, table: LandingTable, days: Iterable[date] | None = None, *, strict: bool = True
    ) -> dict[date, list[LandingFile]]:
        """List the files of a dated table by order date, in order of name: of `days`, or of all dates.

        For a single date it lists the date's folder, else the whole table. Dates without files are left out. A file
        outside the date folders is skipped; it raises LandingError if `strict` and all dates are listed.
        """
        wanted = None if days is None else set(days)
        prefix = f"{table.name}/order_date={min(wanted)}" if wanted and len(wanted) == 1 else table.name
        found: dict[date, list[LandingFile]] = {}
        for file in self._list(prefix):
            day = _order_date(file)
            if day is None and strict and wanted is None:
                raise _stray(file)
            if day is not None and (wanted is None or day in wanted):
                found.setdefault(day, []).append(file)
        return found

    def order_dates(self, *, strict: bool = True) -> dict[date, list[LandingFile]]:
        """List every order date with the files of all dated tables, in order of date (`strict` as above)."""
        found: dict[date, list[LandingFile]] = {}
        for table in DATED:
            for day, files in self.dated_files(table, strict=strict).items():
                found.setdefault(day, []).extend(files)
        return dict(sorted(found.items()))

    def stray_folders(self) -> list[str]:
        """List the folders of dated tables whose names are not order dates."""
        return [
            folder
            for table in DATED
            for folder in self._folders_below(table.name)
            if not _is_hidden(folder) and parse_date_folder(PurePosixPath(folder).name) is None
        ]

    def _folders_below(self, name: str) -> list[str]:
        try:
            return [*obstore.list_with_delimiter(self._store, prefix=name)["common_prefixes"]]
        except (BaseError, OSError):
            places = ((PurePosixPath(file.path).parts, file.fault) for file in self._list(name))
            return sorted({"/".join(parts[:2]) for parts, fault in places if fault or len(parts) > 2})

    def _list(self, prefix: str) -> list[LandingFile]:
        """List the files below a prefix in order of name, without hidden ones."""
        files = [
            LandingFile(
                *(each.path, each.size, each.e_tag, each.modified),
                each.fault and f"Landing file {each.path} {each.fault}.",
            )
            for each in list_files(self.uri, self._store, prefix)
            if not _is_hidden(each.path)
        ]
        return sorted(files, key=lambda file: file.path)


def leads_out(uri: str, path: str) -> bool:
    """Whether a path below a local folder is a symbolic link to a place outside of it, or lies behind one."""
    return is_local(uri) and not Path(uri, path).resolve().is_relative_to(Path(uri).resolve())


class BlockStream(io.RawIOBase):
    """A file that is read from blocks of any size."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks, self._rest = blocks, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "Buffer", /) -> int:
        if not self._rest:
            self._rest = memoryview(next(self._blocks, b""))
        wanted = memoryview(buffer)
        length = min(len(wanted), len(self._rest))
        wanted[:length], self._rest = self._rest[:length], self._rest[length:]
        return length


class _Ranges(io.RawIOBase):
    """A file of which parts are read, each with one request."""

    def __init__(self, store: ObjectStore, file: LandingFile) -> None:
        self._store, self._file, self._at = store, file, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._file.size}[whence]
        return self._at

    def readinto(self, buffer: "Buffer", /) -> int:
        wanted = memoryview(buffer)
        length = min(len(wanted), max(self._file.size - self._at, 0))
        if length:
            try:
                part = obstore.get_range(self._store, self._file.path, start=self._at, length=length)
            except (BaseError, OSError) as error:
                raise _failed(self._file, error) from error
            length = len(part)
            wanted[:length] = memoryview(part)
        self._at += length
        return length


def _failed(file: LandingFile, error: Exception) -> StorageError:
    return StorageError(
        f"Reading landing file {file.path} failed: {describe_error(error)}. Run `cis doctor` to examine the storage."
    )


def _is_hidden(path: str) -> bool:
    """Whether a folder or file in the path begins with '.' or '_', so it holds no data."""
    return any(part.startswith((".", "_")) for part in PurePosixPath(path).parts)


def _order_date(file: LandingFile) -> date | None:
    """Parse the date folder of a file of a dated table; None if the file is not in a date folder."""
    folders = PurePosixPath(file.path).parts[1:-1]
    return parse_date_folder(folders[0]) if folders else None


def _stray(file: LandingFile) -> LandingError:
    table, *folders, name = PurePosixPath(file.path).parts
    if not folders:
        return LandingError(
            f"Landing file {file.path} is not in a date folder: "
            f"move it to {table}/order_date=YYYY-MM-DD/{name} or remove it."
        )
    return LandingError(
        f"Landing folder {table}/{folders[0]} is not an order date: name it order_date=YYYY-MM-DD or remove it."
    )

"""The landing folder as a place: which files lie where, found by listing.

Belongs here: names, sizes, ETags and dates of files. Does not belong here: what is inside them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from pathlib import PurePosixPath

import obstore

from cis_assets.lake.storage import join, object_store, storage_options
from cis_assets.landing.contract import DATED, LandingTable
from cis_assets.partitions import parse_date_folder

_FORMATS = {".csv": "csv", ".csv.gz": "csv", ".parquet": "parquet"}


class LandingError(ValueError):
    """Landing holds something that cannot be read; the message names the file or folder and what to do."""


@dataclass(frozen=True)
class LandingFile:
    """One file: its path below the landing folder, and what the listing says of it."""

    path: str
    size: int
    e_tag: str
    modified: datetime

    @property
    def format(self) -> str:
        """csv or parquet, by the file's ending; LandingError for any other."""
        for ending, kind in _FORMATS.items():
            if self.path.lower().endswith(ending):
                return kind
        raise LandingError(f"Landing file {self.path} is neither .csv, .csv.gz nor .parquet: rename or remove it.")


class LandingFolder:
    """The folder or container path that retailers' files arrive in."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.storage_options = storage_options(uri)

    @cached_property
    def _store(self):
        return object_store(self.uri)

    def address(self, file: LandingFile) -> str:
        return join(self.uri, file.path)

    def content(self, file: LandingFile) -> bytes:
        return bytes(obstore.get(self._store, file.path).bytes())

    def snapshot_files(self, table: LandingTable) -> list[LandingFile]:
        """Files of a snapshot table, oldest first (by time of arrival, then by name)."""
        return sorted(self._list(table.name), key=lambda file: (file.modified, file.path))

    def dated_files(self, table: LandingTable, days: Iterable[date] | None = None) -> dict[date, list[LandingFile]]:
        """Files of a dated table by order date, each date's in order of name; of `days`, or of every date.

        A single date costs a listing of its folder, more cost one listing of the table. Raises LandingError for a
        folder that is no date when every date is asked for; asked for certain days, others are not looked at.
        """
        wanted = None if days is None else set(days)
        if wanted is not None and len(wanted) == 1:
            (day,) = wanted
            return {day: self._list(f"{table.name}/order_date={day}")}
        found: dict[date, list[LandingFile]] = {}
        for file in self._list(table.name):
            day = parse_date_folder(PurePosixPath(file.path).parts[1])
            if wanted is None and day is None:
                raise LandingError(
                    f"Landing folder {'/'.join(PurePosixPath(file.path).parts[:2])} is no order date: "
                    "name it order_date=YYYY-MM-DD or remove it."
                )
            if day is not None and (wanted is None or day in wanted):
                found.setdefault(day, []).append(file)
        return found

    def order_dates(self) -> dict[date, list[LandingFile]]:
        """Every order date that has files, with the files of all dated tables."""
        found: dict[date, list[LandingFile]] = {}
        for table in DATED:
            for day, files in self.dated_files(table).items():
                found.setdefault(day, []).extend(files)
        return dict(sorted(found.items()))

    def stray_folders(self) -> list[str]:
        """Folders of dated tables whose names are no order date."""
        folders = []
        for table in DATED:
            for prefix in obstore.list_with_delimiter(self._store, prefix=table.name)["common_prefixes"]:
                if parse_date_folder(PurePosixPath(prefix).name) is None:
                    folders.append(prefix)
        return folders

    def _list(self, prefix: str) -> list[LandingFile]:
        """Files below a prefix in order of name; names that begin with '.' or '_' are not data."""
        files = [
            LandingFile(meta["path"], meta["size"], meta["e_tag"] or "", meta["last_modified"])
            for batch in obstore.list(self._store, prefix=prefix)
            for meta in batch
            if not PurePosixPath(meta["path"]).name.startswith((".", "_"))
        ]
        return sorted(files, key=lambda file: file.path)

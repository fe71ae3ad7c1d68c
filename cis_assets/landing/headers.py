"""The headers of landing files by name, for rows that were set aside long ago: which field of a row is which."""

from collections.abc import Sequence
from pathlib import PurePosixPath

from cis_assets.dates import parse_date_folder
from cis_assets.landing.contract import DATED, SNAPSHOTS, LandingTable
from cis_assets.landing.csv_text import csv_header
from cis_assets.landing.folder import LandingError, LandingFile, LandingFolder

_TABLES = {table.name: table for table in (*DATED, *SNAPSHOTS)}


class Headers:
    """Gives the columns of a CSV file as the contract spells them, or None for a file that is gone or has no header."""

    def __init__(self, folder: LandingFolder) -> None:
        self._folder = folder
        self._files: dict[str, dict[str, LandingFile]] = {}
        self._headers: dict[str, Sequence[str] | None] = {}

    def __call__(self, source_table: str, source_file: str) -> Sequence[str] | None:
        if source_file not in self._headers:
            table = _TABLES[source_table]
            file = self._beside(table, source_file).get(source_file)
            self._headers[source_file] = None if file is None else self._header(table, file)
        return self._headers[source_file]

    def _beside(self, table: LandingTable, path: str) -> dict[str, LandingFile]:
        """The files of the same date or snapshot, by path."""
        folder = str(PurePosixPath(path).parent)
        if folder not in self._files:
            parts = PurePosixPath(path).parts
            day = parse_date_folder(parts[1]) if table.dated and len(parts) > 1 else None
            files = (
                self._folder.snapshot_files(table)
                if day is None
                else self._folder.dated_files(table, [day]).get(day, [])
            )
            self._files[folder] = {file.path: file for file in files}
        return self._files[folder]

    def _header(self, table: LandingTable, file: LandingFile) -> Sequence[str] | None:
        try:
            return csv_header(self._folder, table, file) if file.format == "csv" else None
        except LandingError:
            return None

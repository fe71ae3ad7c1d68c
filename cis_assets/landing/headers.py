"""Headers of landing files: column names as the contract spells them, and what makes a header unusable."""

import csv
import re
import zlib
from collections.abc import Collection, Sequence
from pathlib import PurePosixPath

from cis_assets.dates import parse_date_folder
from cis_assets.errors import first_line
from cis_assets.landing.contract import DATED, SNAPSHOTS, LandingTable
from cis_assets.landing.folder import LandingError, LandingFile, LandingFolder

GZIP_MAGIC = b"\x1f\x8b"
UTF_8_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_HEADER_BYTES = 65_536
_TABLES = {table.name: table for table in (*DATED, *SNAPSHOTS)}
# "aisle" and "department" could be values.
_COLUMNS = {name for table in _TABLES.values() for name in table.columns if "_" in name}
_SEPARATORS = re.compile(r"[;|\t]")


def column_name(name: str) -> str:
    """Spell a column's name as the contract does."""
    return name.strip().lower()


def check_header(table: LandingTable, file: LandingFile, names: Sequence[str]) -> tuple[str, ...]:
    """Spell the columns of a file as the contract does.

    Raises LandingError if a required column is missing, or if a known one appears twice.
    """
    header = tuple(column_name(name) for name in names)
    missing = [name for name in table.required if name not in header]
    if missing:
        raise LandingError(
            f"Landing file {file.path} has no column {' and no column '.join(missing)}; "
            f"{describe_header(header, _COLUMNS | table.columns.keys())}."
        )
    repeated = sorted(name for name in table.columns if header.count(name) > 1)
    if repeated:
        raise LandingError(f"Landing file {file.path} has the column {repeated[0]} more than once.")
    return header


def read_csv_header(table: LandingTable, file: LandingFile, content: bytes) -> tuple[str, ...]:
    """Read the columns from the first line of a CSV text; LandingError as in `check_header`, or if there is no header."""
    if content.startswith(_UTF_16):
        raise LandingError(f"Landing file {file.path} is UTF-16 text: land it as UTF-8.")
    line = content[: content.find(b"\n") + 1 or len(content)].decode("utf-8-sig", errors="replace").rstrip("\r\n")
    if not line.strip():
        state = "begins with an empty line" if content.strip(UTF_8_BOM + b" \r\n") else "is empty"
        raise LandingError(f"Landing file {file.path} {state}: it needs the header {','.join(table.required)}.")
    if "\r" in line:
        raise LandingError(
            f"Landing file {file.path} ends its lines with carriage returns alone: land it with line feeds."
        )
    try:
        names = next(csv.reader([line]), [])
    except csv.Error as error:
        raise _unreadable(file, error) from None
    return check_header(table, file, names)


def describe_header(header: Sequence[str], known: Collection[str]) -> str:
    """Describe the first line of a file for an error.

    The line may be a row, and a row could name a customer, so only the `known` columns in it are repeated.
    """
    repeated = [name for name in header if all(column_name(word) in known for word in _SEPARATORS.split(name))]
    others = len(header) - len(repeated)
    if not repeated:
        return f"its first line names none of the expected columns in its {len(header)} fields, so it may be a row and not a header"
    if not others:
        return f"its header is {','.join(repeated)}"
    return f"its header has {','.join(repeated)} and {others} other field{'s' if others > 1 else ''}"


def _unreadable(file: LandingFile, error: Exception) -> LandingError:
    return LandingError(f"Landing file {file.path} has no readable header: {first_line(error)}.")


class Headers:
    """Looks up the columns of landing files that were read earlier, to tell which field of a rejected row is which.

    Returns None for a file that is not CSV, is gone, or has no usable header.
    """

    def __init__(self, folder: LandingFolder) -> None:
        self._folder = folder
        self._files: dict[str, dict[str, LandingFile]] = {}
        self._headers: dict[str, Sequence[str] | None] = {}

    def __call__(self, source_table: str, source_file: str) -> Sequence[str] | None:
        if source_file not in self._headers:
            table = _TABLES[source_table]
            file = self._files_beside(table, source_file).get(source_file)
            self._headers[source_file] = None if file is None else self._read(table, file)
        return self._headers[source_file]

    def _files_beside(self, table: LandingTable, path: str) -> dict[str, LandingFile]:
        """List the files of the same date or snapshot, by path."""
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

    def _read(self, table: LandingTable, file: LandingFile) -> Sequence[str] | None:
        """Read a header from the beginning of its file alone."""
        if file.format != "csv":
            return None
        try:
            start = self._folder.content(file, first_bytes=_HEADER_BYTES)
            if start.startswith(GZIP_MAGIC):
                start = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(start, _HEADER_BYTES)
            return read_csv_header(table, file, start)
        except (LandingError, zlib.error):
            return None

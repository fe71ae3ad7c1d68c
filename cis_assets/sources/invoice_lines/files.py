"""Files of invoice lines, split into texts by the columns of a mapping.

Does not belong here: what the values mean (`orders.py`).
"""

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from cis_assets.errors import first_line
from cis_assets.landing.csv_rows import split_records
from cis_assets.landing.headers import column_name, describe_header
from cis_assets.landing.text_pieces import LIMITS, find_long_line, unpack
from cis_assets.sources.invoice_lines.mapping import Columns, InvoiceLinesError, InvoiceLinesMapping

_DATA = re.compile(r"(?i)[^._].*\.csv(\.gz)?")
ROLES = tuple(Columns.model_fields)
_ROWS = {
    "source_file": pl.String(),
    "source_line": pl.Int64(),
    "raw_text": pl.String(),
    **dict.fromkeys(ROLES, pl.String()),
}
FAULTY_SCHEMA = {
    "source_file": pl.String(),
    "source_line": pl.Int64(),
    "reason": pl.String(),
    "landed_on": pl.Date(),
    "raw_text": pl.String(),
}
# Fewer faults than this say little about a mapping.
ENOUGH_TO_TELL = 5


def find_files(paths: Sequence[Path]) -> list[Path]:
    """List the given files, and the CSV files in the given folders, each once in order of name."""
    found: set[Path] = set()
    for path in paths:
        if path.is_dir():
            inside = [each for each in path.iterdir() if each.is_file() and _DATA.fullmatch(each.name)]
            if not inside:
                raise InvoiceLinesError(f"The folder {path} has no file that ends with .csv or .csv.gz.")
            found.update(inside)
        elif path.is_file():
            found.add(path)
        else:
            raise InvoiceLinesError(f"There is no file or folder {path}.")
    return sorted({path.resolve(): path for path in sorted(found)}.values(), key=lambda path: (path.name, str(path)))


def read_file(path: Path, mapping: InvoiceLinesMapping) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split a file into rows and faulty lines.

    A row has source_file, source_line, raw_text, and a text or null per role. A faulty line has FAULTY_SCHEMA. Raises
    InvoiceLinesError if the file cannot be read, lacks a column, or mostly has other fields.
    """
    lines = list(io.StringIO(_read_text(path, mapping), newline="\n"))
    delimiter = mapping.files.delimiter
    header = _read_header(path, lines, delimiter)
    places = _find_columns(path, header, mapping)
    missing = {"", *mapping.files.missing}
    columns: dict[str, list] = {name: [] for name in ("source_line", "raw_text", *places)}
    faults = []
    for line, text, fields, fault in split_records(lines[1:], len(header), delimiter):
        if not fault and len(fields) != len(header):
            fault = f"has {len(fields)} fields where the header has {len(header)}"
        if fault:
            faults.append((str(path), line, fault, None, text))
            continue
        columns["source_line"].append(line)
        columns["raw_text"].append(text)
        for role, place in places.items():
            value = fields[place].strip()
            columns[role].append(None if value in missing else value)
    rows = pl.DataFrame(columns, schema={name: _ROWS[name] for name in columns})
    if len(faults) >= ENOUGH_TO_TELL and len(faults) > rows.height:
        _, line, fault, *_ = faults[0]
        raise InvoiceLinesError(
            f"{path} does not hold invoice lines as the mapping {mapping.source} describes them: {len(faults)} of its "
            f"{rows.height + len(faults)} lines do not fit its header. The first is line {line}, "
            f"which {fault}. Check files.delimiter of the mapping, which is {delimiter!r}."
        )
    absent = {role: pl.lit(None, pl.String()) for role in ROLES if role not in places}
    rows = rows.with_columns(**absent, source_file=pl.lit(str(path))).select(*_ROWS)
    return rows, pl.DataFrame(faults, schema=FAULTY_SCHEMA, orient="row")


def _read_text(path: Path, mapping: InvoiceLinesMapping) -> str:
    try:
        content = unpack(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InvoiceLinesError(f"{path} cannot be read: {first_line(error)}.") from None
    too_long = find_long_line(content, LIMITS.line_bytes)
    if too_long is not None:
        number = content.count(b"\n", 0, too_long) + 1
        raise InvoiceLinesError(
            f"Line {number:,} of {path} has more than {LIMITS.line_bytes:,} bytes: end each row with a line feed."
        )
    broken = ""
    for encoding in mapping.files.encoding:
        try:
            # A byte order mark is not part of the first column's name.
            return content.decode(encoding).removeprefix("\ufeff")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            broken = broken or f"byte {content[error.start]:#04x} in line {line}"
    raise InvoiceLinesError(
        f"{path} is not written in {' or '.join(mapping.files.encoding)} ({broken}): "
        f"set files.encoding of the mapping {mapping.source}."
    )


def _read_header(path: Path, lines: Sequence[str], delimiter: str) -> list[str]:
    if not lines or not lines[0].strip():
        raise InvoiceLinesError(f"{path} has no header: its first line must name the columns.")
    try:
        return next(csv.reader(lines[:1], delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise InvoiceLinesError(f"{path} has no readable header: {first_line(error)}.") from None


def _find_columns(path: Path, header: Sequence[str], mapping: InvoiceLinesMapping) -> dict[str, int]:
    """Find the places of the columns that the mapping names."""
    names = [column_name(name) for name in header]
    places = {}
    expected = mapping.columns.model_dump(exclude_none=True)
    for role, wanted in expected.items():
        found = names.count(column_name(wanted))
        if found == 1:
            places[role] = names.index(column_name(wanted))
            continue
        has = "has no column" if found == 0 else "has more than one column"
        hint = f" Check files.delimiter, which is {mapping.files.delimiter!r}." if len(header) == 1 else ""
        described = describe_header(header, {column_name(each) for each in expected.values()})
        raise InvoiceLinesError(f"{path} {has} {wanted}, which {mapping.key_of(role)} names; {described}.{hint}")
    return places

"""Flat files of invoice lines, taken apart: every line as text by the columns of a mapping, or a reason why it is none.

Belongs here: which files there are, encoding, delimiter, quotes, headers and line numbers. Does not belong here: what
the values mean (`lines.py`).
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import polars as pl

from cis_assets.errors import first_line
from cis_assets.landing.headers import GZIP_MAGIC, column_name
from cis_assets.sources.invoice_lines.mapping import Columns, LinesError, LinesMapping

_ENDINGS = (".csv", ".csv.gz")
ROLES = tuple(Columns.model_fields)
_ROWS = {
    "source_file": pl.String(),
    "source_line": pl.Int64(),
    "raw_text": pl.String(),
    **dict.fromkeys(ROLES, pl.String()),
}
# Fewer than this say little about a mapping.
ENOUGH_TO_TELL = 5


class Fault(NamedTuple):
    """A line that is no row at all, and why."""

    source_file: str
    source_line: int
    reason: str
    raw_text: str


@dataclass(frozen=True)
class FileLines:
    """The lines of a file: rows (source_file, source_line, raw_text, and a text or null per role) and faults."""

    rows: pl.DataFrame
    faults: list[Fault]


def find_files(paths: Sequence[Path]) -> list[Path]:
    """The files that are named, and the CSV files of the folders that are named, each once in order of name."""
    found: set[Path] = set()
    for path in paths:
        if path.is_dir():
            inside = [each for each in path.iterdir() if each.is_file() and _is_data(each.name)]
            if not inside:
                raise LinesError(f"The folder {path} holds no file that ends with {' or '.join(_ENDINGS)}.")
            found.update(inside)
        elif path.is_file():
            found.add(path)
        else:
            raise LinesError(f"There is no file and no folder {path}.")
    return sorted({path.resolve(): path for path in sorted(found)}.values(), key=lambda path: (path.name, str(path)))


def read_file(path: Path, mapping: LinesMapping) -> FileLines:
    """Take a file apart; LinesError if it cannot be read, lacks a column, or for the most part has other fields."""
    lines = list(io.StringIO(_text(path, mapping), newline="\n"))
    delimiter = mapping.files.delimiter
    header = _header(path, lines, delimiter)
    places = _places(path, header, mapping)
    missing = {"", *mapping.files.missing}
    columns: dict[str, list] = {name: [] for name in _ROWS}
    faults: list[Fault] = []
    for source_line, raw_text, fields, fault in _records(lines, len(header), delimiter):
        if fault:
            faults.append(Fault(str(path), source_line, fault, raw_text))
            continue
        columns["source_line"].append(source_line)
        columns["raw_text"].append(raw_text)
        for role, place in places.items():
            value = fields[place].strip()
            columns[role].append(None if value in missing else value)
    count = len(columns["source_line"])
    if len(faults) >= ENOUGH_TO_TELL and len(faults) > count:
        raise LinesError(
            f"{path} is no file of lines under the mapping {mapping.source}: {len(faults)} of its "
            f"{count + len(faults)} lines do not fit its header, the first of them line {faults[0].source_line}, "
            f"which {faults[0].reason}. "
            f"Is files.delimiter of the mapping, {delimiter!r}, right?"
        )
    columns["source_file"] = [str(path)] * count
    for role in ROLES:
        columns[role] = columns[role] or [None] * count
    return FileLines(pl.DataFrame(columns, schema=_ROWS), faults)


def _is_data(name: str) -> bool:
    return name.lower().endswith(_ENDINGS) and not name.startswith((".", "_"))


def _text(path: Path, mapping: LinesMapping) -> str:
    try:
        content = path.read_bytes()
        if content.startswith(GZIP_MAGIC):
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise LinesError(f"{path} cannot be read: {first_line(error)}.") from None
    broken = ""
    for encoding in mapping.files.encoding:
        try:
            # A mark at the beginning is no part of the first column's name.
            return content.decode(encoding).removeprefix("\ufeff")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            broken = broken or f"byte {content[error.start]:#04x} in line {line}"
    raise LinesError(
        f"{path} is not written in {' or '.join(mapping.files.encoding)} ({broken}): "
        f"set files.encoding of the mapping {mapping.source}."
    )


def _header(path: Path, lines: Sequence[str], delimiter: str) -> list[str]:
    if not lines or not lines[0].strip():
        raise LinesError(f"{path} has no header: its first line is to name the columns.")
    try:
        return next(csv.reader(lines[:1], delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise LinesError(f"{path} has no readable header: {first_line(error)}.") from None


def _places(path: Path, header: Sequence[str], mapping: LinesMapping) -> dict[str, int]:
    """Where the columns of the mapping stand."""
    names = [column_name(name) for name in header]
    places = {}
    for role, wanted in mapping.columns.model_dump(exclude_none=True).items():
        found = names.count(column_name(wanted))
        if found == 1:
            places[role] = names.index(column_name(wanted))
            continue
        has = "has no column" if found == 0 else "has more than once the column"
        hint = f" Is files.delimiter, {mapping.files.delimiter!r}, right?" if len(header) == 1 else ""
        raise LinesError(
            f"{path} {has} {wanted}, which {mapping.key_of(role)} names; its header is {','.join(header)}.{hint}"
        )
    return places


_Record = tuple[int, str, list[str], str | None]


def _records(lines: Sequence[str], width: int, delimiter: str) -> Iterator[_Record]:
    """The lines below the header: number, text, fields, and what is wrong with it (None: nothing). Empty ones are none.

    A quote that is not closed would swallow the lines after it. Hence, if a row of several lines is not well-formed or
    not of `width` fields, its first line alone is at fault, and reading goes on with the line after that.
    """
    place = 1
    while place < len(lines):
        begin = place
        reader = csv.reader((lines[at] for at in range(begin, len(lines))), delimiter=delimiter, strict=True)
        try:
            for fields in reader:
                end = begin + reader.line_num
                if end - place > 1 and len(fields) != width:
                    raise csv.Error("a quote is not closed")
                if fields:
                    fault = None if len(fields) == width else f"has {len(fields)} fields where the header has {width}"
                    text = lines[place] if end - place == 1 else "".join(lines[place:end])
                    yield place + 1, text.rstrip("\r\n"), fields, fault
                place = end
        except csv.Error as error:
            yield place + 1, lines[place].rstrip("\r\n"), [], f"is not well-formed CSV: {error}"
            place += 1

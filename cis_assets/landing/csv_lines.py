"""CSV files taken apart line by line: the rows of a file as fields of text, with line number and raw text.

Belongs here: where a row begins and ends, and which lines are no row at all. Does not belong here: what the fields
mean (`csv_reader.py`). Both functions give source_line (the header is line 1), raw_text, fields (list of text) and
fault (why the line is no row, or null); empty lines are passed over.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator, Sequence

import polars as pl

from cis_assets.landing.folder import LandingFile, LandingFolder

GZIP_MAGIC = b"\x1f\x8b"

_SCHEMA = {"source_line": pl.Int64(), "raw_text": pl.String(), "fields": pl.List(pl.String()), "fault": pl.String()}


def split_fields(folder: LandingFolder, file: LandingFile) -> pl.LazyFrame | None:
    """Rows of a file whose values are numbers, lazily: each line is a row. None if the file is not UTF-8 throughout."""
    lines = pl.scan_lines(
        folder.address(file),
        name="raw_text",
        row_index_name="source_line",
        row_index_offset=1,
        glob=False,
        storage_options=folder.polars_options or None,  # pyright: ignore[reportArgumentType]
    )
    rows = lines.filter(pl.col("source_line") > 1, pl.col("raw_text") != "")
    try:
        any_quote = pl.col("raw_text").str.contains('"', literal=True).any()
        quotes = rows.select(any_quote).collect(engine="streaming").item()
    except pl.exceptions.ComputeError:
        return None
    fields = pl.col("raw_text").str.split(",")
    if quotes:
        fields = fields.list.eval(pl.element().str.strip_chars().str.replace('^"(.*)"$', "$1"))
    return rows.with_columns(fields=fields, fault=pl.lit(None, pl.String))


def quoted_fields(folder: LandingFolder, file: LandingFile, width: int) -> pl.LazyFrame:
    """Rows of a file of `width` columns whose values may be quoted, and hold separators and line breaks then."""
    content = folder.content(file)
    if content.startswith(GZIP_MAGIC):
        content = gzip.decompress(content)
    # Lines end with a line feed alone: other marks that Python takes for line ends may stand in a name.
    lines = list(io.StringIO(content.decode("utf-8", errors="surrogateescape"), newline="\n"))
    columns = zip(*(_refuse_other_than_utf8(*row) for row in _records(lines, width)), strict=True)
    return pl.LazyFrame(dict(zip(_SCHEMA, columns, strict=False)), schema=_SCHEMA)


_Record = tuple[int, str, list[str], str | None]


def _records(lines: Sequence[str], width: int) -> Iterator[_Record]:
    """The rows below the header.

    A quote that is not closed would swallow the good rows after it. Hence, if a row of several lines is not well-formed
    or not of `width` fields, its first line alone is at fault, and reading goes on with the line after that.
    """
    place = 1
    while place < len(lines):
        begin = place
        reader = csv.reader((lines[at] for at in range(begin, len(lines))), strict=True)
        try:
            for fields in reader:
                end = begin + reader.line_num
                if end - place > 1 and len(fields) != width:
                    raise csv.Error("a quote is not closed")
                if fields:
                    yield place + 1, "".join(lines[place:end]).rstrip("\r\n"), fields, None
                place = end
        except csv.Error as error:
            yield place + 1, lines[place].rstrip("\r\n"), [], f"is not well-formed CSV: {error}"
            place += 1


def _refuse_other_than_utf8(source_line: int, raw_text: str, fields: list[str], fault: str | None) -> _Record:
    try:
        raw_text.encode()
    except UnicodeEncodeError:
        readable = raw_text.encode(errors="surrogateescape").decode(errors="replace")
        return source_line, readable, [], "is not UTF-8"
    return source_line, raw_text, fields, fault

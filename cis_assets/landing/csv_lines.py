"""CSV files taken apart line by line: the rows of a file as fields of text, with line number and raw text.

Belongs here: where a row begins and ends, and which lines are no row at all. Does not belong here: what the fields
mean (`csv_file.py`). All functions give source_line (the header is line 1), raw_text, fields (list of text) and
fault (why the line is no row, or null); empty lines are passed over.
"""

import csv
import io
from collections.abc import Iterator, Sequence

import polars as pl

from cis_assets.landing.csv_text import below_header

_LINES = {"source_line": pl.Int64(), "raw_text": pl.String(), "fault": pl.String()}
_RECORDS = {**_LINES, "fields": pl.List(pl.String())}


def lines_below_headers(contents: Sequence[bytes]) -> pl.DataFrame:
    """The lines of UTF-8 files whose values are numbers, each of which is a row: not taken apart yet, hence without fields.

    `file` is the number of the file, and `place` that of the line among all of them.
    """
    bodies = [below_header(content) for content in contents]
    ended = [body if body.endswith(b"\n") or not body else body + b"\n" for body in bodies]
    # polars takes some first bytes for those of packed text; an empty line before them is not.
    text = io.BytesIO(b"".join([b"\n", *ended]))
    lines = pl.scan_lines(text, name="raw_text", glob=False).collect().slice(1)
    counts = pl.DataFrame({"lines": [body.count(b"\n") for body in ended]}, schema={"lines": pl.Int64})
    places = (
        counts.with_row_index("file")
        .select("file", source_line=pl.int_ranges(2, pl.col("lines") + 2))
        .explode("source_line", empty_as_null=False)
    )
    rows = pl.concat([lines, places], how="horizontal").with_row_index("place").filter(pl.col("raw_text") != "")
    return rows.with_columns(fault=pl.lit(None, pl.String))


def split_lines(lines: pl.DataFrame, *, quoted: bool) -> pl.LazyFrame:
    """Lines with their fields. `quoted`: the file has quotes anywhere."""
    return _split(lines.lazy(), quoted)


def damaged_lines(content: bytes, *, quoted: bool) -> pl.LazyFrame:
    """The rows of a file whose values are numbers, and that is not UTF-8 throughout."""
    lines = (line.removesuffix("\r") for line in _text(content).split("\n"))
    rows = [_refuse_other_than_utf8(number, line) for number, line in enumerate(lines, start=1) if number > 1 and line]
    return _split(pl.LazyFrame(rows, schema=_LINES, orient="row"), quoted)


def _split(rows: pl.LazyFrame, quoted: bool) -> pl.LazyFrame:
    fields = pl.col("raw_text").str.split(",")
    if quoted:
        fields = fields.list.eval(pl.element().str.strip_chars().str.replace('^"(.*)"$', "$1"))
    return rows.with_columns(fields=fields)


def records(content: bytes, width: int) -> pl.DataFrame:
    """Rows of a file of `width` columns whose values may be quoted, and hold separators and line breaks then."""
    # Lines end with a line feed alone: other marks that Python takes for line ends may stand in a name.
    lines = list(io.StringIO(_text(content), newline="\n"))
    rows = []
    for source_line, text, fields, fault in _records(lines, width):
        source_line, text, fault = _refuse_other_than_utf8(source_line, text, fault)
        rows.append((source_line, text, fault, [] if fault else fields))
    return pl.DataFrame(rows, schema=_RECORDS, orient="row")


def _text(content: bytes) -> str:
    return content.decode("utf-8", errors="surrogateescape")


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
                if not _is_empty(lines[place]):
                    yield place + 1, _without_end("".join(lines[place:end])), fields, None
                place = end
        except csv.Error as error:
            yield place + 1, _without_end(lines[place]), [], f"is not well-formed CSV: {_in_words(error)}"
            place += 1


def _in_words(error: csv.Error) -> str:
    text = str(error)
    return "a carriage return stands within a line" if text.startswith("new-line character") else text


def _is_empty(line: str) -> bool:
    return not _without_end(line)


def _without_end(line: str) -> str:
    return line.removesuffix("\n").removesuffix("\r")


def _refuse_other_than_utf8(source_line: int, raw_text: str, fault: str | None = None) -> tuple[int, str, str | None]:
    try:
        raw_text.encode()
    except UnicodeEncodeError:
        return source_line, raw_text.encode(errors="surrogateescape").decode(errors="replace"), "is not UTF-8"
    return source_line, raw_text, fault

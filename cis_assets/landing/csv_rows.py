"""Rows of CSV files: good rows with types, rejected rows with their line number and text.

A row never depends on its neighbors, nor on other files that are read with it. There are three ways, which give the
same rows:

- Files of numbers are read several at once. Each line is a row. Lines of plain numbers are scanned together, and only
  the others are split into fields.
- Other files and large files are scanned as typed CSV, if all their rows are clean. This is 30 times as fast for files
  with text, and twice as fast for large files of numbers.
- What is left is split by Python's CSV reader, which knows where a quoted value ends.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence

import polars as pl

from cis_assets.catalog.table import QUANTITY
from cis_assets.landing.csv_text import CsvText
from cis_assets.landing.headers import UTF_8_BOM
from cis_assets.landing.parsed_file import REJECTED_SCHEMA, ParsedFile, label_rejected, split_by_reason
from cis_assets.landing.values import blank_to_null, type_fields

# Numbers that fit their type whatever their digits, or nothing.
_PLAIN = {
    pl.Int64(): r"(?:-?[0-9]{1,18})?",
    pl.Int32(): r"(?:-?[0-9]{1,9})?",
    pl.Float64(): r"(?:-?[0-9]{1,15}(?:\.[0-9]{1,15})?)?",
    pl.Decimal(*QUANTITY): r"(?:-?[0-9]{1,12}(?:\.[0-9]{1,3})?)?",
}
_NO_ROWS = pl.DataFrame(schema=REJECTED_SCHEMA)
_RECORDS = {
    "source_line": pl.Int64(),
    "raw_text": pl.String(),
    "fault": pl.String(),
    "fields": pl.List(pl.String()),
}
_NOT_UTF8 = "is not UTF-8"
OPEN = "goes on below"
# What Python's CSV reader says at the end of the text if a quote is open.
_NO_END = "unexpected end of data"


def parse_csv(files: Sequence[CsvText], together_bytes: int) -> list[list[ParsedFile]]:
    """Read the rows of files of one table. Files below `together_bytes` may be read with others.

    The good rows of files in one list are views of one frame.
    """
    groups: dict[tuple[str, ...] | str, list[CsvText]] = {}
    for file in files:
        together = len(file.content) < together_bytes and _holds_numbers(file) and _begins_plain(file)
        groups.setdefault(file.header if together else file.file.path, []).append(file)
    return [
        _parse_numbers(group) if isinstance(key, tuple) else [parse_alone(group[0])] for key, group in groups.items()
    ]


def parse_piece(piece: CsvText) -> tuple[ParsedFile, int | None]:
    """Read the rows of a file whose text goes on with further lines.

    Also returns the number of the line from which on a row may go on below; None if the last line ends a row.
    """
    if _holds_numbers(piece) or b'"' not in piece.content:
        return parse_alone(piece), None
    good = _scan_clean(piece) if _ends_in_row(piece) else None
    if good is not None:
        return ParsedFile(piece.file, piece.header, piece.row_count, good, _NO_ROWS), None
    return _parse_records(piece, is_whole=False)


def parse_alone(file: CsvText) -> ParsedFile:
    """Read the rows of a file whose text is whole."""
    good = _scan_clean(file)
    if good is not None:
        return ParsedFile(file.file, file.header, file.row_count, good, _NO_ROWS)
    if _holds_numbers(file):
        return _parse_numbers([file])[0]
    return _parse_records(file)[0]


def _parse_records(file: CsvText, *, is_whole: bool = True) -> tuple[ParsedFile, int | None]:
    fields, open_line = _split_records(file, is_whole=is_whole)
    good, rejected = split_by_reason(file.table, file.file, type_fields(file.table, fields.lazy(), file.header))
    return ParsedFile(file.file, file.header, fields.height, good, rejected), open_line


def _ends_in_row(piece: CsvText) -> bool:
    """Whether the last line ends a row if it begins one."""
    last = piece.content[piece.content.rfind(b"\n", piece.begin, -1) + 1 :].decode()
    try:
        next(csv.reader([last], strict=True), None)
    except csv.Error:
        return False
    return True


def _holds_numbers(file: CsvText) -> bool:
    """Whether all values must be numbers, so that each line is a row."""
    columns = file.table.columns
    return all(name in columns and columns[name].is_numeric() for name in file.header)


def _known_columns(file: CsvText) -> list[str]:
    return [name for name in file.table.columns if name in file.header]


def _plain_row(file: CsvText) -> str:
    """The pattern of a row of numbers that a scan reads like the fields one by one."""
    return f"^{','.join(_PLAIN[file.table.columns[name]] for name in file.header)}$"


def _begins_plain(file: CsvText) -> bool:
    """Whether the first row is plain: then most of the others are."""
    first = re.compile(rb"[^\r\n]*").match(file.content, file.begin)
    row = first[0].decode(errors="replace") if first else ""
    return file.begin == len(file.content) or re.fullmatch(_plain_row(file), row) is not None


def _parse_numbers(files: Sequence[CsvText]) -> list[ParsedFile]:
    """Read files of numbers with the same header."""
    table, columns = files[0].table, _known_columns(files[0])
    lines = _text_lines(files)
    is_plain = lines["raw_text"].str.contains(_plain_row(files[0])) & lines["fault"].is_null()
    scanned = _scan_plain(files[0], lines.filter(is_plain))
    others = lines if scanned is None else lines.filter(~is_plain)
    fields = pl.col("raw_text").str.split(",")
    if any(b'"' in file.content for file in files):
        fields = fields.list.eval(pl.element().str.strip_chars().str.replace('^"(.*)"$', "$1"))
    typed = type_fields(table, others.lazy().with_columns(fields=fields), files[0].header).collect()
    good = typed.filter(pl.col("reason") == "").select("place", "file", "source_line", *columns)
    if scanned is not None:
        good = scanned.merge_sorted(good, "place") if good.height else scanned
    bad = typed.filter(pl.col("reason") != "")
    path = pl.lit(pl.Series([file.file.path for file in files], dtype=pl.String)).gather(pl.col("file"))
    rejected = label_rejected(table, bad, path)
    return [
        ParsedFile(file.file, file.header, file.row_count, good_rows, rejected_rows)
        for file, good_rows, rejected_rows in zip(
            files,
            _split_by_file(len(files), good.drop("place", "file"), good["file"]),
            _split_by_file(len(files), rejected, bad["file"]),
            strict=True,
        )
    ]


def _text_lines(files: Sequence[CsvText]) -> pl.DataFrame:
    """List the lines of files that hold anything: place, file (its number), source_line, raw_text and fault."""
    bodies = [file.content[file.begin :] for file in files]
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
    rows = pl.concat([lines, places], how="horizontal").with_row_index("place")
    damaged = [(number, line) for number, file in enumerate(files) for line in file.damaged_lines]
    faults = pl.DataFrame(damaged, schema={"file": pl.UInt32(), "source_line": pl.Int64()}, orient="row")
    is_damaged = pl.struct("file", "source_line").is_in(faults.to_struct().implode()) if damaged else pl.lit(False)
    rows = rows.with_columns(fault=pl.when(is_damaged).then(pl.lit(_NOT_UTF8)))
    return rows.filter(pl.col("raw_text") != "")


def _scan_plain(file: CsvText, lines: pl.DataFrame) -> pl.DataFrame | None:
    """Scan plain lines at once; None if that does not give a row for each line."""
    if lines.is_empty():
        return None
    schema = {name: file.table.columns[name] for name in file.header}
    text = lines["raw_text"].str.join("\n").item().encode()
    scanned = pl.read_csv(io.BytesIO(text), schema=schema, has_header=False)
    if scanned.height != lines.height:
        return None
    places = ("place", "file", "source_line")
    return scanned.with_columns(lines[name] for name in places).select(*places, *_known_columns(file))


def _split_by_file(count: int, rows: pl.DataFrame, file: pl.Series) -> list[pl.DataFrame]:
    """Split rows by the number of their file. Rows of a file are neighbors."""
    ends = file.search_sorted(pl.Series(range(count), dtype=file.dtype), side="right").to_list()
    return [rows.slice(begin, end - begin) for begin, end in zip([0, *ends], ends, strict=False)]


def _scan_clean(file: CsvText) -> pl.DataFrame | None:
    """Scan a file as typed CSV; None if any of its rows may not be clean."""
    columns = file.table.columns
    # The scanner accepts more dates than the contract, panics over some broken quotes, and drops a byte order mark.
    if (
        file.damaged_lines
        or any(columns.get(name) == pl.Date() for name in file.header)
        or file.content.count(b'"') % 2
        or file.content.find(UTF_8_BOM, 1) >= 0
    ):
        return None
    try:
        rows = pl.scan_csv(
            io.BytesIO(file.content),
            schema={name: columns.get(name, pl.String()) for name in file.header},
            has_header=False,
            skip_lines=1,
            row_index_name="source_line",
            row_index_offset=2,
            glob=False,
        ).collect(engine="streaming")
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
        # The other ways show what the scanner failed on. It reads from memory, so an OSError does not come from storage.
        return None
    if rows.height != file.row_count or not _is_clean(rows.drop("source_line"), file.content):
        return None
    known = _known_columns(file)
    texts = [blank_to_null(pl.col(name), columns[name]) for name in known if columns[name] == pl.String()]
    return rows.with_columns(pl.col("source_line").cast(pl.Int64), *texts).select("source_line", *known)


def _is_clean(rows: pl.DataFrame, content: bytes) -> bool:
    """Whether each row is one line with all fields, and each value reads like a single field.

    The scanner takes a missing field for a missing value, and drops an empty field at the end. If values are missing,
    the number of separators tells, unless some could be within quotes.
    """
    has_all_fields = not content.endswith(b",")
    if any(column.null_count() for column in rows):
        separators = content.count(b",", content.find(b"\n"))
        has_all_fields = b'"' not in content and separators == rows.height * (rows.width - 1)
    # A line may break within quotes; then rows cannot be counted as lines.
    return has_all_fields and not any(
        (column.dtype == pl.String() and column.str.contains(r"[\r\n]").any())
        or (column.dtype.is_float() and not column.is_finite().all())
        for column in rows
    )


def _split_records(file: CsvText, *, is_whole: bool) -> tuple[pl.DataFrame, int | None]:
    """Split a file whose values may be quoted and hold separators and line breaks: columns of _RECORDS.

    Unless the file `is_whole`, also find the line that begins a row without an end.
    """
    # Lines end with a line feed only: a name may hold other characters that Python takes for line ends.
    lines = list(io.StringIO(file.content[file.begin :].decode(), newline="\n"))
    rows = []
    for number, text, fields, fault in split_records(lines, len(file.header), is_whole=is_whole):
        if fault == OPEN:
            return pl.DataFrame(rows, schema=_RECORDS, orient="row"), number
        if any(line in file.damaged_lines for line in range(number, number + 1 + text.count("\n"))):
            fault = _NOT_UTF8
        rows.append((number, text, fault, [] if fault else fields))
    return pl.DataFrame(rows, schema=_RECORDS, orient="row"), None


Record = tuple[int, str, list[str], str | None]
"""Line number, text, fields, and the fault of a text that is not a row."""


def split_records(lines: Sequence[str], width: int, delimiter: str = ",", *, is_whole: bool = True) -> Iterator[Record]:
    """Split the lines below a header, which is line 1, into rows of `width` fields; empty lines are skipped.

    Unless the text `is_whole`, a row without an end comes last, with the fault OPEN.

    A quote that is not closed would swallow the good rows after it. So if a row of several lines is not well-formed or
    has another number of fields, only its first line is at fault, and reading continues with the next line.
    """
    place = 0
    while place < len(lines):
        begin = place
        reader = csv.reader((lines[at] for at in range(begin, len(lines))), delimiter=delimiter, strict=True)
        try:
            for fields in reader:
                end = begin + reader.line_num
                if end - place > 1 and len(fields) != width:
                    raise csv.Error("a quote is not closed")
                if _without_end(lines[place]):
                    yield place + 2, _without_end("".join(lines[place:end])), fields, None
                place = end
        except csv.Error as error:
            if not is_whole and str(error) == _NO_END:
                yield place + 2, _without_end("".join(lines[place:])), [], OPEN
                return
            yield place + 2, _without_end(lines[place]), [], f"is not well-formed CSV: {_describe(error)}"
            place += 1


def _describe(error: csv.Error) -> str:
    text = str(error)
    return "a carriage return stands within a line" if text.startswith("new-line character") else text


def _without_end(line: str) -> str:
    return line.removesuffix("\n").removesuffix("\r")

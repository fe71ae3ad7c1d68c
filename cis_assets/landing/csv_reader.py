"""CSV landing files (plain or gzipped): typed scans of clean files, line by line for the others.

If all rows of a file are of the contract's types and none has a gap, the file is scanned as typed CSV, which is
fast. Otherwise its lines are taken as text and split here, so that each bad row can be set aside with its line
number and text while the good ones go on.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from typing import Any

import polars as pl

from cis_assets.landing.contract import LandingTable
from cis_assets.landing.folder import LandingError, LandingFile, LandingFolder
from cis_assets.landing.rows import (
    LandedRows,
    first_line,
    no_rejected,
    refuse_header,
    row_columns,
    split_by_reason,
    wrong_types,
)

# A character that no text file holds, to make the CSV scanner hand over whole lines.
_NO_SEPARATOR = "\x1f"


def read_csv(folder: LandingFolder, table: LandingTable, file: LandingFile) -> LandedRows:
    """Read one CSV file lazily; LandingError if it cannot be read at all or lacks a required column."""
    header = _header(folder, table, file)
    unknown = frozenset(header) - table.columns.keys()
    clean = _scan_clean(folder, table, file, header)
    if clean is not None:
        return LandedRows(clean, no_rejected(), (file,), unknown)
    holds_text = any(dtype == pl.String() for dtype in table.columns.values())
    fields = _quoted_fields(folder, file) if holds_text else _split_lines(folder, file)
    return _typed(table, file, fields, header, unknown)


def _scan(folder: LandingFolder, file: LandingFile, **options: Any) -> pl.LazyFrame:
    return pl.scan_csv(folder.address(file), glob=False, storage_options=folder.storage_options or None, **options)


def _scan_lines(folder: LandingFolder, file: LandingFile) -> pl.LazyFrame:
    """The lines of a file: source_line (from 1) and raw_text (null for an empty line)."""
    return _scan(
        folder,
        file,
        has_header=False,
        schema={"raw_text": pl.String()},
        separator=_NO_SEPARATOR,
        quote_char=None,
        encoding="utf8-lossy",
        row_index_name="source_line",
        row_index_offset=1,
    ).with_columns(pl.col("raw_text").str.strip_chars_end("\r"))


def _header(folder: LandingFolder, table: LandingTable, file: LandingFile) -> list[str]:
    """Column names of a file, in lower case and without a byte-order mark."""
    try:
        first = _scan_lines(folder, file).select("raw_text").head(1).collect()
    except pl.exceptions.NoDataError:
        first = pl.DataFrame()
    except pl.exceptions.ComputeError as error:
        raise LandingError(f"Landing file {file.path} cannot be read: {first_line(error)}.") from None
    text = first.item() if first.height else None
    if not text:
        raise LandingError(f"Landing file {file.path} is empty: it needs the header {','.join(table.required)}.")
    header = [name.strip().lower() for name in next(csv.reader([text.removeprefix("\ufeff")]))]
    refuse_header(table, file, header)
    return header


def _scan_clean(
    folder: LandingFolder, table: LandingTable, file: LandingFile, header: Sequence[str]
) -> pl.LazyFrame | None:
    """A typed scan of a file, or None if any of its rows is not of the contract's types or has a gap."""
    schema = {name: table.columns.get(name, pl.String()) for name in header}
    # The scanner's own reading of booleans and dates differs from the contract's, and a repeated unknown name stops it.
    if len(schema) != len(header) or any(dtype in (pl.Boolean(), pl.Date()) for dtype in schema.values()):
        return None
    scan = _scan(
        folder, file, schema=schema, has_header=False, skip_lines=1, row_index_name="source_line", row_index_offset=2
    )
    known = [name for name in table.columns if name in header]
    try:
        gaps = scan.select(pl.sum_horizontal(pl.col(known).null_count())).collect(engine="streaming").item()
    except (pl.exceptions.ComputeError, pl.exceptions.NoDataError):
        return None
    if gaps:
        return None
    absent = [pl.lit(None, dtype).alias(name) for name, dtype in table.columns.items() if name not in header]
    return scan.with_columns(
        *absent, pl.col("source_line").cast(pl.Int64), pl.lit(file.path).alias("source_file")
    ).select(row_columns(table))


def _split_lines(folder: LandingFolder, file: LandingFile) -> pl.LazyFrame:
    """Rows of a file whose values hold no separator: source_line, raw_text, fields (list of text)."""
    return (
        _scan_lines(folder, file)
        .filter(pl.col("source_line") > 1, pl.col("raw_text") != "")
        .with_columns(fields=pl.col("raw_text").str.split(",").list.eval(pl.element().str.strip_chars(' "')))
    )


def _quoted_fields(folder: LandingFolder, file: LandingFile) -> pl.LazyFrame:
    """Rows of a file whose values may be quoted and hold separators or line breaks; columns as `_split_lines`."""
    content = folder.content(file)
    if file.path.lower().endswith(".gz"):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError) as error:
            raise LandingError(f"Landing file {file.path} cannot be unpacked: {first_line(error)}.") from None
    lines = content.decode("utf-8-sig", errors="replace").splitlines(keepends=True)
    reader = csv.reader(lines)
    rows: list[tuple[int, str, list[str]]] = []
    before = 0
    for fields in reader:
        if before and fields:
            raw_text = "".join(lines[before : reader.line_num]).rstrip("\r\n")
            rows.append((before + 1, raw_text, [field.strip() for field in fields]))
        before = reader.line_num
    return pl.LazyFrame(
        rows, schema={"source_line": pl.Int64(), "raw_text": pl.String(), "fields": pl.List(pl.String())}, orient="row"
    )


def _typed(
    table: LandingTable, file: LandingFile, fields: pl.LazyFrame, header: Sequence[str], unknown: frozenset[str]
) -> LandedRows:
    """Give split rows the contract's types; a value of another type, or too few or many fields, rejects the row."""
    field = {name: pl.col("fields").list.get(header.index(name), null_on_oob=True) for name in table.columns if name in header}
    texts = {name: pl.when(text != "").then(text) for name, text in field.items()}
    parsed = {name: _parse(text, table.columns[name]) for name, text in texts.items()}
    count = pl.col("fields").list.len()
    wrong_count = pl.when(count != len(header)).then(
        pl.format("has {} fields where the header has {}", count, pl.lit(len(header)))
    )
    absent = {name: pl.lit(None, dtype) for name, dtype in table.columns.items() if name not in header}
    typed = fields.with_columns(
        reason=pl.coalesce(wrong_count, wrong_types(table, texts, parsed)), **parsed, **absent
    )
    return split_by_reason(table, file, typed, unknown)


def _parse(text: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if dtype == pl.Boolean():
        lower = text.str.to_lowercase()
        yes, no = lower.is_in(["true", "t", "yes", "1"]), lower.is_in(["false", "f", "no", "0"])
        return pl.when(yes).then(True).when(no).then(False)
    if dtype == pl.Date():
        return text.str.to_date("%Y-%m-%d", strict=False)
    return text.cast(dtype, strict=False)

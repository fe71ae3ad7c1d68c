"""CSV landing files (plain or gzipped): typed scans of clean files, line by line for the others.

If all rows of a file are of the contract's types, the file is scanned as typed CSV, which is fast. Otherwise it is taken
apart line by line (`csv_lines.py`), so that each bad row can be set aside with its line number and text while the good
ones go on. Both ways give the same rows: what a row is never depends on its neighbours.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from cis_assets.landing.contract import LandingTable
from cis_assets.landing.csv_lines import damaged_lines, lines_below_header, records, split_lines
from cis_assets.landing.csv_text import csv_content, header_in, is_utf8, rows_below_header
from cis_assets.landing.folder import LandingFile, LandingFolder
from cis_assets.landing.row_cache import RowCache
from cis_assets.landing.rows import (
    LandedRows,
    absent_columns,
    no_rejected,
    row_columns,
    split_by_reason,
    to_number,
    unknown_columns,
    wrong_types,
)

# Numbers that fit their type whatever their digits, or nothing.
_PLAIN = {
    pl.Int64(): r"(?:-?[0-9]{1,18})?",
    pl.Int32(): r"(?:-?[0-9]{1,9})?",
    pl.Float64(): r"(?:-?[0-9]{1,15}(?:\.[0-9]{1,15})?)?",
}


def read_csv(folder: LandingFolder, table: LandingTable, file: LandingFile, cache: RowCache) -> LandedRows:
    """Read one CSV file; LandingError if it cannot be read at all or lacks a required column.

    The file is read whole before this returns, so nothing that is wrong with it shows later; its rows are in the cache then.
    """
    content = csv_content(folder, file)
    csv = _CsvFile(table, file, header_in(content, table, file))
    row_count = rows_below_header(content)
    good, rejected = _clean_rows(csv, content, row_count), no_rejected()
    if good is None:
        if not csv.numbers_only:
            fields = records(content, len(csv.header))
            row_count = fields.height
            good, bad = csv.parted(fields.lazy())
        elif is_utf8(content):
            good, bad = _numbers(csv, content)
        else:
            good, bad = csv.parted(damaged_lines(content, quoted=b'"' in content))
        rejected = bad.lazy()
    rows = csv.completed(cache.keep(good))
    return LandedRows(rows, rejected, unknown_columns(table, csv.header), row_count)


@dataclass(frozen=True)
class _CsvFile:
    """A file whose header is known."""

    table: LandingTable
    file: LandingFile
    header: Sequence[str]

    @property
    def numbers_only(self) -> bool:
        columns = self.table.columns
        return all(name in columns and columns[name].is_numeric() for name in self.header)

    def scan(self, content: bytes) -> pl.LazyFrame:
        """All columns and source_line, typed as the contract says, others as text."""
        return pl.scan_csv(
            io.BytesIO(content),
            schema={name: self.table.columns.get(name, pl.String()) for name in self.header},
            has_header=False,
            skip_lines=1,
            row_index_name="source_line",
            row_index_offset=2,
            glob=False,
        )

    @property
    def columns(self) -> list[str]:
        """The place of a row and the columns of the contract that the file has: what is kept of it."""
        return ["source_line", *(name for name in self.table.columns if name in self.header)]

    @property
    def plain_row(self) -> str:
        """What a row of numbers looks like that a scan reads as it would be read field by field."""
        return f"^{','.join(_PLAIN[self.table.columns[name]] for name in self.header)}$"

    def of_plain(self, lines: pl.DataFrame) -> pl.DataFrame | None:
        """Plain rows of numbers scanned at once, with `columns`; None if that did not give a row for each."""
        if lines.is_empty():
            return None
        schema = {name: self.table.columns[name] for name in self.header}
        text = lines["raw_text"].str.join("\n").item().encode()
        scanned = pl.read_csv(io.BytesIO(text), schema=schema, has_header=False)
        if scanned.height != lines.height:
            return None
        return scanned.with_columns(lines["source_line"]).select(self.columns)

    def parted(self, lines: pl.LazyFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The good rows, with `columns`, and the rejected ones of lines that were taken apart."""
        good, bad = split_by_reason(self.table, self.file, _typed(self.table, lines, self.header))
        good, bad = pl.collect_all([good.select(self.columns), bad])
        return good, bad

    def completed(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Rows of `columns` with all columns that landed rows have."""
        return rows.with_columns(**absent_columns(self.table, self.header), source_file=pl.lit(self.file.path)).select(
            row_columns(self.table)
        )


def _numbers(csv: _CsvFile, content: bytes) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The good and the rejected rows of a UTF-8 file of numbers.

    Most lines of most files are plain; they are scanned together, and only the others are taken apart.
    """
    lines = lines_below_header(content)
    is_plain = lines["raw_text"].str.contains(csv.plain_row)
    scanned = csv.of_plain(lines.filter(is_plain))
    others = lines if scanned is None else lines.filter(~is_plain)
    good, bad = csv.parted(split_lines(others, quoted=b'"' in content))
    return (good if scanned is None else pl.concat([scanned, good]).sort("source_line")), bad


def _clean_rows(csv: _CsvFile, content: bytes, row_count: int) -> pl.DataFrame | None:
    """The rows of a typed scan, or None if any of them may not be of the contract's types."""
    columns = csv.table.columns
    # The scanner takes more for a date than the contract does.
    if any(columns.get(name) == pl.Date() for name in csv.header):
        return None
    # One of the quotes is broken, and the scanner panics over some that are.
    if content.count(b'"') % 2:
        return None
    try:
        rows = csv.scan(content).collect(engine="streaming")
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        # Whatever the scanner stumbles over, be it a name that stands twice, the lines will show what it is.
        return None
    if rows.height != row_count or not _are_clean(rows.drop("source_line"), content):
        return None
    texts = [_given(pl.col(name)).alias(name) for name in csv.columns if columns.get(name) == pl.String()]
    return rows.with_columns(pl.col("source_line").cast(pl.Int64), *texts).select(csv.columns)


def _are_clean(rows: pl.DataFrame, content: bytes) -> bool:
    """Whether each row is one line with all fields, and each value is as the lines would be read."""
    if not _has_all_fields(rows, content):
        return False
    for column in rows:
        # Within quotes a line may break; then rows can no longer be counted as lines.
        if column.dtype == pl.String() and column.str.contains(r"[\r\n]").any():
            return False
        if column.dtype.is_float() and not column.is_finite().all():
            return False
    return True


def _has_all_fields(rows: pl.DataFrame, content: bytes) -> bool:
    """Whether no row has a field too few, which the scanner takes for a missing value, or an empty one too many at the end.

    Where values are missing, the number of separators tells, if none of them can stand within quotes.
    """
    if not any(column.null_count() for column in rows):
        return not content.endswith(b",")
    return b'"' not in content and content.count(b",", content.find(b"\n")) == rows.height * (rows.width - 1)


def _typed(table: LandingTable, fields: pl.LazyFrame, header: Sequence[str]) -> pl.LazyFrame:
    """Give split rows the contract's types and a `reason`: a fault, too few or many fields, values of other types."""
    field = pl.col("fields").list
    texts = {
        name: _given(field.get(header.index(name), null_on_oob=True), dtype)
        for name, dtype in table.columns.items()
        if name in header
    }
    parsed = {name: _parse(text, table.columns[name]) for name, text in texts.items()}
    wrong_count = pl.when(field.len() != len(header)).then(
        pl.format("has {} fields where the header has {}", field.len(), pl.lit(len(header)))
    )
    return fields.with_columns(
        reason=pl.coalesce("fault", wrong_count, wrong_types(table, texts, parsed)),
        **parsed,
        **absent_columns(table, header),
    )


def _given(text: pl.Expr, dtype: pl.DataType | None = None) -> pl.Expr:
    """The text, or null if there is none; blanks around a value that is no text do not count."""
    text = text if dtype is None or dtype == pl.String() else text.str.strip_chars()
    return pl.when(text != "").then(text)


def _parse(text: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if dtype == pl.Boolean():
        lower = text.str.to_lowercase()
        yes, no = lower.is_in(["true", "t", "yes", "1"]), lower.is_in(["false", "f", "no", "0"])
        return pl.when(yes).then(True).when(no).then(False)
    if dtype == pl.Date():
        return text.str.to_date("%Y-%m-%d", strict=False)
    return to_number(text, dtype) if dtype.is_numeric() else text

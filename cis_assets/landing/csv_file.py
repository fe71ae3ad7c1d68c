"""A CSV landing file whose header is known, and how a row of it that was taken apart becomes typed or rejected.

Belongs here: what the fields of a row mean. Does not belong here: where a row begins and ends (`csv_lines.py`), and which
rows need not be taken apart (`csv_reader.py`, `csv_numbers.py`).
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

from cis_assets.landing.contract import LandingTable
from cis_assets.landing.csv_text import csv_content, header_in, is_utf8, rows_below_header
from cis_assets.landing.folder import LandingFile, LandingFolder
from cis_assets.landing.rows import to_number, wrong_types

# Numbers that fit their type whatever their digits, or nothing.
_PLAIN = {
    pl.Int64(): r"(?:-?[0-9]{1,18})?",
    pl.Int32(): r"(?:-?[0-9]{1,9})?",
    pl.Float64(): r"(?:-?[0-9]{1,15}(?:\.[0-9]{1,15})?)?",
}


@dataclass(frozen=True)
class CsvFile:
    """A file with its text, unpacked."""

    table: LandingTable
    file: LandingFile
    header: tuple[str, ...]
    content: bytes = field(repr=False)

    @classmethod
    def opened(cls, folder: LandingFolder, table: LandingTable, file: LandingFile) -> CsvFile:
        """Fetch a file; LandingError if it cannot be unpacked or lacks a required column."""
        content = csv_content(folder, file)
        return cls(table, file, tuple(header_in(content, table, file)), content)

    @cached_property
    def row_count(self) -> int:
        return rows_below_header(self.content)

    @property
    def columns(self) -> list[str]:
        """The columns of the contract that the file has."""
        return [name for name in self.table.columns if name in self.header]

    @property
    def is_quoted(self) -> bool:
        """Whether there are quotes anywhere."""
        return b'"' in self.content

    @property
    def has_lines_for_rows(self) -> bool:
        """Whether all values are to be numbers, so that each line is a row."""
        columns = self.table.columns
        return all(name in columns and columns[name].is_numeric() for name in self.header)

    @cached_property
    def is_of_numbers(self) -> bool:
        """Whether each line is a row, and all of them are text."""
        return self.has_lines_for_rows and is_utf8(self.content)

    @property
    def plain_row(self) -> str:
        """What a row of numbers looks like that a scan reads as it would be read field by field."""
        return f"^{','.join(_PLAIN[self.table.columns[name]] for name in self.header)}$"

    def scan(self) -> pl.LazyFrame:
        """All columns and source_line, typed as the contract says, others as text."""
        return pl.scan_csv(
            io.BytesIO(self.content),
            schema={name: self.table.columns.get(name, pl.String()) for name in self.header},
            has_header=False,
            skip_lines=1,
            row_index_name="source_line",
            row_index_offset=2,
            glob=False,
        )


def typed(table: LandingTable, fields: pl.LazyFrame, header: Sequence[str]) -> pl.LazyFrame:
    """Give split rows the contract's types and a `reason`: a fault, too few or many fields, values of other types."""
    field = pl.col("fields").list
    texts = {
        name: given(field.get(header.index(name), null_on_oob=True), dtype)
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
    )


def given(text: pl.Expr, dtype: pl.DataType | None = None) -> pl.Expr:
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

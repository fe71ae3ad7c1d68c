"""CSV landing files (plain or gzipped): typed scans of clean files, line by line for the others.

If all rows of a file are of the contract's types and none has a gap, the file is scanned as typed CSV, which is
fast. Otherwise it is taken apart line by line (`csv_lines.py`), so that each bad row can be set aside with its line
number and text while the good ones go on. Both ways give the same rows: what a row is never depends on its neighbours.
"""

from __future__ import annotations

import csv
import zlib
from collections.abc import Mapping, Sequence

import polars as pl

from cis_assets.landing.contract import LandingTable
from cis_assets.landing.csv_lines import GZIP_MAGIC, quoted_fields, split_fields
from cis_assets.landing.folder import LandingError, LandingFile, LandingFolder
from cis_assets.landing.rows import (
    LandedRows,
    absent_columns,
    column_name,
    first_line,
    no_rejected,
    refuse_header,
    row_columns,
    split_by_reason,
    to_number,
    unknown_columns,
    wrong_types,
)

_HEADER_BYTES = 65_536


def read_csv(folder: LandingFolder, table: LandingTable, file: LandingFile) -> LandedRows:
    """Read one CSV file lazily; LandingError if it cannot be read at all or lacks a required column."""
    header = csv_header(folder, table, file)
    try:
        clean = _scan_clean(folder, table, file, header)
        if clean is not None:
            return LandedRows(clean, no_rejected(), unknown_columns(table, header))
        fields = _fields(folder, table, file, header)
    except (OSError, EOFError, zlib.error) as error:
        raise LandingError(f"Landing file {file.path} cannot be read: {first_line(error)}.") from None
    return split_by_reason(table, file, _typed(table, fields, header), header)


def csv_header(folder: LandingFolder, table: LandingTable, file: LandingFile) -> list[str]:
    """Column names of a file, as the contract spells them."""
    start = folder.content(file, first_bytes=_HEADER_BYTES)
    try:
        if start.startswith(GZIP_MAGIC):
            start = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(start, _HEADER_BYTES)
        line = start.partition(b"\n")[0].decode("utf-8-sig", errors="replace")
        names = next(csv.reader([line]), [])
    except (zlib.error, csv.Error) as error:
        raise LandingError(f"Landing file {file.path} has no readable header: {first_line(error)}.") from None
    if not line.strip():
        state = "begins with an empty line" if start.strip() else "is empty"
        raise LandingError(f"Landing file {file.path} {state}: it needs the header {','.join(table.required)}.")
    header = [column_name(name) for name in names]
    refuse_header(table, file, header)
    return header


def _scan_clean(
    folder: LandingFolder, table: LandingTable, file: LandingFile, header: Sequence[str]
) -> pl.LazyFrame | None:
    """A typed scan of a file, or None if any of its rows may not be of the contract's types."""
    schema = {name: table.columns.get(name, pl.String()) for name in header}
    # The scanner takes more for a date than the contract does.
    if pl.Date() in schema.values():
        return None
    scan = pl.scan_csv(
        folder.address(file),
        schema=schema,
        has_header=False,
        skip_lines=1,
        row_index_name="source_line",
        row_index_offset=2,
        glob=False,
        storage_options=folder.polars_options or None,
    )
    try:
        clean = scan.select(_all_clean(schema)).collect(engine="streaming").item()
    except pl.exceptions.PolarsError:
        # Whatever the scanner stumbles over, be it a name that stands twice, the lines will show what it is.
        return None
    if not clean:
        return None
    texts = {
        name: _given(pl.col(name)) for name, dtype in table.columns.items() if name in header and dtype == pl.String()
    }
    return scan.with_columns(
        **texts,
        **absent_columns(table, header),
        source_line=pl.col("source_line").cast(pl.Int64),
        source_file=pl.lit(file.path),
    ).select(row_columns(table))


def _all_clean(schema: Mapping[str, pl.DataType]) -> pl.Expr:
    """Whether a scan read each row as one line with all fields, and each value as the lines would be read."""
    checks = [pl.col(name).null_count() == 0 for name in schema]
    for name, dtype in schema.items():
        if dtype == pl.String():
            # Within quotes a line may break; then rows can no longer be counted as lines.
            checks.append(~pl.col(name).str.contains(r"[\r\n]").any())
        elif dtype.is_float():
            checks.append(pl.col(name).is_finite().all())
    return pl.all_horizontal(checks)


def _fields(folder: LandingFolder, table: LandingTable, file: LandingFile, header: Sequence[str]) -> pl.LazyFrame:
    """The fields of every row of a file, by the quick way if its values are numbers only and it is UTF-8."""
    numbers_only = all(name in table.columns and table.columns[name].is_numeric() for name in header)
    fields = split_fields(folder, file) if numbers_only else None
    return quoted_fields(folder, file, len(header)) if fields is None else fields


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

"""Parquet landing files: their types are checked against the contract before a row is read."""

from __future__ import annotations

import polars as pl

from cis_assets.landing.contract import LandingTable
from cis_assets.landing.folder import LandingError, LandingFile, LandingFolder
from cis_assets.landing.rows import (
    LandedRows,
    absent_columns,
    column_name,
    first_line,
    refuse_header,
    split_by_reason,
    to_number,
    type_words,
    wrong_types,
)


def read_parquet(folder: LandingFolder, table: LandingTable, file: LandingFile) -> LandedRows:
    """Read one Parquet file lazily; LandingError if it is none, lacks a column or holds another kind of value."""
    scan = pl.scan_parquet(
        folder.address(file), hive_partitioning=False, glob=False, storage_options=folder.polars_options or None
    )
    try:
        schema = scan.collect_schema()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise LandingError(f"Landing file {file.path} is no readable Parquet file: {first_line(error)}.") from None
    header = [column_name(name) for name in schema]
    refuse_header(table, file, header)
    spelling = {name: found for name, found in zip(header, schema, strict=True) if name in table.columns}
    for name, found in spelling.items():
        if not _holds(schema[found], table.columns[name]):
            expected = type_words(table.columns[name])
            raise LandingError(
                f"Landing file {file.path} holds {name} as {schema[found]} where {expected} is expected."
            )
    values = {name: _plain(pl.col(name), schema[found]) for name, found in spelling.items()}
    parsed = {name: _parse(value, table.columns[name]) for name, value in values.items()}
    # The contract's columns alone, before any is added: a file's own column may be called `reason` or `source_line`.
    known = scan.select(**{name: pl.col(found) for name, found in spelling.items()})
    _refuse_unreadable(known, file)
    typed = known.with_row_index("source_line", offset=1).with_columns(
        reason=wrong_types(table, values, parsed),
        raw_text=pl.struct(list(spelling)).struct.json_encode(),
        **parsed,
        **absent_columns(table, header),
    )
    return split_by_reason(table, file, typed, header)


def _refuse_unreadable(rows: pl.LazyFrame, file: LandingFile) -> None:
    """Read every page once, before anything is written: the footer, which was read so far, says nothing of them."""
    try:
        for _ in rows.collect_batches(engine="streaming"):
            pass
    except (pl.exceptions.PolarsError, OSError) as error:
        raise LandingError(f"Landing file {file.path} is no readable Parquet file: {first_line(error)}.") from None


def _holds(found: pl.DataType, wanted: pl.DataType) -> bool:
    """Whether values of a Parquet type can be taken for the contract's without losing anything unseen."""
    if wanted.is_integer():
        return found.is_integer() or found == pl.String()
    if wanted.is_float():
        return found.is_numeric() or found == pl.String()
    if wanted == pl.String():
        return found in (pl.String(), pl.Categorical(), pl.Enum)
    return found == wanted


def _plain(value: pl.Expr, found: pl.DataType) -> pl.Expr:
    """Null for NaN, since Parquet files of data frames without nulls mark a missing number so."""
    return value.fill_nan(None) if found.is_float() else value


def _parse(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    return to_number(value, dtype) if dtype.is_numeric() else value.cast(dtype, strict=False)

"""Rows of Parquet landing files. Column types are checked against the contract before rows are judged.

pyarrow reads them: it reports a damaged file, where polars can abort the process.
"""

import io
from collections.abc import Mapping

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from cis_assets.errors import first_line
from cis_assets.landing.contract import LandingTable
from cis_assets.landing.folder import LandingError, LandingFile
from cis_assets.landing.headers import check_header
from cis_assets.landing.parsed_file import ParsedFile, split_by_reason
from cis_assets.landing.values import type_columns, type_words


def parse_parquet(table: LandingTable, file: LandingFile, content: bytes) -> ParsedFile:
    """Read the rows of a Parquet file whole, because its footer does not tell whether its pages are damaged.

    Raises LandingError if it is not a Parquet file, lacks a column, or holds a column as another type.
    """
    stored = _open(file, content)
    header = check_header(table, file, stored.schema_arrow.names)
    columns = {name: at for at, name in enumerate(header) if name in table.columns}
    values = _read_values(file, stored, columns)
    for name, found in values.schema.items():
        if not _converts(found, table.columns[name]):
            expected = type_words(table.columns[name])
            raise LandingError(f"Landing file {file.path} holds {name} as {found} where {expected} is expected.")
    row_count = stored.metadata.num_rows
    if values.height != row_count:
        raise _unreadable(file, f"its footer says {row_count} rows, but it holds {values.height}")
    return ParsedFile(file, header, row_count, *split_by_reason(table, file, _type_values(table, values.lazy())))


def _open(file: LandingFile, content: bytes) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(io.BytesIO(content))
    except _UNREADABLE as error:
        raise _unreadable(file, first_line(error)) from None


def _read_values(file: LandingFile, stored: pq.ParquetFile, columns: Mapping[str, int]) -> pl.DataFrame:
    """Read the contract's columns under its names. `columns` maps each to its place in the file."""
    try:
        names = stored.schema_arrow.names
        read = stored.read(columns=[names[at] for at in columns.values()])
        places = {name: read.column_names.index(names[at]) for name, at in columns.items()}
        # Without the metadata of the file, which may be damaged too.
        values = pa.table({name: read.column(at) for name, at in places.items()})
        values.validate(full=True)
        return pl.DataFrame(values)
    except _UNREADABLE as error:
        raise _unreadable(file, first_line(error)) from None


# pyarrow reads from memory, so an OSError does not come from storage. polars panics over types that it does not know.
_UNREADABLE = (pa.ArrowException, OSError, UnicodeDecodeError, pl.exceptions.PolarsError, pl.exceptions.PanicException)


def _unreadable(file: LandingFile, why: str) -> LandingError:
    return LandingError(f"Landing file {file.path} cannot be read as Parquet: {why}.")


def _type_values(table: LandingTable, known: pl.LazyFrame) -> pl.LazyFrame:
    """Give rows the contract's types and a `reason`, which names the values that do not fit."""
    found = known.collect_schema()
    values = {name: _nan_to_null(pl.col(name), dtype) for name, dtype in found.items()}
    rows = known.with_row_index("source_line", offset=1).with_columns(
        raw_text=pl.struct(list(found)).struct.json_encode()
    )
    return type_columns(table, rows, values, found)


def _converts(found: pl.DataType, wanted: pl.DataType) -> bool:
    """Whether values of a Parquet type convert to the contract's type without silent loss."""
    # A column without any value has this type.
    if found == pl.Null():
        return True
    if wanted.is_integer():
        return found.is_integer() or found.is_float() or found == pl.String()
    if wanted.is_float() or wanted.is_decimal():
        return found.is_numeric() or found == pl.String()
    if wanted == pl.Boolean():
        return found == pl.Boolean() or found == pl.String() or found.is_numeric()
    if wanted == pl.String():
        return found in (pl.String(), pl.Categorical(), pl.Enum)
    return found == wanted


def _nan_to_null(value: pl.Expr, found: pl.DataType) -> pl.Expr:
    """Turn NaN into null: data frames without nulls write a missing number as NaN."""
    return value.fill_nan(None) if found.is_float() else value

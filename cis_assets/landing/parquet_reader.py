"""Parquet landing files: their types are checked against the contract before a row is read.

They are read by pyarrow, which takes a damaged file for what it is where polars may end the process.
"""

import io
from collections.abc import Mapping

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from cis_assets.landing.contract import LandingTable
from cis_assets.landing.folder import LandingError, LandingFile, LandingFolder
from cis_assets.landing.row_cache import RowCache
from cis_assets.landing.rows import (
    LandedRows,
    column_name,
    completed,
    first_line,
    refuse_header,
    split_by_reason,
    to_number,
    type_words,
    unknown_columns,
    wrong_types,
)


def read_parquet(folder: LandingFolder, table: LandingTable, file: LandingFile, cache: RowCache) -> LandedRows:
    """Read one Parquet file; LandingError if it is none, lacks a column or holds another kind of value.

    The file is read whole before this returns: its footer says nothing of what is wrong with its pages.
    """
    stored = _opened(file, folder.content(file))
    header = [column_name(name) for name in stored.schema_arrow.names]
    refuse_header(table, file, header)
    columns = {name: at for at, name in enumerate(header) if name in table.columns}
    values = _values(file, stored, columns)
    for name, found in values.schema.items():
        if not _holds(found, table.columns[name]):
            expected = type_words(table.columns[name])
            raise LandingError(f"Landing file {file.path} holds {name} as {found} where {expected} is expected.")
    row_count = stored.metadata.num_rows
    if values.height != row_count:
        raise _unreadable(file, f"its footer says {row_count} rows, but it holds {values.height}")

    good, bad = split_by_reason(table, file, _typed(table, values.lazy()), list(columns))
    (kept,) = cache.keep([good])
    rows = completed(table, file, kept, list(columns))
    return LandedRows(rows, bad.lazy(), unknown_columns(table, header), row_count)


def _opened(file: LandingFile, content: bytes) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(io.BytesIO(content))
    except _UNREADABLE as error:
        raise _unreadable(file, first_line(error)) from None


def _values(file: LandingFile, stored: pq.ParquetFile, columns: Mapping[str, int]) -> pl.DataFrame:
    """The contract's columns alone, under its names; `columns` are their places in the file."""
    try:
        names = stored.schema_arrow.names
        read = stored.read(columns=[names[at] for at in columns.values()])
        places = {name: read.column_names.index(names[at]) for name, at in columns.items()}
        # Without the metadata of the file, which may be as damaged as anything else.
        values = pa.table({name: read.column(at) for name, at in places.items()})
        values.validate(full=True)
        return pl.DataFrame(values)
    except _UNREADABLE as error:
        raise _unreadable(file, first_line(error)) from None


# Reading from memory, so an OSError is no store's; polars panics over types that it does not know.
_UNREADABLE = (pa.ArrowException, OSError, UnicodeDecodeError, pl.exceptions.PolarsError, pl.exceptions.PanicException)


def _unreadable(file: LandingFile, why: str) -> LandingError:
    return LandingError(f"Landing file {file.path} is no readable Parquet file: {why}.")


def _typed(table: LandingTable, known: pl.LazyFrame) -> pl.LazyFrame:
    """Give rows the contract's types and a `reason`: values that do not fit them."""
    found = known.collect_schema()
    values = {name: _plain(pl.col(name), dtype) for name, dtype in found.items()}
    parsed = {name: _parse(value, table.columns[name]) for name, value in values.items()}
    return known.with_row_index("source_line", offset=1).with_columns(
        reason=wrong_types(table, values, parsed),
        raw_text=pl.struct(list(found)).struct.json_encode(),
        **parsed,
    )


def _holds(found: pl.DataType, wanted: pl.DataType) -> bool:
    """Whether values of a Parquet type can be taken for the contract's without losing anything unseen."""
    # The type of a column in which every value is missing.
    if found == pl.Null():
        return True
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

"""Rows of Parquet landing files. Column types are checked against the contract before rows are judged.

pyarrow reads them: it reports a damaged file, where polars can abort the process. Parquet stores a repeated value once, so a
small file can hold very much. Rows are therefore read in pieces, and the text of a piece is expanded last.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cis_assets.errors import first_line
from cis_assets.landing.contract import LandingTable
from cis_assets.landing.folder import LandingError, LandingFile
from cis_assets.landing.headers import check_header
from cis_assets.landing.parsed_file import ParsedFile, split_by_reason
from cis_assets.landing.text_pieces import Limits
from cis_assets.landing.values import type_columns, type_words

# The length of the footer and the magic bytes are at the end of a file.
_END_BYTES = 8
# A number takes this much memory.
_VALUE_BYTES = 8


@dataclass(frozen=True)
class ParquetFile:
    """An opened Parquet file. `names` gives the contract's columns the names that they have in the file.

    `column_bytes` is the size of the largest column of a row group. It may be one page, which is unpacked at once.
    """

    table: LandingTable
    file: LandingFile
    header: tuple[str, ...]
    names: Mapping[str, str]
    stored: pq.ParquetFile
    column_bytes: int
    limits: Limits

    def parse(self) -> Iterator[ParsedFile]:
        """Parse all rows in pieces, at least one, since the footer does not tell whether pages are damaged.

        Raises LandingError if the file is damaged or holds too much.
        """
        rows_read = 0
        for values in self._read_pieces():
            typed = _type_values(self.table, values.lazy(), rows_read)
            rows_read += values.height
            yield ParsedFile(self.file, self.header, values.height, *split_by_reason(self.table, self.file, typed))
        row_count = self.stored.metadata.num_rows
        if rows_read != row_count:
            raise _unreadable(self.file, f"its footer says {row_count} rows, but it holds {rows_read}")

    def _read_pieces(self) -> Iterator[pl.DataFrame]:
        rows_read = unpacked = 0
        for rows in self._read_batches():
            sizes = _count_bytes(rows)
            too_long = np.flatnonzero(sizes > self.limits.line_bytes)
            if too_long.size:
                raise LandingError(
                    f"Row {rows_read + int(too_long[0]) + 1:,} of landing file {self.file.path} has more than "
                    f"{self.limits.line_bytes:,} bytes: shorten its text, and land the file again."
                )
            ends = np.cumsum(sizes)
            rows_read, unpacked = rows_read + rows.num_rows, unpacked + int(ends[-1])
            _refuse_bomb(self.file, unpacked, self.limits)
            cuts = np.flatnonzero(np.diff(ends // self.limits.piece_bytes)) + 1
            for begin, end in zip([0, *cuts], [*cuts, rows.num_rows], strict=True):
                yield _expand(self.file, rows.slice(int(begin), int(end - begin)))
        if not rows_read:
            types = {name: self.stored.schema_arrow.field(stored).type for name, stored in self.names.items()}
            yield _expand(self.file, pa.table({name: pa.array([], type_) for name, type_ in types.items()}))

    def _read_batches(self) -> Iterator[pa.Table]:
        """Read the contract's columns under its names. Text is a dictionary of its different values."""
        try:
            for batch in self.stored.iter_batches(self.limits.piece_lines, columns=list(self.names.values())):
                # Without the metadata of the file, which may be damaged too.
                rows = pa.table({name: batch.column(stored) for name, stored in self.names.items()})
                rows.validate(full=True)
                if rows.num_rows:
                    yield rows
        except _UNREADABLE as error:
            raise _unreadable(self.file, first_line(error)) from None


def open_parquet(table: LandingTable, file: LandingFile, content: BinaryIO, limits: Limits) -> ParquetFile:
    """Open a file and check its footer.

    Raises LandingError if it is not a Parquet file, lacks a column, holds a column as another type, or holds too much.
    """
    _refuse_large_footer(file, content, limits)
    try:
        stored = pq.ParquetFile(content)
        names = stored.schema_arrow.names
    except _UNREADABLE as error:
        raise _unreadable(file, first_line(error)) from None
    header = check_header(table, file, names)
    columns = {name: names[at] for at, name in enumerate(header) if name in table.columns}
    texts = _check_types(
        table, file, {name: stored.schema_arrow.field(names.index(at)) for name, at in columns.items()}
    )
    _refuse_bomb(file, stored.metadata.num_rows * len(columns) * _VALUE_BYTES, limits)
    column_bytes = _find_largest_column(stored.metadata, set(columns.values()))
    if column_bytes > limits.column_bytes:
        raise LandingError(
            f"Landing file {file.path} has a row group with {column_bytes / 1e6:,.0f} MB in one column: write smaller row "
            "groups, and land it again."
        )
    reader = pq.ParquetFile(content, metadata=stored.metadata, read_dictionary=[columns[name] for name in texts])
    return ParquetFile(table, file, header, columns, reader, column_bytes, limits)


def _refuse_large_footer(file: LandingFile, content: BinaryIO, limits: Limits) -> None:
    if file.size > _END_BYTES:
        content.seek(file.size - _END_BYTES)
        length = int.from_bytes(content.read(_END_BYTES)[:4], "little")
        if limits.footer_bytes < length < file.size:
            raise LandingError(
                f"Landing file {file.path} has a footer of {length / 1e6:,.0f} MB: write fewer columns and larger row groups, "
                "and land it again."
            )
    content.seek(0)


def _check_types(table: LandingTable, file: LandingFile, fields: Mapping[str, pa.Field]) -> list[str]:
    """Return the columns of text; LandingError if a column has a type that does not convert to the contract's."""
    empty = _expand(file, pa.table({name: pa.array([], field.type) for name, field in fields.items()}))
    for name, found in empty.schema.items():
        if not _converts(found, table.columns[name]):
            expected = type_words(table.columns[name])
            raise LandingError(f"Landing file {file.path} holds {name} as {found} where {expected} is expected.")
    return [name for name, found in empty.schema.items() if found == pl.String()]


def _refuse_bomb(file: LandingFile, size: int, limits: Limits) -> None:
    if limits.is_bomb(size, file.size):
        raise LandingError(
            f"Landing file {file.path} cannot be unpacked: it holds more than {size / 1e6:,.0f} MB, which is too much for a "
            "Parquet file of its size. Land it again in several files."
        )


def _find_largest_column(metadata: pq.FileMetaData, names: set[str]) -> int:
    places = [at for at in range(metadata.num_columns) if metadata.schema.column(at).path in names]
    groups = (metadata.row_group(number) for number in range(metadata.num_row_groups))
    return max((group.column(at).total_uncompressed_size for group in groups for at in places), default=0)


def _count_bytes(rows: pa.Table) -> np.ndarray:
    """Count the bytes of each row with its text."""
    sizes = np.full(rows.num_rows, rows.num_columns * _VALUE_BYTES, np.int64)
    for column in rows.columns:
        if pa.types.is_dictionary(column.type):
            lengths = [
                pc.fill_null(pc.take(pc.call_function("binary_length", [chunk.dictionary]), chunk.indices), 0).to_numpy(
                    zero_copy_only=False
                )
                for chunk in column.chunks
            ]
            sizes += np.concatenate(lengths)
    return sizes


def _expand(file: LandingFile, rows: pa.Table) -> pl.DataFrame:
    try:
        return pl.DataFrame(
            {
                name: column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
                for name, column in zip(rows.column_names, rows.columns, strict=True)
            }
        )
    except _UNREADABLE as error:
        raise _unreadable(file, first_line(error)) from None


# pyarrow raises OSError for damage; an error of the storage is a StorageError. polars panics over types that it does not know.
_UNREADABLE = (pa.ArrowException, OSError, UnicodeDecodeError, pl.exceptions.PolarsError, pl.exceptions.PanicException)


def _unreadable(file: LandingFile, why: str) -> LandingError:
    return LandingError(f"Landing file {file.path} cannot be read as Parquet: {why}.")


def _type_values(table: LandingTable, known: pl.LazyFrame, rows_above: int) -> pl.LazyFrame:
    """Give rows the contract's types and a `reason`, which names the values that do not fit."""
    found = known.collect_schema()
    values = {name: _nan_to_null(pl.col(name), dtype) for name, dtype in found.items()}
    rows = known.with_row_index("source_line", offset=rows_above + 1).with_columns(
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
        # Keys of a shop are often numbers.
        return found == wanted or found.is_integer()
    return found == wanted


def _nan_to_null(value: pl.Expr, found: pl.DataType) -> pl.Expr:
    """Turn NaN into null: data frames without nulls write a missing number as NaN."""
    return value.fill_nan(None) if found.is_float() else value

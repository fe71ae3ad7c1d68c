"""What reading a landing file yields, whatever its format: typed rows, rejected rows, and what was noticed.

Belongs here: what makes a header or a value acceptable, in one place for all formats. Does not belong here: how a
format is taken apart (`csv_reader.py`, `parquet_reader.py`), and whether a row makes sense (silver's rules).
"""

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from cis_assets.landing.contract import LandingTable
from cis_assets.landing.folder import LandingError, LandingFile

REJECTED_SCHEMA = {
    "source_table": pl.String(),
    "source_file": pl.String(),
    "source_line": pl.Int64(),
    "reason": pl.String(),
    "raw_text": pl.String(),
}

_TYPE_WORDS = {
    pl.Int64(): "a whole number",
    pl.Int32(): "a whole number of 32 bits",
    pl.Float64(): "a number",
    pl.Boolean(): "true or false",
    pl.Date(): "a date YYYY-MM-DD",
    pl.String(): "text",
}


_NAME = re.compile(r"[a-z_][a-z_ ;|\t-]{0,200}")
_SHOWN = 20


@dataclass(frozen=True)
class LandedRows:
    """Rows of one landing table: the good ones typed, the others with reasons, and what the reader noticed.

    `rows` has the contract's columns, source_file and source_line; `rejected` has REJECTED_SCHEMA. `unknown_columns`
    are named with their table, such as `orders.note`. `row_count` is the number of rows that the file holds, which was
    not taken from `rows` and `rejected`.
    """

    rows: pl.LazyFrame
    rejected: pl.LazyFrame
    unknown_columns: frozenset[str] = frozenset()
    row_count: int = 0


def row_columns(table: LandingTable) -> list[str]:
    return [*table.columns, "source_file", "source_line"]


def no_rows(table: LandingTable) -> pl.LazyFrame:
    return pl.LazyFrame(schema={**table.columns, "source_file": pl.String(), "source_line": pl.Int64()})


def no_rejected() -> pl.LazyFrame:
    return pl.LazyFrame(schema=REJECTED_SCHEMA)


def completed(table: LandingTable, file: LandingFile, rows: pl.LazyFrame, columns: Sequence[str]) -> pl.LazyFrame:
    """Rows that have source_line and `columns` of the contract, with all columns that landed rows have."""
    absent = {name: pl.lit(None, dtype) for name, dtype in table.columns.items() if name not in columns}
    return rows.with_columns(**absent, source_file=pl.lit(file.path)).select(row_columns(table))


def split_by_reason(
    table: LandingTable, file: LandingFile, typed: pl.LazyFrame, columns: Sequence[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part typed rows into good ones (`reason` is empty) with source_line and `columns`, and rejected ones with raw_text."""
    is_good = pl.col("reason") == ""
    typed = typed.with_columns(pl.col("source_line").cast(pl.Int64))
    said = {"source_table": pl.lit(table.name), "source_file": pl.lit(file.path)}
    good, bad = pl.collect_all(
        [
            typed.filter(is_good).select("source_line", *columns),
            typed.filter(~is_good).with_columns(**said).select(list(REJECTED_SCHEMA)),
        ]
    )
    return good, detached(bad)


def detached(rows: pl.DataFrame) -> pl.DataFrame:
    """A copy of a few rows, which would otherwise keep the text of all that they were taken from in memory."""
    packed = io.BytesIO()
    # Without views of text, of which a copy would be one more view.
    rows.write_ipc(packed, compat_level=pl.CompatLevel.oldest())
    return pl.read_ipc(packed.getvalue())


def wrong_types(table: LandingTable, values: Mapping[str, pl.Expr], parsed: Mapping[str, pl.Expr]) -> pl.Expr:
    """What is wrong with a row's values, joined by '; ': those given (not null) that did not parse. Empty: nothing."""
    return pl.concat_str(
        [
            pl.when(parsed[name].is_null() & value.is_not_null()).then(
                pl.format(f"{name} is not {type_words(table.columns[name])}: {{}}", value)
            )
            for name, value in values.items()
        ],
        separator="; ",
        ignore_nulls=True,
    )


def to_number(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """The value as a number of that type; null if it is none, which NaN and infinity are not either."""
    number = value.cast(dtype, strict=False)
    return pl.when(number.is_finite()).then(number) if dtype.is_float() else number


def type_words(dtype: pl.DataType) -> str:
    """A type in words, for messages."""
    return _TYPE_WORDS[dtype]


def column_name(name: str) -> str:
    """A column's name as the contract would spell it."""
    return name.strip().lower()


def unknown_columns(table: LandingTable, header: Sequence[str]) -> frozenset[str]:
    """The columns of a file that the contract does not name, each with its table."""
    return frozenset(f"{table.name}.{name or '(no name)'}" for name in header if name not in table.columns)


def refuse_header(table: LandingTable, file: LandingFile, header: Sequence[str]) -> None:
    """Raise LandingError if a required column is missing or a known one stands twice."""
    missing = [name for name in table.required if name not in header]
    if missing:
        raise LandingError(
            f"Landing file {file.path} has no column {' and no column '.join(missing)}; {_seen(header)}."
        )
    twice = sorted(name for name in table.columns if header.count(name) > 1)
    if twice:
        raise LandingError(f"Landing file {file.path} has the column {twice[0]} more than once.")


def _seen(header: Sequence[str]) -> str:
    """What stands where a header should: only what looks like names of columns, since a row may name a customer."""
    names = [name for name in header if _NAME.fullmatch(name)]
    if not names:
        return "its first line holds no names of columns, so it is a row and no header"
    others = len(header) - len(names)
    further = f" and {others} further fields" if others else ""
    return f"its header is {','.join(names[:_SHOWN])}{'...' if len(names) > _SHOWN else ''}{further}"


def first_line(error: Exception) -> str:
    """The first line of a library's error, to be quoted in a sentence."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")

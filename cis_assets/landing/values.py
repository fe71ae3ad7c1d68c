"""Typed values of landing files: how a value becomes the contract's type, and the reason if it does not.

Does not belong here: how a file is split into rows and fields (`csv_rows.py`, `parquet_reader.py`), and whether a row
makes sense (rules of silver).
"""

from collections.abc import Mapping, Sequence

import polars as pl

from cis_assets.catalog.table import QUANTITY
from cis_assets.landing.contract import LandingTable

_QUANTITY = pl.Decimal(*QUANTITY)
_TOO_LARGE = 10.0 ** (QUANTITY[0] - QUANTITY[1])
# Above this, a float no longer tells a whole number from the next one.
_EXACT_IN_FLOATS = 2.0**53
_TYPE_WORDS = {
    pl.Int64(): "a whole number",
    pl.Int32(): "a whole number of 32 bits",
    pl.Float64(): "a number",
    _QUANTITY: f"a number of at most {QUANTITY[0] - QUANTITY[1]} digits",
    pl.Boolean(): "true or false",
    pl.Date(): "a date YYYY-MM-DD",
    pl.String(): "text",
}

_YES, _NO = ["true", "t", "yes", "y", "1"], ["false", "f", "no", "n", "0"]


def type_fields(table: LandingTable, rows: pl.LazyFrame, header: Sequence[str]) -> pl.LazyFrame:
    """Give CSV rows (columns `fields` and `fault`) the contract's columns and a `reason`, which is empty for good rows."""
    field = pl.col("fields").list
    texts = {
        name: blank_to_null(field.get(header.index(name), null_on_oob=True), dtype)
        for name, dtype in table.columns.items()
        if name in header
    }
    parsed = {name: _parse(text, table.columns[name]) for name, text in texts.items()}
    wrong_count = pl.when(field.len() != len(header)).then(
        pl.format("has {} fields where the header has {}", field.len(), pl.lit(len(header)))
    )
    return rows.with_columns(
        reason=pl.coalesce("fault", wrong_count, _describe_wrong_types(table, texts, parsed)), **parsed
    )


def blank_to_null(text: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Turn empty text into null. Blanks around a value count only in text columns."""
    text = text if dtype == pl.String() else text.str.strip_chars()
    return pl.when(text != "").then(text)


def _parse(text: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if dtype == pl.Boolean():
        return _to_boolean(text)
    if dtype == pl.Date():
        return text.str.to_date("%Y-%m-%d", strict=False)
    return to_number(text, dtype) if dtype.is_numeric() else text


def to_number(value: pl.Expr, dtype: pl.DataType, found: pl.DataType | None = None) -> pl.Expr:
    """Convert a value of the type `found` (default: text) to a number type; null if it is not such a number.

    Whole numbers may be written as data frames write them: 1201.0. Quantities are rounded to their decimal places, half to
    even. NaN and infinity are not numbers.
    """
    found = pl.String() if found is None else found
    if dtype.is_integer() and found == pl.String():
        value = value.str.replace(r"\.0+$", "")
    elif dtype.is_integer() and found.is_float():
        value = pl.when((value == value.floor()) & (value.abs() < _EXACT_IN_FLOATS)).then(value)
    elif dtype.is_decimal() and found.is_float():
        value = pl.when(value.abs() < _TOO_LARGE).then(value)
    number = value.cast(dtype, strict=False)
    return pl.when(number.is_finite()).then(number) if dtype.is_float() else number


def _to_boolean(text: pl.Expr) -> pl.Expr:
    """Convert text to true or false; null if it is neither. Data frames with missing values write 1 as 1.0."""
    word = text.str.strip_chars().str.to_lowercase().str.replace(r"^([01])\.0+$", "$1")
    return pl.when(word.is_in(_YES)).then(True).when(word.is_in(_NO)).then(False)


def type_columns(
    table: LandingTable, rows: pl.LazyFrame, values: Mapping[str, pl.Expr], found: Mapping[str, pl.DataType]
) -> pl.LazyFrame:
    """Give rows with values of the types `found` the contract's columns and a `reason`, which is empty for good rows."""
    parsed = {
        name: to_number(value, dtype, found[name])
        if (dtype := table.columns[name]).is_numeric()
        else _to_boolean(value.cast(pl.String))
        if dtype == pl.Boolean()
        else value.cast(dtype, strict=False)
        for name, value in values.items()
    }
    return rows.with_columns(reason=_describe_wrong_types(table, values, parsed), **parsed)


def _describe_wrong_types(table: LandingTable, values: Mapping[str, pl.Expr], parsed: Mapping[str, pl.Expr]) -> pl.Expr:
    """Name the values of a row that are present but did not parse, joined by '; '. Empty if there are none."""
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


def type_words(dtype: pl.DataType) -> str:
    """Describe a type for messages."""
    return _TYPE_WORDS[dtype]

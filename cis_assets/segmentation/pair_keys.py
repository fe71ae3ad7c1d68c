"""Groups rows by customer and another integer column, packed into one integer key if their ranges are small enough.

In-process engines group by one key in half of the time and memory of two. Sequential ids fit; hashed ids do not, and
are grouped by both columns. The result is the same.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import narwhals as nw

_CUSTOMER = "customer_id"
_PAIR = "customer_and_other"
# Some engines divide integers as floating point numbers, which are exact up to this limit.
_MOST = 2**53


class NumberRange(NamedTuple):
    """The smallest value of a column, and the length of the range up to its largest value."""

    first: int
    length: int


NO_RANGES: Mapping[str, NumberRange] = {}


def number_ranges(rows: nw.LazyFrame, columns: Sequence[str]) -> dict[str, NumberRange]:
    """Compute the frame to find the ranges of customer_id and `columns`; the result is empty if it has no rows."""
    names = (_CUSTOMER, *columns)
    ends = [end for name in names for end in (nw.col(name).min().alias(f"{name} min"), nw.col(name).max())]
    found = rows.select(*ends).collect(backend="polars").row(0)
    pairs = zip(names, found[::2], found[1::2], strict=True)
    return {name: NumberRange(low, high - low + 1) for name, low, high in pairs if low is not None}


def group_by_customer_and(
    column: str, rows: nw.LazyFrame, ranges: Mapping[str, NumberRange], *figures: nw.Expr
) -> nw.LazyFrame:
    """One row per customer and value of `column`, with the aggregations `figures`.

    `ranges` is the result of `number_ranges` for `rows`. If a range is missing, rows are grouped by both columns.
    Both columns must have no missing values.
    """
    rows, key = with_pair_key(column, rows, ranges)
    grouped = rows.group_by(*key).agg(*figures)
    if key != [_PAIR]:
        return grouped
    customers, others = ranges[_CUSTOMER], ranges[column]
    return grouped.with_columns(
        (nw.col(_PAIR) // others.length + customers.first).alias(_CUSTOMER),
        (nw.col(_PAIR) % others.length + others.first).alias(column),
    ).drop(_PAIR)


def with_pair_key(column: str, rows: nw.LazyFrame, ranges: Mapping[str, NumberRange]) -> tuple[nw.LazyFrame, list[str]]:
    """The rows, and the columns that identify customer and `column`: one packed column, which is added, or both.

    Keys of several frames match if they are made with the same ranges. See `group_by_customer_and`.
    """
    customers, others = ranges.get(_CUSTOMER), ranges.get(column)
    if customers is None or others is None or customers.length * others.length >= _MOST:
        return rows, [_CUSTOMER, column]
    pair = (nw.col(_CUSTOMER) - customers.first) * others.length + (nw.col(column) - others.first)
    return rows.with_columns(pair.alias(_PAIR)), [_PAIR]

"""Rows that belong to given customers: rows with their number, lines of their orders, and rejected rows.

A row that did not parse has only its text. If the header of its file is known and its fields fit, only fields that may
name a customer or an order count, because a small number is a quantity or an hour in many rows. Otherwise every whole
number in the text counts: a row too many is safer than a row too few. Removing rows does not belong here.
"""

import csv
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

import polars as pl

from cis_assets.catalog import ORDER_DATE, bronze

HeaderOf = Callable[[str, str], Sequence[str] | None]
"""Landing table and file -> the columns of the file in the spelling of the contract; None if unknown."""

_ORDER = {ORDER_DATE: pl.Date(), "order_id": pl.Int64()}
_TEXT = ("source_table", "source_file", "raw_text")
_NUMBER = re.compile(r"-?\d+")
_DECIMAL = re.compile(r"\s*(-?\d+)\.(\d+)\s*")
_LARGEST = 2**63 - 1
# Landing tables with rows of customers, and their columns that name no customer.
_PEOPLE = {
    table.name: table.columns.keys() - {"customer_id", "customer_key"}
    for table in bronze.TABLES
    if {"customer_id", "order_id"} & table.columns.keys()
}


@dataclass(frozen=True)
class Traces:
    """The numbers and orders (columns order_date, order_id) that identify the rows of some customers.

    `further` selects, from the numbers in a text, further customers whose numbers are only known as hashes.
    """

    customers: frozenset[int]
    orders: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_ORDER))
    further: Callable[[Collection[int]], frozenset[int]] = lambda numbers: frozenset()

    def among(self, numbers: Collection[int]) -> frozenset[int]:
        """Select the numbers of the customers."""
        return self.customers.intersection(numbers) | self.further(numbers)

    @cached_property
    def orders_by_day(self) -> Mapping[date | None, frozenset[int]]:
        by_day = self.orders.group_by(ORDER_DATE).agg("order_id")
        return {day: frozenset(numbers) for day, numbers in by_day.iter_rows()}


def holds_customers(columns: Collection[str]) -> bool:
    """Whether rows with these columns can belong to a customer."""
    return bool({"customer_id", "raw_text", "row_json"} & set(columns)) or set(_ORDER) <= set(columns)


def theirs(columns: Collection[str], traces: Traces, header_of: HeaderOf) -> pl.Expr:
    """Whether a row of a frame with these columns belongs to the customers (never null).

    Raises ValueError for a frame that cannot have rows of customers, so that a caller cannot search it by mistake.
    """
    if not holds_customers(columns):
        raise ValueError(f"Rows with the columns {', '.join(columns)} name no customer and no order.")
    rules = []
    if "raw_text" in columns:
        rules.append(_by_text(columns, traces, header_of))
    if "row_json" in columns:
        rules.append(_by_number(columns, traces, lambda name: _from_json("row_json", name)))
    if "customer_id" in columns or "order_id" in columns:
        present = {name: pl.col(name) if name in columns else None for name in ("customer_id", "order_id")}
        rules.append(_by_number(columns, traces, present.get))
    return pl.any_horizontal(rules)


def without_theirs(table_name: str, rows: pl.LazyFrame, is_theirs: pl.Expr) -> pl.LazyFrame:
    """Remove rows. Of the audience of offers as it landed, remove only the customer: an offer without any row is for everybody."""
    if table_name == bronze.OFFER_AUDIENCE.path:
        return rows.with_columns(customer_id=pl.when(~is_theirs).then("customer_id"))
    return rows.filter(~is_theirs)


def orders_of(
    traces: Traces, orders: Sequence[pl.LazyFrame], rejected: pl.DataFrame, header_of: HeaderOf
) -> pl.DataFrame:
    """The orders of customers, from frames of orders (order_date, order_id, customer_id) and rejected rows of bronze.

    The lines of an order row that did not parse may have parsed, so the number in its text counts, unless that order
    belongs to another customer.
    """
    is_customer = _among(pl.col("customer_id"), traces.customers)
    found = [part.filter(is_customer).select(list(_ORDER)).drop_nulls().collect(engine="streaming") for part in orders]
    suspected = pl.DataFrame(_orders_in_texts(traces, rejected, header_of), schema=_ORDER, orient="row").unique()
    if not suspected.is_empty():
        others = [part.filter(~is_customer).join(suspected.lazy(), on=list(_ORDER), how="semi") for part in orders]
        for part in others:
            of_others = part.select(list(_ORDER)).collect(engine="streaming")
            suspected = suspected.join(of_others, on=list(_ORDER), how="anti")
    return pl.concat([*found, suspected]).unique()


def numbers_in_text(text: str) -> set[int]:
    """The whole numbers in the text of a rejected row."""
    return _numbers(_values(text))


def _by_number(columns: Collection[str], traces: Traces, value: Callable[[str], pl.Expr | None]) -> pl.Expr:
    """A row with the number of a customer, or a row of their orders without a customer number."""
    rules = []
    customer, order = value("customer_id"), value("order_id")
    if customer is not None:
        rules.append(_among(customer, traces.customers))
    if order is not None and ORDER_DATE in columns:
        keys = traces.orders.select(pl.struct(list(_ORDER))).to_series()
        of_order = pl.struct(ORDER_DATE, order.alias("order_id")).is_in(keys.implode()).fill_null(False)
        rules.append(of_order if customer is None else customer.is_null() & of_order)
    return pl.any_horizontal(rules) if rules else pl.lit(False)


def _among(value: pl.Expr, customers: frozenset[int]) -> pl.Expr:
    return value.is_in(pl.Series(sorted(customers), dtype=pl.Int64).implode()).fill_null(False)


def _from_json(column: str, name: str) -> pl.Expr:
    return pl.col(column).str.json_path_match(f"$.{name}").cast(pl.Int64, strict=False)


def _by_text(columns: Collection[str], traces: Traces, header_of: HeaderOf) -> pl.Expr:
    read = [name for name in (*_TEXT, ORDER_DATE) if name in columns]

    def decide(rows: pl.Series) -> pl.Series:
        marks = [_is_theirs(row, traces, header_of) for row in rows.struct.unnest().iter_rows(named=True)]
        return pl.Series(marks, dtype=pl.Boolean)

    # Not declared elementwise: the optimizer could then evaluate rows that another filter removes.
    return pl.struct(read).map_batches(decide, return_dtype=pl.Boolean())


def _is_theirs(row: Mapping[str, Any], traces: Traces, header_of: HeaderOf) -> bool:
    if row["source_table"] not in _PEOPLE:
        return False
    orders = traces.orders_by_day.get(row.get(ORDER_DATE), frozenset())
    numbers = _numbers(_values(row["raw_text"]))
    if numbers.isdisjoint(orders) and not traces.among(numbers):
        return False
    fields = _fields(row, header_of)
    if fields is None:
        return True
    # A customer may be named by the customer number, and by columns that the contract does not know.
    naming = [value for name, value in fields.items() if name not in _PEOPLE[row["source_table"]]]
    if traces.among(_numbers(naming)):
        return True
    of_another = bool(_numbers([fields.get("customer_id", "")]))
    return not of_another and not _numbers([fields.get("order_id", "")]).isdisjoint(orders)


def _orders_in_texts(traces: Traces, rejected: pl.DataFrame, header_of: HeaderOf) -> list[tuple[date, int]]:
    """Day and number of possible orders of the customers in the texts of rejected rows."""
    found = []
    for row in rejected.select(*_TEXT, ORDER_DATE).iter_rows(named=True):
        if _is_theirs(row, traces, header_of):
            fields = _fields(row, header_of)
            named = _numbers(_values(row["raw_text"]) if fields is None else [fields.get("order_id", "")])
            numbers = named.difference(traces.among(named)) if fields is None else named
            found += [(row[ORDER_DATE], number) for number in numbers]
    return found


def _fields(row: Mapping[str, Any], header_of: HeaderOf) -> dict[str, str] | None:
    """The fields of a rejected row by column; None if the columns are unclear."""
    text = row["raw_text"]
    if text.startswith("{"):
        values = _json_object(text)
        return None if values is None else {name.strip().lower(): str(value) for name, value in values.items()}
    header, fields = header_of(row["source_table"], row["source_file"]), _csv_fields(text)
    if header is None or len(fields) != len(header):
        return None
    return dict(zip(header, fields, strict=True))


def _values(text: str) -> Iterable[str]:
    """The fields of a text in any order."""
    values = _json_object(text) if text.startswith("{") else None
    return _csv_fields(text) if values is None else map(str, values.values())


def _json_object(text: str) -> dict[str, Any] | None:
    try:
        values = json.loads(text)
    except ValueError:
        return None
    return values if isinstance(values, dict) else None


def _csv_fields(text: str) -> list[str]:
    try:
        rows = list(csv.reader(text.splitlines(keepends=True), strict=True))
    except csv.Error:
        rows = [text.split(",")]
    return [field for row in rows for field in row]


def _numbers(values: Iterable[str]) -> set[int]:
    """The whole numbers in some values, also a number with separators between its digits."""
    found: set[int] = set()
    for value in values:
        decimal = _DECIMAL.fullmatch(value)
        runs = _NUMBER.findall(value) if decimal is None else [decimal[1]] * (not decimal[2].strip("0"))
        for digits in (*runs, "".join(run.lstrip("-") for run in runs)):
            if digits and abs(int(digits)) <= _LARGEST:
                found |= {int(digits), abs(int(digits))}
    return found

"""Removes rows of erased customers from landed rows, and counts them, before anything is written.

Does not belong here: which rows are a customer's (`catalog/customer_rows.py`), and who was erased
(`lake/erased_customers.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import polars as pl

from cis_assets.catalog.customer_rows import HeaderOf, Traces, orders_of, theirs, without_theirs
from cis_assets.lake.erased_customers import ErasedCustomers
from cis_assets.landing.contract import CUSTOMERS, OFFER_AUDIENCE, ORDERS, LandingTable
from cis_assets.landing.landed_files import LandedFile
from cis_assets.landing.rows import LandedRows

_COUNTED = ("orders", "order_items", "customers", "offer_audience", "rejected")


@dataclass(frozen=True)
class ErasedRowCounts:
    """How many landed rows of erased customers were left out, by table; `rejected` rows did not parse.

    `by_file` counts orders, order lines and their rejected rows by path of the landing file.
    """

    orders: int = 0
    order_items: int = 0
    customers: int = 0
    offer_audience: int = 0
    rejected: int = 0
    by_file: Mapping[str, int] = field(default_factory=dict, compare=False)

    def __add__(self, other: ErasedRowCounts) -> ErasedRowCounts:
        counts = {name: getattr(self, name) + getattr(other, name) for name in _COUNTED}
        return ErasedRowCounts(**counts, by_file={**self.by_file, **other.by_file})

    def sentences(self) -> list[str]:
        """Tell an operator what was left out, if anything."""
        words = {
            "orders": self.orders,
            "order lines": self.order_items,
            "customers": self.customers,
            "rows of the audience of offers": self.offer_audience,
            "rows that did not parse": self.rejected,
        }
        counted = ", ".join(f"{count:,} {name}" for name, count in words.items() if count)
        return [f"Left out as rows of erased customers: {counted}."] if counted else []


def remove_erased(erased: ErasedCustomers, files: Sequence[LandedFile]) -> tuple[list[LandedFile], ErasedRowCounts]:
    """Remove rows of erased customers from the files of complete order dates.

    An order belongs to its date, so each date is searched by itself. A rejected row may name a customer on any date.
    """
    header_of = _headers_of(file.landed for file in files)
    orders: dict[date, list[LandedRows]] = {}
    for file in files:
        if file.table.name == ORDERS.name:
            orders.setdefault(file.order_date, []).append(file.landed)
    traces = {day: _find_traces(erased, landed, header_of) for day, landed in orders.items()}
    kept: list[LandedFile] = []
    removed: Counter[str] = Counter()
    by_file: dict[str, int] = {}
    for file in files:
        landed, of_date = file.landed, traces[file.order_date]
        rows, row_count = landed.rows, 0
        if of_date.customers or of_date.orders.height:
            rows, row_count = _remove(landed.rows, of_date, header_of)
        rejected, rejected_count = _remove(landed.rejected, of_date, header_of)
        kept.append(replace(file, landed=replace(landed, rows=rows, rejected=rejected)))
        removed.update({file.table.name: row_count, "rejected": rejected_count})
        by_file[file.file.path] = row_count + rejected_count
    return kept, ErasedRowCounts(**removed, by_file=by_file)


def remove_erased_from_snapshot(
    erased: ErasedCustomers, table: LandingTable, landed: LandedRows
) -> tuple[LandedRows, ErasedRowCounts]:
    """Remove rows of erased customers from a file of a snapshot."""
    if not erased or table.name not in (CUSTOMERS.name, OFFER_AUDIENCE.name):
        return landed, ErasedRowCounts()
    header_of = _headers_of([landed])
    traces = _traces_in(erased, landed.rows)
    is_theirs = theirs(landed.rows.collect_schema().names(), traces, header_of)
    count = landed.rows.select(is_theirs.sum()).collect(engine="streaming").item()
    rejected, rejected_count = _remove(landed.rejected, traces, header_of)
    kept = replace(landed, rows=without_theirs(f"bronze/{table.name}", landed.rows, is_theirs), rejected=rejected)
    return kept, ErasedRowCounts(**{table.name: count}, rejected=rejected_count)


def remove_erased_from_stored(erased: ErasedCustomers, table: LandingTable, rows: pl.LazyFrame) -> pl.LazyFrame:
    """Remove rows of erased customers from the stored rows of a snapshot table."""
    if not erased or table.name not in (CUSTOMERS.name, OFFER_AUDIENCE.name):
        return rows
    is_theirs = theirs(rows.collect_schema().names(), _traces_in(erased, rows), lambda _, path: None)
    return without_theirs(f"bronze/{table.name}", rows, is_theirs)


def _traces_in(erased: ErasedCustomers, rows: pl.LazyFrame) -> Traces:
    numbers = rows.select(pl.col("customer_id").drop_nulls().unique()).collect(engine="streaming").to_series()
    return Traces(erased.among(numbers), further=erased.among)


def _headers_of(landed: Iterable[LandedRows]) -> HeaderOf:
    headers = {of_file.path: of_file.header for of_file in landed}
    return lambda _, path: headers.get(path)


def _find_traces(erased: ErasedCustomers, landed: Sequence[LandedRows], header_of: HeaderOf) -> Traces:
    """Find the erased customers among those who ordered on a date, and what their rows are known by."""
    orders = [of_file.rows for of_file in landed]
    numbers = pl.concat(orders).select(pl.col("customer_id").drop_nulls().unique()).collect(engine="streaming")
    traces = Traces(erased.among(numbers.to_series()), further=erased.among)
    rejected = pl.concat([of_file.rejected for of_file in landed]).collect()
    suspected = rejected.filter(theirs(rejected.columns, traces, header_of))
    if not traces.customers and suspected.is_empty():
        return traces
    return replace(traces, orders=orders_of(traces, orders, suspected, header_of))


def _remove(rows: pl.LazyFrame, traces: Traces, header_of: HeaderOf) -> tuple[pl.LazyFrame, int]:
    """Filter out the customers' rows, and count them."""
    is_theirs = theirs(rows.collect_schema().names(), traces, header_of)
    count = rows.select(is_theirs.sum()).collect(engine="streaming").item()
    return (rows.filter(~is_theirs), count) if count else (rows, 0)

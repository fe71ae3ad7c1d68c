"""Erased customers stay out: their rows are left out of what landed, and counted, before anything is written.

Which rows are theirs is said in `catalog/customer_rows.py`, who was erased in `lake/erased_customers.py`.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

import polars as pl

from cis_assets.catalog import ORDER_DATE
from cis_assets.catalog.customer_rows import HeaderOf, Traces, orders_of, theirs
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.erased_customers import ErasedCustomers


@dataclass(frozen=True)
class LeftOut:
    """How many landed rows were left out since they are an erased customer's, by table; `rejected` did not parse.

    `by_file` says the same of orders, order lines and their rejected rows by path of the landing file.
    """

    orders: int = 0
    order_items: int = 0
    customers: int = 0
    rejected: int = 0
    by_file: Mapping[str, int] = field(default_factory=dict, compare=False)

    def sentences(self) -> list[str]:
        """What an operator should know, if anything was left out."""
        words = {
            "orders": self.orders,
            "order lines": self.order_items,
            "customers": self.customers,
            "rows that did not parse": self.rejected,
        }
        counted = ", ".join(f"{count:,} {name}" for name, count in words.items() if count)
        return [f"Left out as rows of erased customers: {counted}."] if counted else []


@dataclass(frozen=True)
class DatedRows:
    """What landed for some dates, in parts, each row with its order_date."""

    orders: LazyChunks
    order_items: LazyChunks
    rejected_orders: LazyChunks
    rejected_lines: LazyChunks


def without_erased(
    erased: ErasedCustomers, landed: DatedRows, landed_on: Callable[[Collection[date]], DatedRows], header_of: HeaderOf
) -> tuple[DatedRows, LeftOut]:
    """Rows of dates without those of erased customers, and how many these are.

    `landed_on` gives the rows of some of the dates. Orders and order lines are gone through a further time only on dates
    with orders of erased customers; a row of any date that does not parse may name one of them.
    """
    customers, days = _erased_orders(erased, landed)
    texts = _collected(landed.rejected_orders)
    traces = Traces(customers, further=erased.among)
    named = texts.filter(theirs(texts.columns, traces, header_of))
    affected = landed_on(days | set(named[ORDER_DATE]))
    orders = orders_of(traces, [part.to_native() for part in affected.orders.frames], named, header_of)
    traces = replace(traces, orders=orders)
    in_orders = _by_file(affected.orders, traces, header_of)
    in_lines = _by_file(affected.order_items, traces, header_of)
    in_texts = _by_file(LazyChunks.of([texts]), traces, header_of) + _by_file(landed.rejected_lines, traces, header_of)
    left_out = LeftOut(
        orders=in_orders.total(),
        order_items=in_lines.total(),
        rejected=in_texts.total(),
        by_file=in_orders + in_lines + in_texts,
    )
    others = DatedRows(
        orders=_others(landed.orders, traces, header_of),
        order_items=_others(landed.order_items, traces, header_of),
        rejected_orders=_others(landed.rejected_orders, traces, header_of),
        rejected_lines=_others(landed.rejected_lines, traces, header_of),
    )
    return others, left_out


def snapshots_without_erased(
    erased: ErasedCustomers, customers: pl.LazyFrame, rejected: pl.LazyFrame, header_of: HeaderOf
) -> tuple[pl.LazyFrame, pl.LazyFrame, LeftOut]:
    """Landed customers and rejected rows of snapshots without those of erased customers."""
    numbers = customers.select(pl.col("customer_id").drop_nulls().unique()).collect(engine="streaming")
    traces = Traces(erased.among(numbers["customer_id"]), further=erased.among)
    landed = (LazyChunks.of([customers]), LazyChunks.of([rejected]))
    kept = [_others(parts, traces, header_of).whole() for parts in landed]
    counts = [_by_file(parts, traces, header_of).total() for parts in landed]
    return kept[0], kept[1], LeftOut(customers=counts[0], rejected=counts[1])


def _erased_orders(erased: ErasedCustomers, landed: DatedRows) -> tuple[frozenset[int], set[date]]:
    """The erased customers among those who ordered, and the dates on which they did."""
    customers: frozenset[int] = frozenset()
    days: set[date] = set()
    for part in landed.orders.frames:
        pairs = part.to_native().select(ORDER_DATE, "customer_id").drop_nulls().unique().collect(engine="streaming")
        found = erased.among(pairs["customer_id"].unique())
        customers |= found
        days |= set(pairs.filter(pl.col("customer_id").is_in(found))[ORDER_DATE])
    return customers, days


def _collected(parts: LazyChunks) -> pl.DataFrame:
    return pl.concat([part.to_native().collect(engine="streaming") for part in parts.frames])


def _others(parts: LazyChunks, traces: Traces, header_of: HeaderOf) -> LazyChunks:
    return parts.map_polars(lambda rows: rows.filter(~_theirs(rows, traces, header_of)))


def _by_file(parts: LazyChunks, traces: Traces, header_of: HeaderOf) -> Counter[str]:
    """How many of the rows are theirs, by landing file."""
    counts: Counter[str] = Counter()
    for part in parts.frames:
        rows = part.to_native()
        found = rows.filter(_theirs(rows, traces, header_of)).group_by("source_file").len()
        counts.update(dict(found.collect(engine="streaming").iter_rows()))
    return counts


def _theirs(rows: pl.LazyFrame, traces: Traces, header_of: HeaderOf) -> pl.Expr:
    return theirs(rows.collect_schema().names(), traces, header_of)

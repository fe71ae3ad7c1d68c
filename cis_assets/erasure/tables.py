"""Customers in the tables of a lake: which rows are theirs, and the tables without them.

Which tables can hold a customer follows from their columns in the catalog, so a table that is added later is among them.
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl
from deltalake import CommitProperties, DeltaTable, write_deltalake

from cis_assets.catalog import ORDER_DATE, SYSTEM_TABLES, TABLES, Table, bronze
from cis_assets.catalog.customer_rows import HeaderOf, Traces, holds_customers, orders_of, theirs
from cis_assets.dates import DAYS_AT_ONCE
from cis_assets.lake.checked_batches import CheckedBatches
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.commits import commit_once
from cis_assets.lake.lake import Lake
from cis_assets.lake.slices import Slice

_ORDER_OF_CUSTOMER = (ORDER_DATE, "order_id", "customer_id")
# Without a predicate, delta-rs lets a commit pass that removes files which somebody else replaced meanwhile.
_EVERY_ROW = "true"


def stored_tables(lake: Lake) -> list[Table]:
    """The tables of the catalog that the lake has."""
    return [table for table in (TABLES | SYSTEM_TABLES).values() if lake.exists(table)]


def with_customers(tables: Iterable[Table]) -> list[Table]:
    """The tables that can hold customers, in the order in which they are to be rewritten.

    Lines and rejected rows are found by the customers' orders, so the tables that tell these come last: whoever is
    stopped between two tables finds the rest again.
    """

    def place(table: Table) -> int:
        return 2 if "customer_id" in table.columns else int(table == bronze.REJECTED_ROWS)

    return sorted((table for table in tables if holds_customers(table.columns)), key=place)


def traces_in(lake: Lake, tables: Iterable[Table], customers: frozenset[int], header_of: HeaderOf) -> Traces:
    """What the customers' rows in these tables are known by."""
    tables = list(tables)
    orders = [
        lake.scan(table, columns=_ORDER_OF_CUSTOMER)
        for table in tables
        if set(_ORDER_OF_CUSTOMER) <= table.columns.keys()
    ]
    rejected = (
        lake.scan(bronze.REJECTED_ROWS).collect() if bronze.REJECTED_ROWS in tables else bronze.REJECTED_ROWS.empty()
    )
    return Traces(customers, orders_of(Traces(customers), orders, rejected, header_of))


def count_rows(lake: Lake, table: Table, traces: Traces, header_of: HeaderOf) -> int:
    """How many rows of a table are the customers'."""
    rows = lake.scan(table).select(theirs(table.columns, traces, header_of).sum())
    return rows.collect(engine="streaming").item()


def remove_rows(lake: Lake, table: Table, traces: Traces, header_of: HeaderOf) -> int:
    """Replace the partitions of a table that hold the customers by the other rows in them; how many rows went.

    One commit, which is tried again from the start if somebody else wrote to these partitions meanwhile. Its predicate
    names partitions; no customer enters the log.
    """
    location = lake.location(table)
    is_theirs = theirs(table.columns, traces, header_of)
    removed = 0

    def write(target: DeltaTable, mark: dict[str, str]) -> None:
        nonlocal removed
        stored = pl.scan_delta(target, storage_options=dict(location.polars_options) or None)
        shown = table.partition_by or list(table.columns)[:1]
        hit = stored.filter(is_theirs).select(shown).collect(engine="streaming")
        if hit.is_empty():
            return
        removed = hit.height
        where = Slice(tuple((column, tuple(hit[column].unique().sort())) for column in table.partition_by))
        parts = LazyChunks.of(part.filter(~is_theirs) for part in _parts(stored, where))
        reader = CheckedBatches(table, where, parts).reader(refuse_empty=False)
        properties = CommitProperties(custom_metadata=mark)
        predicate = where.sql() or _EVERY_ROW
        write_deltalake(target, reader, mode="overwrite", predicate=predicate, commit_properties=properties)

    commit_once(table, location, write)
    return removed


def _parts(stored: pl.LazyFrame, where: Slice) -> list[pl.LazyFrame]:
    """The rows of a slice in parts, so that one of any size needs no more memory than its largest part."""
    if not where.conditions:
        return [stored]
    (first, values), *others = where.conditions
    values = tuple(values)
    for column, wanted in others:
        stored = stored.filter(pl.col(column).is_in(tuple(wanted)))
    return [
        stored.filter(pl.col(first).is_in(values[at : at + DAYS_AT_ONCE])) for at in range(0, len(values), DAYS_AT_ONCE)
    ]

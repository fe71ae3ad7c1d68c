"""Find and remove rows of customers in the tables of a lake.

The columns in the catalog say which tables can hold a customer, so this covers tables that are added later.
"""

from collections.abc import Iterable

from cis_assets.catalog import ORDER_DATE, SYSTEM_TABLES, TABLES, Table, bronze
from cis_assets.catalog.customer_rows import HeaderOf, Traces, holds_customers, orders_of, theirs, without_theirs
from cis_assets.dates import DAYS_AT_ONCE
from cis_assets.erasure.named_customers import find_named_customers
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.delta_table import scan_stored
from cis_assets.lake.lake import Lake
from cis_assets.lake.slices import Slice
from cis_assets.lake.write_path import Commit, commit_once

_ORDER_OF_CUSTOMER = (ORDER_DATE, "order_id", "customer_id")


def list_stored_tables(lake: Lake) -> list[Table]:
    """List the tables of the catalog that exist in the lake; TableDamagedError if one has data files without a log."""
    return [table for table in (TABLES | SYSTEM_TABLES).values() if lake.exists(table)]


def find_missing_customers(
    lake: Lake, tables: Iterable[Table], customers: frozenset[int], header_of: HeaderOf
) -> frozenset[int]:
    """Find the customers of whom no table has a row."""
    for table in tables:
        if customers and holds_customers(table.columns):
            customers -= find_named_customers(lake.scan(table), customers, header_of)
    return customers


def list_tables_with_customers(tables: Iterable[Table]) -> list[Table]:
    """List the tables that can hold customers, in the order in which erasure rewrites them.

    Order lines and rejected rows are found through the customers' orders, so tables with orders come last. An erasure that
    stops between two tables then finds the remaining rows when it runs again.
    """

    def place(table: Table) -> int:
        return 2 if "customer_id" in table.columns else int(table == bronze.REJECTED_ROWS)

    return sorted((table for table in tables if holds_customers(table.columns)), key=place)


def find_traces(lake: Lake, tables: Iterable[Table], customers: frozenset[int], header_of: HeaderOf) -> Traces:
    """Find the traces that identify the customers' rows in these tables."""
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
    """Count the rows of a table that belong to the customers."""
    rows = lake.scan(table).select(theirs(table.columns, traces, header_of).sum())
    return rows.collect(engine="streaming").item()


def remove_rows(lake: Lake, table: Table, traces: Traces, header_of: HeaderOf) -> int:
    """Replace the partitions that hold rows of the customers by their other rows; return the number of removed rows.

    A row that only says that an offer has an audience stays, without its customer.

    One commit, which starts again if another writer changed these partitions meanwhile. Its predicate names partitions, so
    no customer enters the log.
    """
    location = lake.location(table)
    is_theirs = theirs(table.columns, traces, header_of)
    removed = 0

    def write(commit: Commit) -> None:
        nonlocal removed
        columns = table.partition_by or list(table.columns)[:1]
        hit = scan_stored(commit.stored, location).filter(is_theirs).select(columns).collect(engine="streaming")
        if hit.is_empty():
            return
        removed = hit.height
        where = Slice(tuple((column, tuple(hit[column].unique().sort())) for column in table.partition_by))
        chunks = (
            without_theirs(table.path, scan_stored(commit.stored, location, part), is_theirs) for part in _split(where)
        )
        commit.overwrite(where, LazyChunks.of(chunks))

    commit_once(table, location, write)
    return removed


def _split(where: Slice) -> list[Slice]:
    """Split a slice by its first column, so that a slice of any size needs no more memory than its largest part."""
    if not where.conditions:
        return [where]
    (first, values), *others = where.conditions
    values = tuple(values)
    starts = range(0, len(values), DAYS_AT_ONCE)
    return [Slice(((first, values[at : at + DAYS_AT_ONCE]), *others)) for at in starts]

"""An erasure from start to receipt, and a preview of what it would remove.

The customers first enter the list that keeps them out, and its copy in landing, so that no run brings them back
meanwhile. Then every table loses their rows, and then every table its history, and tables that repairs moved aside are
deleted. Each step can be repeated: an erasure that
stopped is completed by running it again.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

import obstore

from cis_assets.catalog import SYSTEM_TABLES, TABLES
from cis_assets.catalog.system import ERASED_CUSTOMERS
from cis_assets.erasure.history import remove_history
from cis_assets.erasure.landing_files import LandingFiles, find_landing_files
from cis_assets.erasure.leftovers import (
    find_leftovers,
    name_moved_tables,
    remove_half_landed,
    remove_leftovers,
)
from cis_assets.erasure.lock import hold_erasure_lock
from cis_assets.erasure.receipt import RECEIPTS, Receipt, TableReceipt
from cis_assets.erasure.tables import (
    count_rows,
    find_missing_customers,
    find_traces,
    list_stored_tables,
    list_tables_with_customers,
    remove_rows,
)
from cis_assets.errors import OperatorError
from cis_assets.lake.erased_customers import ErasureKey, add_erased_customers
from cis_assets.lake.lake import Lake
from cis_assets.lake.table_versions import VERSIONS
from cis_assets.landing.folder import LandingFolder
from cis_assets.landing.headers import Headers
from cis_assets.storage.addresses import store_to_read

_OWN_FOLDERS = {"dashboard", RECEIPTS, VERSIONS, *TABLES, *SYSTEM_TABLES}


class ErasureIncompleteError(OperatorError):
    """A table has rows of an erased customer again."""


@dataclass(frozen=True)
class Found:
    """Rows of customers by table, landing files that hold them, and customers found in neither.

    `moved_aside` names the tables that repairs moved aside, which are not searched.
    """

    rows: dict[str, int]
    landing_files: LandingFiles
    nowhere: frozenset[int]
    moved_aside: list[str]


def find_customers(lake: Lake, folder: LandingFolder, customers: Collection[int]) -> Found:
    """Find the customers' rows in tables and landing files without changing anything."""
    header_of = Headers(folder)
    tables = list_stored_tables(lake)
    traces = find_traces(lake, tables, frozenset(customers), header_of)
    rows = {table.path: count_rows(lake, table, traces, header_of) for table in list_tables_with_customers(tables)}
    missing = find_missing_customers(lake, tables, traces.customers, header_of)
    landing_files, nowhere = find_landing_files(folder, traces.customers, header_of, missing=missing)
    return Found(rows, landing_files, nowhere, name_moved_tables(find_leftovers(lake, tables)))


def count_steps(lake: Lake) -> int:
    """Count the steps that an erasure reports as its progress."""
    tables = list_stored_tables(lake)
    return len({*(table.path for table in tables), ERASED_CUSTOMERS.path}) + len(list_tables_with_customers(tables)) + 1


def erase(
    lake: Lake,
    folder: LandingFolder,
    key: ErasureKey,
    customers: Collection[int],
    now: datetime,
    refuse_in_use: Callable[[], None],
    advance: Callable[[int], None] = lambda steps: None,
    carried_out: Collection[str] = (),
) -> Receipt:
    """Remove customers from a lake and from its history, keep them out, and return the receipt.

    `refuse_in_use` raises if another process may be writing to the lake, since its unfinished files would be deleted.
    `carried_out` names the request files below landing that this erasure completes.
    """
    refuse_in_use()
    with hold_erasure_lock(lake):
        add_erased_customers(lake, folder.uri, key, customers, now.date())
        header_of = Headers(folder)
        tables = list_stored_tables(lake)
        holding = list_tables_with_customers(tables)
        traces = find_traces(lake, tables, frozenset(customers), header_of)
        missing = find_missing_customers(lake, tables, traces.customers, header_of)
        removed = {}
        for table in holding:
            removed[table.path] = remove_rows(lake, table, traces, header_of)
            advance(1)
        receipts = []
        for table in tables:
            refuse_in_use()
            history = remove_history(table, lake.location(table))
            receipts.append(
                TableReceipt(
                    table.path, removed.get(table.path, 0), history.data_files, history.log_files, history.version
                )
            )
            advance(1)
        refuse_in_use()
        moved_aside, leftovers = remove_leftovers(lake, tables)
        leftovers += remove_half_landed(folder.uri)
        left = {table.path: count_rows(lake, table, traces, header_of) for table in holding}
        _refuse_rows_left(left)
        landing_files, nowhere = find_landing_files(folder, traces.customers, header_of, carried_out, missing)
        advance(1)
    return Receipt(
        erased_at=now,
        customer_hashes=tuple(sorted(key.hash(customer) for customer in traces.customers)),
        key_fingerprint=key.fingerprint,
        lake=lake.uri,
        tables=tuple(receipts),
        rows_left=sum(left.values()),
        elsewhere_in_the_lake=tuple(_find_other_names(lake)),
        landing=folder.uri,
        landing_files=landing_files,
        hashes_found_nowhere=tuple(sorted(key.hash(customer) for customer in nowhere)),
        moved_aside_removed=tuple(moved_aside),
        leftover_files_removed=leftovers,
    )


def _refuse_rows_left(left: dict[str, int]) -> None:
    again = {path: rows for path, rows in left.items() if rows}
    if again:
        raise ErasureIncompleteError(
            f"Another process wrote rows of the customers during the erasure ({', '.join(sorted(again))}): stop whatever writes "
            "to the lake and run the erasure again."
        )


def _find_other_names(lake: Lake) -> list[str]:
    """Find names in the lake, on two levels, that belong neither to a table of the catalog nor to the platform."""
    store = store_to_read(lake.uri, lake.timeouts)
    top = obstore.list_with_delimiter(store)
    names = [meta["path"] for meta in top["objects"]]
    for folder in top["common_prefixes"]:
        if folder in _OWN_FOLDERS:
            continue
        below = obstore.list_with_delimiter(store, prefix=folder)
        names += [*(meta["path"] for meta in below["objects"]), *below["common_prefixes"]]
    return sorted(name for name in names if name not in _OWN_FOLDERS)

"""An erasure from its beginning to its receipt, and a look at what it would remove.

First the customers enter the list that keeps them out, so that no reading of landing can bring them back meanwhile. Then
every table loses their rows, then every table its history. Each step may be repeated, so an erasure that was stopped
anywhere is completed by running it again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

import obstore

from cis_assets.catalog import SYSTEM_TABLES, TABLES
from cis_assets.catalog.system import ERASED_CUSTOMERS
from cis_assets.erasure.history import remove_history
from cis_assets.erasure.landing_files import LandingFiles, landing_files_with
from cis_assets.erasure.lock import only_one
from cis_assets.erasure.receipt import RECEIPTS, Receipt, TableReceipt
from cis_assets.erasure.tables import count_rows, remove_rows, stored_tables, traces_in, with_customers
from cis_assets.errors import OperatorError
from cis_assets.lake.erased_customers import ErasureKey, enter
from cis_assets.lake.lake import Lake
from cis_assets.landing.folder import LandingFolder
from cis_assets.landing.headers import Headers
from cis_assets.storage.addresses import store_to_read

_OWN_FOLDERS = {"dashboard", RECEIPTS, *TABLES, *SYSTEM_TABLES}


class ErasureIncompleteError(OperatorError):
    """Rows of an erased customer are in a table again."""


@dataclass(frozen=True)
class Found:
    """Where customers are: rows by table, and landing files."""

    rows: dict[str, int]
    landing_files: LandingFiles


def look(lake: Lake, folder: LandingFolder, customers: Collection[int]) -> Found:
    """Find the customers' rows in tables and landing files, and change nothing."""
    header_of = Headers(folder)
    tables = stored_tables(lake)
    traces = traces_in(lake, tables, frozenset(customers), header_of)
    rows = {table.path: count_rows(lake, table, traces, header_of) for table in with_customers(tables)}
    return Found(rows, landing_files_with(folder, traces.customers, header_of))


def steps(lake: Lake) -> int:
    """How many steps an erasure tells of as it goes on."""
    tables = stored_tables(lake)
    return len({*(table.path for table in tables), ERASED_CUSTOMERS.path}) + len(with_customers(tables)) + 1


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

    `refuse_in_use` raises if somebody may be writing to the lake, whose unfinished files would be deleted. `carried_out`
    names the request files below landing that are done with thereby.
    """
    refuse_in_use()
    with only_one(lake.uri, now):
        enter(lake, key, customers, now.date())
        header_of = Headers(folder)
        tables = stored_tables(lake)
        holding = with_customers(tables)
        traces = traces_in(lake, tables, frozenset(customers), header_of)
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
        left = {table.path: count_rows(lake, table, traces, header_of) for table in holding}
        _refuse_rows_left(left)
        landing_files = landing_files_with(folder, traces.customers, header_of, passed_over=carried_out)
        advance(1)
    return Receipt(
        erased_at=now,
        customer_hashes=tuple(sorted(key.hash(customer) for customer in traces.customers)),
        key_fingerprint=key.fingerprint,
        lake=lake.uri,
        tables=tuple(receipts),
        rows_left=sum(left.values()),
        elsewhere_in_the_lake=tuple(_elsewhere(lake)),
        landing=folder.uri,
        landing_files=landing_files,
    )


def _refuse_rows_left(left: dict[str, int]) -> None:
    again = {path: rows for path, rows in left.items() if rows}
    if again:
        raise ErasureIncompleteError(
            f"Somebody wrote rows of the customers while they were erased ({', '.join(sorted(again))}): stop what is writing "
            "to the lake and run the same again."
        )


def _elsewhere(lake: Lake) -> list[str]:
    """Names in the lake, of two levels, that are no table of the catalog nor any other place of the platform."""
    store = store_to_read(lake.uri)
    top = obstore.list_with_delimiter(store)
    names = [meta["path"] for meta in top["objects"]]
    for folder in top["common_prefixes"]:
        if folder in _OWN_FOLDERS:
            continue
        below = obstore.list_with_delimiter(store, prefix=folder)
        names += [*(meta["path"] for meta in below["objects"]), *below["common_prefixes"]]
    return sorted(name for name in names if name not in _OWN_FOLDERS)

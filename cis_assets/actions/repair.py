"""Repair or accept a damaged table, while no erasure is running: it could bring back what the erasure removes."""

from cis_assets.catalog import Table
from cis_assets.catalog.system import ERASED_CUSTOMERS
from cis_assets.erasure.lock import hold_erasure_lock
from cis_assets.lake.erased_customers_repair import accept_erased_customers, repair_erased_customers
from cis_assets.lake.lake import Lake
from cis_assets.lake.repair import accept_whole_table, repair


def repair_table(lake: Lake, landing_uri: str, table: Table, *, deep: bool = False) -> list[str]:
    """Repair a table; return a sentence for each thing that was done, none for a whole table."""
    with hold_erasure_lock(lake, f"repair of {table.path}"):
        if table.path == ERASED_CUSTOMERS.path:
            return repair_erased_customers(lake, landing_uri)
        return repair(lake, table, deep=deep)


def accept(lake: Lake, table: Table) -> int | None:
    """Take a table as it is now, if it can be read; return its version, None without a table."""
    with hold_erasure_lock(lake, f"acceptance of {table.path}"):
        if table.path == ERASED_CUSTOMERS.path:
            return accept_erased_customers(lake)
        return accept_whole_table(lake.location(table))

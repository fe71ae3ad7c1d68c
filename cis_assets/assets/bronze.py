"""Bronze: what landed, typed, as it came.

The files of an order date become bronze/orders and bronze/order_items; rows that do not parse go to
bronze/rejected_rows with file, line, reason and raw text. Snapshots (products, aisles, departments, customers,
offers) are read from their newest file.
"""

from collections.abc import Iterator, Sequence

import dagster as dg

from cis_assets.assets.partitioning import ONE_RUN, ORDER_DATES, days_of
from cis_assets.assets.tables import OWNERS, table_out
from cis_assets.catalog import bronze
from cis_assets.landing import contract
from cis_assets.landing.contract import LandingTable
from cis_assets.landing.reader import read_days, read_snapshots
from cis_assets.landing.resource import LandingResource


def landing_key(table: LandingTable) -> dg.AssetKey:
    return dg.AssetKey(["landing", table.name])


def _made_from(tables: Sequence[LandingTable], rejected: str) -> dict[str, set[dg.AssetKey]]:
    """Which landing files each output is made from: its own, and for the rejected rows all of them."""
    return {
        **{table.name: {landing_key(table)} for table in tables},
        rejected: {landing_key(table) for table in tables},
    }


LANDING_FILES = [
    dg.AssetSpec(
        landing_key(table),
        group_name="landing",
        kinds={"file"},
        owners=OWNERS,
        description=f"Landing files `{table.name}/{'order_date=YYYY-MM-DD/' if table.dated else ''}*` "
        f"with the columns {', '.join(table.columns)}.",
        partitions_def=ORDER_DATES if table.dated else None,
    )
    for table in (*contract.DATED, *contract.SNAPSHOTS)
]


@dg.multi_asset(
    name="bronze_days",
    outs={
        "orders": table_out(bronze.ORDERS, "polars"),
        "order_items": table_out(bronze.ORDER_ITEMS, "polars"),
        "rejected_rows": table_out(bronze.REJECTED_ROWS, "polars"),
    },
    deps=[landing_key(table) for table in contract.DATED],
    internal_asset_deps=_made_from(contract.DATED, "rejected_rows"),
    partitions_def=ORDER_DATES,
    backfill_policy=ONE_RUN,
)
def bronze_days(context: dg.AssetExecutionContext, landing: LandingResource) -> Iterator[dg.Output]:
    """Orders and order lines of the dates of this run, with what did not parse beside them."""
    landed = read_days(landing.folder(), days_of(context))
    for warning in landed.warnings():
        context.log.warning(warning)
    yield dg.Output(landed.orders.map_polars(bronze.ORDERS.conform), "orders")
    yield dg.Output(landed.order_items.map_polars(bronze.ORDER_ITEMS.conform), "order_items")
    yield dg.Output(landed.rejected.map_polars(bronze.REJECTED_ROWS.conform), "rejected_rows")


@dg.multi_asset(
    name="bronze_snapshots",
    outs={
        "products": table_out(bronze.PRODUCTS, "polars"),
        "aisles": table_out(bronze.AISLES, "polars"),
        "departments": table_out(bronze.DEPARTMENTS, "polars"),
        "customers": table_out(bronze.CUSTOMERS, "polars"),
        "offers": table_out(bronze.OFFERS, "polars"),
        "rejected_snapshot_rows": table_out(bronze.REJECTED_SNAPSHOT_ROWS, "polars"),
    },
    deps=[landing_key(table) for table in contract.SNAPSHOTS],
    internal_asset_deps=_made_from(contract.SNAPSHOTS, "rejected_snapshot_rows"),
    backfill_policy=ONE_RUN,
)
def bronze_snapshots(context: dg.AssetExecutionContext, landing: LandingResource) -> Iterator[dg.Output]:
    """The newest file of each snapshot."""
    landed = read_snapshots(landing.folder())
    for warning in landed.warnings():
        context.log.warning(warning)
    for table in (bronze.PRODUCTS, bronze.AISLES, bronze.DEPARTMENTS, bronze.CUSTOMERS, bronze.OFFERS):
        yield dg.Output(table.conform(landed.rows[table.name]), table.name)
    yield dg.Output(bronze.REJECTED_SNAPSHOT_ROWS.conform(landed.rejected), "rejected_snapshot_rows")


ASSETS = [bronze_days, bronze_snapshots]

"""Bronze: what landed, typed, as it came.

The files of an order date become bronze/orders and bronze/order_items; rows that do not parse go to
bronze/rejected_rows with file, line, reason and raw text, and bronze/landed_files says what each file held, or why its
date cannot be read. Snapshots (products, aisles, departments, customers,
offers) are read from their newest file. Rows of erased customers are left out and counted.
"""

from collections.abc import Iterator, Sequence

import dagster as dg

from cis_assets.catalog import bronze
from cis_assets.defs.partitions import ONE_RUN, ORDER_DATES, days_of
from cis_assets.defs.tables import OWNERS, table_out
from cis_assets.lake.erased_customers import ErasedCustomersResource
from cis_assets.lake.quarantine import QuarantinedRows
from cis_assets.landing import contract
from cis_assets.landing.contract import LandingTable
from cis_assets.landing.reader import LandedDays, LandedSnapshots, read_days, read_snapshots
from cis_assets.landing.resource import LandingResource


def landing_key(table: LandingTable) -> dg.AssetKey:
    return dg.AssetKey(["landing", table.name])


def _made_from(tables: Sequence[LandingTable], *of_all: str) -> dict[str, set[dg.AssetKey]]:
    """Which landing files each output is made from: its own, and the outputs `of_all` from all of them."""
    return {
        **{table.name: {landing_key(table)} for table in tables},
        **{name: {landing_key(table) for table in tables} for name in of_all},
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
        "landed_files": table_out(bronze.LANDED_FILES, "polars"),
        "orders": table_out(bronze.ORDERS, "polars"),
        "order_items": table_out(bronze.ORDER_ITEMS, "polars"),
        "rejected_rows": table_out(bronze.REJECTED_ROWS, "polars"),
    },
    deps=[landing_key(table) for table in contract.DATED],
    internal_asset_deps=_made_from(contract.DATED, "landed_files", "rejected_rows"),
    partitions_def=ORDER_DATES,
    backfill_policy=ONE_RUN,
)
def bronze_days(
    context: dg.AssetExecutionContext, landing: LandingResource, erased: ErasedCustomersResource
) -> Iterator[dg.Output]:
    """Orders and order lines of the dates of this run, and the rows that did not parse.

    The files come first, so that their faults are stored even if no date of the run can be read.
    """
    landed = read_days(landing.folder(), days_of(context), erased.read())
    _say(context, landed)
    yield dg.Output(landed.files, "landed_files")
    for table, rows, left_out in (
        (bronze.ORDERS, landed.orders, landed.left_out.orders),
        (bronze.ORDER_ITEMS, landed.order_items, landed.left_out.order_items),
        (bronze.REJECTED_ROWS, landed.rejected, landed.left_out.rejected),
    ):
        quarantined = QuarantinedRows(rows.map_polars(table.conform), landed.faults)
        yield dg.Output(quarantined, table.name, metadata=_left_out(left_out))


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
def bronze_snapshots(
    context: dg.AssetExecutionContext, landing: LandingResource, erased: ErasedCustomersResource
) -> Iterator[dg.Output]:
    """The newest file of each snapshot."""
    landed = read_snapshots(landing.folder(), erased.read())
    _say(context, landed)
    for table in (bronze.PRODUCTS, bronze.AISLES, bronze.DEPARTMENTS, bronze.OFFERS):
        yield dg.Output(table.conform(landed.rows[table.name]), table.name)
    for table, rows, left_out in (
        (bronze.CUSTOMERS, landed.rows["customers"], landed.left_out.customers),
        (bronze.REJECTED_SNAPSHOT_ROWS, landed.rejected, landed.left_out.rejected),
    ):
        yield dg.Output(table.conform(rows), table.name, metadata=_left_out(left_out))


def _say(context: dg.AssetExecutionContext, landed: LandedDays | LandedSnapshots) -> None:
    for warning in landed.warnings():
        context.log.warning(warning)
    for sentence in landed.left_out.sentences():
        context.log.info(sentence)


def _left_out(rows: int) -> dict[str, int] | None:
    return {"rows_of_erased_customers_left_out": rows} if rows else None


ASSETS = [bronze_days, bronze_snapshots]

"""Bronze: the landing files as typed rows.

The files of an order date become bronze/orders and bronze/order_items. bronze/rejected_rows keeps each row that does not
parse, with file, line, reason and raw text. bronze/landed_files keeps what each file held, or why its date cannot be read.
Products, aisles, departments, customers, offers and their audience come from their newest snapshot, and keep former rows of earlier ones.
bronze/landed_snapshots keeps what each snapshot held, or why it cannot be used. Rows of erased customers are left out and
counted.
"""

from collections.abc import Iterator, Sequence

import dagster as dg
import polars as pl

from cis_assets.catalog import Table, bronze
from cis_assets.defs.partitions import ONE_RUN, days_of, order_dates
from cis_assets.defs.resources import LakeResource, LandingResource
from cis_assets.defs.tables import OWNERS, landing_key, table_out
from cis_assets.lake.erased_customers import erased_customers
from cis_assets.lake.lake import Lake
from cis_assets.lake.quarantine import QuarantinedRows
from cis_assets.landing import contract
from cis_assets.landing.contract import LandingTable
from cis_assets.landing.reader import LandedDays, read_days
from cis_assets.landing.snapshots import LandedSnapshots, StoredSnapshots, read_snapshots
from cis_assets.quality.snapshots import SnapshotPolicy
from cis_assets.settings import Settings


def build_assets(settings: Settings) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    @dg.multi_asset(
        name="bronze_days",
        outs={table.name: table_out(table, "polars") for table in _DAYS},
        deps=[landing_key(table) for table in contract.DATED],
        internal_asset_deps=_sources(contract.DATED, "landed_files", "rejected_rows"),
        partitions_def=order_dates(settings),
        backfill_policy=ONE_RUN,
    )
    def bronze_days(
        context: dg.AssetExecutionContext, landing: LandingResource, lake: LakeResource
    ) -> Iterator[dg.Output]:
        """Orders and order lines of the dates of the run, and the rows that do not parse.

        The files come first, to store their faults even if no date of the run can be read.
        """
        landed = read_days(
            landing.folder(), days_of(context), erased_customers(lake.lake(), landing.landing_uri, settings.erasure_key)
        )
        _log(context, landed)
        yield dg.Output(landed.files, "landed_files")
        for table, rows, left_out in (
            (bronze.ORDERS, landed.orders, landed.left_out.orders),
            (bronze.ORDER_ITEMS, landed.order_items, landed.left_out.order_items),
            (bronze.REJECTED_ROWS, landed.rejected, landed.left_out.rejected),
        ):
            quarantined = QuarantinedRows(rows.map_polars(table.conform), landed.faults)
            yield dg.Output(quarantined, table.name, metadata=_left_out_metadata(left_out))

    @dg.multi_asset(
        name="bronze_snapshots",
        outs={table.name: table_out(table, "polars") for table in (*_SNAPSHOTS, *_OF_ALL_SNAPSHOTS)},
        deps=[landing_key(table) for table in contract.SNAPSHOTS],
        internal_asset_deps=_sources(contract.SNAPSHOTS, "rejected_snapshot_rows", "landed_snapshots"),
        backfill_policy=ONE_RUN,
    )
    def bronze_snapshots(
        context: dg.AssetExecutionContext, landing: LandingResource, lake: LakeResource
    ) -> Iterator[dg.Output]:
        """The newest snapshot of products, aisles, departments, customers, offers and their audience, and former rows of earlier ones.

        The list of snapshots comes last. If a run stops before it, the next one reads the same snapshots again.
        """
        stored = StoredSnapshots.read(lambda table: _scan_if_present(lake.lake(), table))
        landed = read_snapshots(
            landing.folder(),
            stored,
            erased_customers(lake.lake(), landing.landing_uri, settings.erasure_key),
            policy=SnapshotPolicy.from_settings(settings),
            time_zone=settings.time_zone,
        )
        _log(context, landed)
        left_out = {
            bronze.CUSTOMERS: landed.left_out.customers,
            bronze.OFFER_AUDIENCE: landed.left_out.offer_audience,
            bronze.REJECTED_SNAPSHOT_ROWS: landed.left_out.rejected,
        }
        tables = {table: landed.rows[table.name] for table in _SNAPSHOTS}
        tables |= dict(zip(_OF_ALL_SNAPSHOTS, (landed.rejected, landed.landed.lazy()), strict=True))
        for table, rows in tables.items():
            metadata = {**_left_out_metadata(left_out.get(table, 0)), **_in_force_metadata(landed.landed, table.name)}
            yield dg.Output(table.conform(rows), table.name, metadata=metadata)

    return [*_landing_specs(settings), bronze_days, bronze_snapshots]


_DAYS = (bronze.LANDED_FILES, bronze.ORDERS, bronze.ORDER_ITEMS, bronze.REJECTED_ROWS)
_SNAPSHOTS = (
    bronze.PRODUCTS,
    bronze.AISLES,
    bronze.DEPARTMENTS,
    bronze.CUSTOMERS,
    bronze.OFFERS,
    bronze.OFFER_AUDIENCE,
)
_OF_ALL_SNAPSHOTS = (bronze.REJECTED_SNAPSHOT_ROWS, bronze.LANDED_SNAPSHOTS)


def _landing_specs(settings: Settings) -> list[dg.AssetSpec]:
    return [
        dg.AssetSpec(
            landing_key(table),
            group_name="landing",
            kinds={"file"},
            owners=OWNERS,
            description=f"Landing files `{table.name}/{'order_date=YYYY-MM-DD/' if table.dated else ''}*` "
            f"with the columns {', '.join(table.columns)}.",
            partitions_def=order_dates(settings) if table.dated else None,
        )
        for table in (*contract.DATED, *contract.SNAPSHOTS)
    ]


def _sources(tables: Sequence[LandingTable], *from_all: str) -> dict[str, set[dg.AssetKey]]:
    """The landing files that each output is made from: its own files, and all files for the outputs `from_all`."""
    return {
        **{table.name: {landing_key(table)} for table in tables},
        **{name: {landing_key(table) for table in tables} for name in from_all},
    }


def _log(context: dg.AssetExecutionContext, landed: LandedDays | LandedSnapshots) -> None:
    for warning in landed.warnings():
        context.log.warning(warning)
    for sentence in landed.left_out.sentences():
        context.log.info(sentence)


def _left_out_metadata(rows: int) -> dict[str, int]:
    return {"rows_of_erased_customers_left_out": rows} if rows else {}


def _in_force_metadata(landed_snapshots: pl.DataFrame, name: str) -> dict[str, str | int]:
    """The snapshot that a table comes from, and what became of its rows."""
    for row in landed_snapshots.filter("in_force", pl.col("source_table") == name).iter_rows(named=True):
        counts = {f"rows_{count}": row[f"{count}_row_count"] for count in ("valid", "rejected", "duplicate")}
        arrived_at = f"{row['arrived_at']:%Y-%m-%d %H:%M:%S} UTC"
        return {"snapshot": row["snapshot"], "arrived_at": arrived_at, "rows_landed": row["row_count"], **counts}
    return {}


def _scan_if_present(lake: Lake, table: Table) -> pl.LazyFrame:
    return lake.scan(table) if lake.exists(table) else table.empty().lazy()

"""Silver: valid rows, each once, returned lines, and the rejected rows with their reasons.

Orders and order lines come from the bronze rows of the same date; products, customers and offers come from the newest
snapshots.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import dagster as dg
import polars as pl

from cis_assets.catalog import Table, bronze, silver
from cis_assets.defs.partitions import ONE_RUN, chunks_of, order_dates, ordered_in
from cis_assets.defs.tables import MAY_BE_ABSENT, asset_key, freshness_badge, table_asset, table_in, table_out
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.damage import name_unreadable_files
from cis_assets.lake.lake import Lake
from cis_assets.notifications.consent import hash_consent
from cis_assets.settings import Settings
from cis_assets.silver import snapshots as snapshots_transform
from cis_assets.silver.orders import JudgedOrders, judge_orders
from cis_assets.silver.snapshot_state import find_fault_of_newest, is_in_force
from cis_assets.silver.texts import count_invisible

_SELECT: Mapping[Table, Callable[[JudgedOrders], pl.LazyFrame]] = {
    silver.ORDER_ITEMS: JudgedOrders.silver_order_items,
    silver.RETURNED_ITEMS: JudgedOrders.silver_returned_items,
    silver.ORDERS: JudgedOrders.silver_orders,
    silver.REJECTED_ROWS: JudgedOrders.silver_rejected_rows,
}
_PRODUCT_SNAPSHOTS = {
    "products": table_in(bronze.PRODUCTS),
    "aisles": table_in(bronze.AISLES),
    "departments": table_in(bronze.DEPARTMENTS),
}


def build_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    @table_asset(settings, silver.PRODUCTS, "polars", ins=_PRODUCT_SNAPSHOTS)
    def products(
        context: dg.AssetExecutionContext, products: pl.LazyFrame, aisles: pl.LazyFrame, departments: pl.LazyFrame
    ) -> pl.DataFrame:
        names = ((products, "product_name"), (aisles, "aisle"), (departments, "department"))
        invisible = sum(count_invisible(rows.filter(is_in_force()), column) for rows, column in names)
        rows = snapshots_transform.silver_products(products, aisles, departments).collect(engine="streaming")
        faults = rows.filter(is_in_force())["naming_fault"].drop_nulls().value_counts(sort=True)
        _report_invisible(context, invisible, products_not_named_in_messages=dict(faults.iter_rows()))
        return rows

    @table_asset(
        settings,
        silver.CUSTOMERS,
        "polars",
        ins={"customers": table_in(bronze.CUSTOMERS), "landed_snapshots": table_in(bronze.LANDED_SNAPSHOTS)},
    )
    def customers(
        context: dg.AssetExecutionContext, customers: pl.LazyFrame, landed_snapshots: pl.LazyFrame
    ) -> dg.Output[pl.DataFrame]:
        _report_invisible(context, count_invisible(customers.filter(is_in_force()), "time_zone"))
        rows = snapshots_transform.silver_customers(customers, settings.time_zone).collect(engine="streaming")
        # By it the gold sensor tells a change of consent from a run that found nothing new.
        version = dg.DataVersion(hash_consent(rows.lazy(), landed_snapshots))
        return dg.Output(rows, data_version=version)

    @table_asset(
        settings,
        silver.OFFERS,
        "polars",
        ins={
            "offers": table_in(bronze.OFFERS),
            "products": table_in(silver.PRODUCTS),
            "audience": table_in(bronze.OFFER_AUDIENCE, metadata=MAY_BE_ABSENT),
            "rejected": table_in(bronze.REJECTED_SNAPSHOT_ROWS),
            "landed_snapshots": table_in(bronze.LANDED_SNAPSHOTS, metadata=MAY_BE_ABSENT),
        },
    )
    def offers(
        offers: pl.LazyFrame,
        products: pl.LazyFrame,
        audience: pl.LazyFrame,
        rejected: pl.LazyFrame,
        landed_snapshots: pl.LazyFrame,
    ) -> pl.LazyFrame:
        is_known = find_fault_of_newest(landed_snapshots, bronze.OFFER_AUDIENCE.name) is None
        return snapshots_transform.silver_offers(offers, products, audience, rejected, audience_is_known=is_known)

    @table_asset(
        settings,
        silver.OFFER_AUDIENCE,
        "polars",
        ins={"audience": table_in(bronze.OFFER_AUDIENCE, metadata=MAY_BE_ABSENT), "offers": table_in(silver.OFFERS)},
    )
    def offer_audience(audience: pl.LazyFrame, offers: pl.LazyFrame) -> pl.LazyFrame:
        return snapshots_transform.silver_offer_audience(audience, offers)

    @table_asset(
        settings,
        silver.REJECTED_SNAPSHOT_ROWS,
        "polars",
        ins={
            **_PRODUCT_SNAPSHOTS,
            "customers": table_in(bronze.CUSTOMERS),
            "offers": table_in(bronze.OFFERS),
            "audience": table_in(bronze.OFFER_AUDIENCE, metadata=MAY_BE_ABSENT),
        },
    )
    def rejected_snapshot_rows(
        products: pl.LazyFrame,
        aisles: pl.LazyFrame,
        departments: pl.LazyFrame,
        customers: pl.LazyFrame,
        offers: pl.LazyFrame,
        audience: pl.LazyFrame,
    ) -> pl.LazyFrame:
        return snapshots_transform.silver_rejected_snapshot_rows(
            products, aisles, departments, customers, offers, audience, settings.time_zone
        )

    lake, inputs = Lake(settings.lake_uri), (bronze.ORDERS, bronze.ORDER_ITEMS, silver.PRODUCTS)

    @dg.multi_asset(
        name="silver_days",
        outs={
            table.name: table_out(table, "polars", is_required=False, freshness_policy=freshness_badge(table, settings))
            for table in _SELECT
        },
        ins={
            "orders": table_in(bronze.ORDERS),
            "order_items": table_in(bronze.ORDER_ITEMS),
            "products": table_in(silver.PRODUCTS),
        },
        partitions_def=order_dates(settings),
        backfill_policy=ONE_RUN,
        can_subset=True,
    )
    def silver_days(
        context: dg.AssetExecutionContext, orders: pl.LazyFrame, order_items: pl.LazyFrame, products: pl.LazyFrame
    ) -> Iterator[dg.Output]:
        """Judge the bronze rows of the dates of this run once, and select each table from them."""
        with TemporaryDirectory(prefix="cis-silver-") as folder:
            with name_unreadable_files(map(lake.location, inputs)):
                judged = [
                    judge_orders(
                        ordered_in(days, orders),
                        ordered_in(days, order_items),
                        products,
                        keep=partial(_keep_in, folder),
                    )
                    for days in chunks_of(context)
                ]
            for table, select in _SELECT.items():
                if asset_key(table) in context.selected_asset_keys:
                    yield dg.Output(LazyChunks.of(map(select, judged)), table.name)

    return [products, customers, offers, offer_audience, rejected_snapshot_rows, silver_days]


def _report_invisible(context: dg.AssetExecutionContext, texts: int, **metadata: Any) -> None:
    context.add_output_metadata({"texts_with_invisible_characters": texts, **metadata})
    if texts:
        context.log.warning(
            f"{texts:,} texts hold control, direction or invisible characters. Silver leaves these out."
        )


def _keep_in(folder: str, rows: pl.LazyFrame) -> pl.LazyFrame:
    """Keep rows in a file rather than in memory, because a long range has many."""
    path = Path(folder, f"{uuid4()}.parquet")
    rows.sink_parquet(path, compression="lz4")
    return pl.scan_parquet(path)

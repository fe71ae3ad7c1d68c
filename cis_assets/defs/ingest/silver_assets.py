"""Silver: valid rows, each once, returned lines apart, and the rows that broke a rule with the reason.

Orders and order lines are made from the bronze rows of the same date; products, customers and offers from the newest
snapshots.
"""

from collections.abc import Callable
from datetime import date
from functools import partial

import dagster as dg
import polars as pl

from cis_assets.catalog import ORDER_DATE, Table, bronze, silver
from cis_assets.defs.partitions import chunks_of, days_of, in_chunks, ordered_in, ordered_on
from cis_assets.defs.resources import LakeResource
from cis_assets.defs.tables import asset_key, table_asset, table_in
from cis_assets.lake.chunks import LazyChunks
from cis_assets.settings import Settings
from cis_assets.silver import orders as orders_transform
from cis_assets.silver import snapshots as snapshots_transform

_BRONZE_DAYS = {"orders": table_in(bronze.ORDERS), "order_items": table_in(bronze.ORDER_ITEMS)}
_PRODUCT_SNAPSHOTS = {
    "products": table_in(bronze.PRODUCTS),
    "aisles": table_in(bronze.AISLES),
    "departments": table_in(bronze.DEPARTMENTS),
}


def build_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    @table_asset(settings, silver.PRODUCTS, "polars", ins=_PRODUCT_SNAPSHOTS)
    def products(products: pl.LazyFrame, aisles: pl.LazyFrame, departments: pl.LazyFrame) -> pl.LazyFrame:
        return snapshots_transform.silver_products(products, aisles, departments)

    @table_asset(settings, silver.CUSTOMERS, "polars", ins={"customers": table_in(bronze.CUSTOMERS)})
    def customers(customers: pl.LazyFrame) -> pl.LazyFrame:
        return snapshots_transform.silver_customers(customers, settings.time_zone)

    @table_asset(
        settings,
        silver.OFFERS,
        "polars",
        ins={"offers": table_in(bronze.OFFERS), "products": table_in(silver.PRODUCTS)},
    )
    def offers(offers: pl.LazyFrame, products: pl.LazyFrame) -> pl.LazyFrame:
        return snapshots_transform.silver_offers(offers, products)

    @table_asset(
        settings,
        silver.REJECTED_SNAPSHOT_ROWS,
        "polars",
        ins={**_PRODUCT_SNAPSHOTS, "customers": table_in(bronze.CUSTOMERS), "offers": table_in(bronze.OFFERS)},
    )
    def rejected_snapshot_rows(
        products: pl.LazyFrame,
        aisles: pl.LazyFrame,
        departments: pl.LazyFrame,
        customers: pl.LazyFrame,
        offers: pl.LazyFrame,
    ) -> pl.LazyFrame:
        return snapshots_transform.silver_rejected_snapshot_rows(
            products, aisles, departments, customers, offers, settings.time_zone
        )

    @table_asset(
        settings,
        silver.ORDER_ITEMS,
        "polars",
        ins={**_BRONZE_DAYS, "products": table_in(silver.PRODUCTS)},
    )
    def order_items(
        context: dg.AssetExecutionContext, orders: pl.LazyFrame, order_items: pl.LazyFrame, products: pl.LazyFrame
    ) -> LazyChunks:
        return LazyChunks.of(
            orders_transform.silver_order_items(ordered_in(days, orders), ordered_in(days, order_items), products)
            for days in chunks_of(context)
        )

    @table_asset(
        settings,
        silver.RETURNED_ITEMS,
        "polars",
        ins={**_BRONZE_DAYS, "products": table_in(silver.PRODUCTS)},
        # Dates of which every line became a purchase have no other lines.
        deps=[asset_key(silver.ORDER_ITEMS)],
    )
    def returned_items(
        context: dg.AssetExecutionContext,
        lake: LakeResource,
        orders: pl.LazyFrame,
        order_items: pl.LazyFrame,
        products: pl.LazyFrame,
    ) -> LazyChunks:
        return _chunks_of_some_days(
            silver.RETURNED_ITEMS,
            _days_with_more(context, lake, (bronze.ORDER_ITEMS, silver.ORDER_ITEMS)),
            lambda of_days: orders_transform.silver_returned_items(of_days(orders), of_days(order_items), products),
        )

    @table_asset(
        settings,
        silver.ORDERS,
        "polars",
        ins={"orders": table_in(bronze.ORDERS), "order_items": table_in(silver.ORDER_ITEMS)},
    )
    def orders(context: dg.AssetExecutionContext, orders: pl.LazyFrame, order_items: pl.LazyFrame) -> LazyChunks:
        return LazyChunks.of(
            orders_transform.silver_orders(ordered_in(days, orders), ordered_in(days, order_items))
            for days in chunks_of(context)
        )

    @table_asset(
        settings,
        silver.REJECTED_ROWS,
        "polars",
        ins={
            **_BRONZE_DAYS,
            "products": table_in(silver.PRODUCTS),
            "valid_orders": table_in(silver.ORDERS),
            "returned_items": table_in(silver.RETURNED_ITEMS),
        },
    )
    def rejected_rows(
        context: dg.AssetExecutionContext,
        lake: LakeResource,
        orders: pl.LazyFrame,
        order_items: pl.LazyFrame,
        products: pl.LazyFrame,
        valid_orders: pl.LazyFrame,
        returned_items: pl.LazyFrame,
    ) -> LazyChunks:
        settled_by = ((bronze.ORDERS, silver.ORDERS), (bronze.ORDER_ITEMS, silver.ORDER_ITEMS))
        return _chunks_of_some_days(
            silver.REJECTED_ROWS,
            _days_with_more(context, lake, *settled_by),
            lambda of_days: orders_transform.silver_rejected_rows(
                of_days(orders), of_days(order_items), products, of_days(valid_orders), of_days(returned_items)
            ),
        )

    return [products, customers, offers, rejected_snapshot_rows, order_items, returned_items, orders, rejected_rows]


def _days_with_more(context: dg.AssetExecutionContext, lake: LakeResource, *tables: tuple[Table, Table]) -> list[date]:
    """The dates of the run of which a table of bronze holds another number of rows than the silver table beside it.

    Of the others, every row is in silver already, and none is left to be looked at.
    """
    wanted = pl.DataFrame({ORDER_DATE: days_of(context)}, {ORDER_DATE: pl.Date})
    for landed, valid in tables:
        for name, table in (("landed", landed), ("valid", valid)):
            counts = lake.row_counts(table).rename({"rows": f"{name} {landed.name}"})
            wanted = wanted.join(counts, on=ORDER_DATE, how="left")
    differ = [
        pl.col(f"landed {landed.name}").fill_null(0) != pl.col(f"valid {landed.name}").fill_null(0)
        for landed, _ in tables
    ]
    return wanted.filter(pl.any_horizontal(differ))[ORDER_DATE].to_list()


def _chunks_of_some_days(
    table: Table, days: list[date], make: Callable[[Callable[[pl.LazyFrame], pl.LazyFrame]], pl.LazyFrame]
) -> LazyChunks:
    """What `make` gives for these dates, in parts, where it is handed what picks the rows of a part; empty without dates."""
    if not days:
        return LazyChunks.of([table.empty()])
    return LazyChunks.of(make(partial(ordered_on, some)) for some in in_chunks(days))

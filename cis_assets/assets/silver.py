"""Silver: valid rows, each once, returned lines apart, and the rows that broke a rule with the reason.

Orders and order lines are made from the bronze rows of the same date; products, customers and offers from the newest
snapshots.
"""

import dagster as dg
import polars as pl

from cis_assets.assets.partitioning import ordered_in, parts_of
from cis_assets.assets.tables import table_asset, table_in
from cis_assets.catalog import bronze, silver
from cis_assets.engines.parts import LazyParts
from cis_assets.settings import settings
from cis_assets.transforms import silver_orders as orders_transform
from cis_assets.transforms import silver_snapshots as snapshots_transform

_BRONZE_DAYS = {"orders": table_in(bronze.ORDERS), "order_items": table_in(bronze.ORDER_ITEMS)}
_PRODUCT_SNAPSHOTS = {
    "products": table_in(bronze.PRODUCTS),
    "aisles": table_in(bronze.AISLES),
    "departments": table_in(bronze.DEPARTMENTS),
}


@dg.asset(**table_asset(silver.PRODUCTS, "polars"), ins=_PRODUCT_SNAPSHOTS)
def products(products: pl.LazyFrame, aisles: pl.LazyFrame, departments: pl.LazyFrame) -> pl.LazyFrame:
    return snapshots_transform.silver_products(products, aisles, departments)


@dg.asset(**table_asset(silver.CUSTOMERS, "polars"), ins={"customers": table_in(bronze.CUSTOMERS)})
def customers(customers: pl.LazyFrame) -> pl.LazyFrame:
    return snapshots_transform.silver_customers(customers, settings().time_zone)


@dg.asset(
    **table_asset(silver.OFFERS, "polars"),
    ins={"offers": table_in(bronze.OFFERS), "products": table_in(silver.PRODUCTS)},
)
def offers(offers: pl.LazyFrame, products: pl.LazyFrame) -> pl.LazyFrame:
    return snapshots_transform.silver_offers(offers, products)


@dg.asset(
    **table_asset(silver.REJECTED_SNAPSHOT_ROWS, "polars"),
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
        products, aisles, departments, customers, offers, settings().time_zone
    )


@dg.asset(**table_asset(silver.ORDER_ITEMS, "polars"), ins={**_BRONZE_DAYS, "products": table_in(silver.PRODUCTS)})
def order_items(
    context: dg.AssetExecutionContext, orders: pl.LazyFrame, order_items: pl.LazyFrame, products: pl.LazyFrame
) -> LazyParts:
    return LazyParts.of(
        orders_transform.silver_order_items(ordered_in(days, orders), ordered_in(days, order_items), products)
        for days in parts_of(context)
    )


@dg.asset(**table_asset(silver.RETURNED_ITEMS, "polars"), ins={**_BRONZE_DAYS, "products": table_in(silver.PRODUCTS)})
def returned_items(
    context: dg.AssetExecutionContext, orders: pl.LazyFrame, order_items: pl.LazyFrame, products: pl.LazyFrame
) -> LazyParts:
    return LazyParts.of(
        orders_transform.silver_returned_items(ordered_in(days, orders), ordered_in(days, order_items), products)
        for days in parts_of(context)
    )


@dg.asset(
    **table_asset(silver.ORDERS, "polars"),
    ins={"orders": table_in(bronze.ORDERS), "order_items": table_in(silver.ORDER_ITEMS)},
)
def orders(context: dg.AssetExecutionContext, orders: pl.LazyFrame, order_items: pl.LazyFrame) -> LazyParts:
    return LazyParts.of(
        orders_transform.silver_orders(ordered_in(days, orders), ordered_in(days, order_items))
        for days in parts_of(context)
    )


@dg.asset(
    **table_asset(silver.REJECTED_ROWS, "polars"),
    ins={
        **_BRONZE_DAYS,
        "products": table_in(silver.PRODUCTS),
        "valid_orders": table_in(silver.ORDERS),
        "returned_items": table_in(silver.RETURNED_ITEMS),
    },
)
def rejected_rows(
    context: dg.AssetExecutionContext,
    orders: pl.LazyFrame,
    order_items: pl.LazyFrame,
    products: pl.LazyFrame,
    valid_orders: pl.LazyFrame,
    returned_items: pl.LazyFrame,
) -> LazyParts:
    return LazyParts.of(
        orders_transform.silver_rejected_rows(
            ordered_in(days, orders),
            ordered_in(days, order_items),
            products,
            ordered_in(days, valid_orders),
            ordered_in(days, returned_items),
        )
        for days in parts_of(context)
    )


ASSETS = [products, customers, offers, rejected_snapshot_rows, order_items, returned_items, orders, rejected_rows]

"""A script as a data engineer would write it by hand: polars reads the files of all dates, delta-rs writes the tables.

It takes the files for what they should be: a value that does not parse ends it, and no row is rejected. `with_rules`
makes of the rows what silver's rules make of clean ones: copies count once, and rows out of bounds do not count. Without
them, every row that joins is taken for valid.
"""

from __future__ import annotations

from typing import Any

import polars as pl
from deltalake import write_deltalake

from benchmarks.ingest.workload import PARTITION_COLUMN, Workload, table_uri

_ORDERS: dict[str, Any] = {"order_id": pl.Int64, "customer_id": pl.Int64, "order_hour": pl.Int32}
_ORDER_ITEMS: dict[str, Any] = {
    "order_id": pl.Int64,
    "product_id": pl.Int64,
    "add_to_cart_order": pl.Int32,
    "quantity": pl.Decimal(15, 3),
    "unit_price": pl.Float64,
}
_ORDER_KEY = ["order_date", "order_id"]
_LANDED = ["source_file", "source_line"]


def ingest(workload: Workload, lake: str, *, with_rules: bool) -> None:
    """Write bronze and silver of all dates."""
    orders = _landed(workload, "orders", _ORDERS).with_columns(order_key=pl.lit(None, pl.String)).collect()
    items = _landed(workload, "order_items", _ORDER_ITEMS).collect()
    products = pl.read_csv(workload.products_file(), columns=["product_id", "department_id"])
    _write(lake, "bronze/orders", orders)
    _write(lake, "bronze/order_items", items)
    if with_rules:
        orders = orders.unique(_ORDER_KEY, keep="first", maintain_order=True).filter(
            pl.col("order_id", "customer_id").is_not_null(), pl.col("order_hour").is_between(0, 23)
        )
        items = items.unique([*_ORDER_KEY, "add_to_cart_order"], keep="first", maintain_order=True).filter(
            pl.col("add_to_cart_order") >= 1,
            pl.col("quantity").fill_null(1) >= 1,
            pl.col("unit_price").is_null() | pl.col("unit_price").is_between(0, 1e9, closed="right"),
        )
    placed = pl.struct("order_hour", *_LANDED).rank("ordinal").over("order_date", "customer_id")
    orders = orders.with_columns(
        day_number=pl.col("order_date").to_physical(), order_of_day=placed.cast(pl.Int32)
    ).drop(_LANDED)
    lines = (
        items.drop(_LANDED)
        .join(orders.drop("order_key"), on=_ORDER_KEY)
        .join(products, on="product_id")
        .with_columns(pl.col("quantity").fill_null(1).cast(_ORDER_ITEMS["quantity"]))
    )
    baskets = lines.group_by(_ORDER_KEY).agg(
        item_count=pl.len().cast(pl.Int32),
        distinct_product_count=pl.col("product_id").n_unique().cast(pl.Int32),
        spend=(pl.col("quantity").cast(pl.Float64) * pl.col("unit_price")).round(2).sum().round(2),
        unpriced=pl.col("unit_price").null_count(),
    )
    _write(lake, "silver/order_items", lines)
    _write(
        lake,
        "silver/orders",
        orders.join(baskets, on=_ORDER_KEY)
        .with_columns(
            spend=pl.when(pl.col("unpriced") == 0).then("spend"),
            order_weekday=pl.col("order_date").dt.weekday().cast(pl.Int32),
        )
        .drop("unpriced"),
    )


def _landed(workload: Workload, table: str, schema: dict[str, Any]) -> pl.LazyFrame:
    return pl.concat(
        pl.scan_csv(
            workload.landing_file(table, day), schema=schema, row_index_name="source_line", row_index_offset=2
        ).with_columns(
            order_date=pl.lit(day),
            source_file=pl.lit(workload.landing_path(table, day)),
            source_line=pl.col("source_line").cast(pl.Int64),
        )
        for day in workload.order_dates()
    )


def _write(lake: str, path: str, rows: pl.DataFrame) -> None:
    write_deltalake(table_uri(lake, path), rows, partition_by=[PARTITION_COLUMN])

"""Integrity of stored silver rows: rows that break the catalog's rules, and lines without their order or product.

Silver assets cannot make such rows. These checks find what another writer or a defect put there.
"""

import polars as pl

from cis_assets.catalog import Table, silver
from cis_assets.catalog.table import describe_key
from cis_assets.silver.rejection import rows_near_repeats


def rule_breakers(table: Table, rows: pl.LazyFrame) -> pl.LazyFrame:
    """Rows of a silver table that break a rule of the catalog or share their key: order_date, where, what."""
    judged = rows.with_columns(what=table.broken_rules()).filter(pl.col("what").is_not_null())
    twice = (
        rows_near_repeats(rows, table.key)
        .group_by(table.key)
        .agg(rows=pl.len())
        .filter(pl.col("rows") > 1)
        .with_columns(what=pl.format("{} rows have this key", "rows"))
    )
    return pl.concat([_offenders(table, offending) for offending in (judged, twice)])


def orphaned_lines(lines: pl.LazyFrame, orders: pl.LazyFrame, products: pl.LazyFrame) -> pl.LazyFrame:
    """Silver lines without their order or their product: order_date, where, what."""
    key = ["order_date", "order_id"]
    without_order = lines.join(orders.select(key), on=key, how="anti").with_columns(
        what=pl.lit("its order is not in silver/orders")
    )
    unknown = lines.join(products.select("product_id"), on="product_id", how="anti").with_columns(
        what=pl.lit("its product is not in silver/products")
    )
    return pl.concat([_offenders(silver.ORDER_ITEMS, rows) for rows in (without_order, unknown)])


def _offenders(table: Table, rows: pl.LazyFrame) -> pl.LazyFrame:
    named = [name for name in table.key if name != "order_date"]
    place = pl.format(f"{table.path} {{}}", describe_key(named))
    return rows.select("order_date", where=place, what=pl.col("what").cast(pl.String))

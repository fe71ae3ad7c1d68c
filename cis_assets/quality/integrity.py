"""What is stored in silver, looked at once more: rows that break the catalog's rules, and lines that refer to nothing.

Silver cannot hold such rows by its own making; this finds what another writer, or a fault of ours, put there.
"""

from __future__ import annotations

import polars as pl

from cis_assets.catalog import Table, silver


def rule_breakers(table: Table, rows: pl.LazyFrame) -> pl.LazyFrame:
    """Rows of a table of silver that break a rule of the catalog, or share their key: order_date, where, what."""
    judged = rows.with_columns(what=table.broken_rules()).filter(pl.col("what").is_not_null())
    # By order, since a count of order lines by their whole key would hold every one of them in memory.
    *group, last = table.key
    near = rows.group_by(group).agg(rows=pl.len(), keys=pl.col(last).n_unique()).filter(pl.col("keys") < pl.col("rows"))
    twice = (
        rows.join(near, on=group, how="semi")
        .group_by(table.key)
        .agg(rows=pl.len())
        .filter(pl.col("rows") > 1)
        .with_columns(what=pl.format("{} rows have this key", "rows"))
    )
    return pl.concat([_offences(table, offending) for offending in (judged, twice)])


def lost_lines(lines: pl.LazyFrame, orders: pl.LazyFrame, products: pl.LazyFrame) -> pl.LazyFrame:
    """Lines of silver without their order or their product: order_date, where, what."""
    key = ["order_date", "order_id"]
    without_order = lines.join(orders.select(key), on=key, how="anti").with_columns(
        what=pl.lit("its order is not in silver/orders")
    )
    unknown = lines.join(products.select("product_id"), on="product_id", how="anti").with_columns(
        what=pl.lit("its product is not in silver/products")
    )
    return pl.concat([_offences(silver.ORDER_ITEMS, rows) for rows in (without_order, unknown)])


def _offences(table: Table, rows: pl.LazyFrame) -> pl.LazyFrame:
    named = [name for name in table.key if name != "order_date"]
    place = pl.concat_str(
        [pl.format(f"{name}={{}}", pl.col(name).cast(pl.String).fill_null("missing")) for name in named],
        separator=", ",
    )
    return rows.select(
        pl.col("order_date"), where=pl.format(f"{table.path} {{}}", place), what=pl.col("what").cast(pl.String)
    )

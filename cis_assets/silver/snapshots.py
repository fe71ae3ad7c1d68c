"""Silver products, customers and offers, and the snapshot rows that broke a rule.

The rows of the snapshot in force are judged as orders are: duplicate rows count once, and all rows that share a key and
contradict each other are rejected. Products and customers without a valid row in that snapshot keep their last valid row
of an earlier one. Aisles and departments have no silver table: the name that landed last counts, and a product without
one is rejected.
"""

from collections.abc import Sequence

import polars as pl

from cis_assets.catalog import bronze, silver
from cis_assets.catalog.table import Table, join_reasons
from cis_assets.silver.rejection import CONFLICTING_ROWS, mark_duplicates, reason_if, rejected_rows, row_as_json
from cis_assets.silver.snapshot_state import is_in_force
from cis_assets.silver.texts import naming_fault, tidied
from cis_assets.time_zones import zones_by_name

_ORIGIN = ("source_file", "source_line", "first_seen", "last_seen", "delisted_at")


def silver_products(products: pl.LazyFrame, aisles: pl.LazyFrame, departments: pl.LazyFrame) -> pl.LazyFrame:
    """Products with the names of their aisle and department: the columns of silver/products. Inputs are bronze."""
    return _last_valid(silver.PRODUCTS, judge_products(products, aisles, departments))


def silver_customers(customers: pl.LazyFrame, time_zone: str) -> pl.LazyFrame:
    """Customers: the columns of silver/customers; customers without a time zone get `time_zone`."""
    return _last_valid(silver.CUSTOMERS, judge_customers(customers, time_zone))


def silver_offers(offers: pl.LazyFrame, products: pl.LazyFrame) -> pl.LazyFrame:
    """Offers on known products: the columns of silver/offers. `products` is silver/products."""
    return silver.OFFERS.conform(judge_offers(offers, products).filter(is_in_force(), is_valid()))


def silver_rejected_snapshot_rows(
    products: pl.LazyFrame,
    aisles: pl.LazyFrame,
    departments: pl.LazyFrame,
    customers: pl.LazyFrame,
    offers: pl.LazyFrame,
    time_zone: str,
) -> pl.LazyFrame:
    """Rows of the snapshots in force that broke a rule: the columns of silver/rejected_snapshot_rows. Inputs are bronze."""
    known = silver_products(products, aisles, departments)
    judged = (
        (bronze.PRODUCTS, judge_products(products, aisles, departments)),
        (bronze.CUSTOMERS, judge_customers(customers, time_zone)),
        (bronze.OFFERS, judge_offers(offers, known)),
    )
    return silver.REJECTED_SNAPSHOT_ROWS.conform(
        pl.concat(
            [
                rejected_rows(
                    rows.filter(is_in_force(), ~pl.col("is_duplicate")),
                    table.name,
                    [next(iter(table.dtypes))],
                    pl.col("row_json"),
                )
                for table, rows in judged
            ]
        )
    )


def judge_products(products: pl.LazyFrame, aisles: pl.LazyFrame, departments: pl.LazyFrame) -> pl.LazyFrame:
    """Judge bronze products: adds `is_duplicate`, `reason` (null: none) and `row_json` to each row."""
    return _judged(
        silver.PRODUCTS,
        _marked(bronze.PRODUCTS, products)
        .with_columns(tidied("product_name"))
        .join(_names(aisles, "aisle_id", "aisle"), on="aisle_id", how="left")
        .join(_names(departments, "department_id", "department"), on="department_id", how="left")
        .with_columns(naming_fault=naming_fault("product_name", "department")),
    )


def judge_customers(customers: pl.LazyFrame, time_zone: str) -> pl.LazyFrame:
    """Judge bronze customers, as `judge_products` does; customers without a time zone get `time_zone`."""
    marked = _marked(bronze.CUSTOMERS, customers).with_columns(tidied("time_zone").fill_null(time_zone))
    zone = pl.col("time_zone").str.to_lowercase().replace_strict(zones_by_name(), default=None, return_dtype=pl.String)
    return _judged(
        silver.CUSTOMERS,
        marked.with_columns(pl.coalesce(zone, "time_zone").alias("time_zone"), is_zone=zone.is_not_null()),
        reason_if(~pl.col("is_zone"), "time_zone is not an IANA time zone, nor the Windows name of one"),
    )


def judge_offers(offers: pl.LazyFrame, products: pl.LazyFrame) -> pl.LazyFrame:
    """Judge bronze offers, as `judge_products` does. `products` is silver/products."""
    known = products.select("product_id", is_known=pl.lit(True))
    return _judged(
        silver.OFFERS,
        _marked(bronze.OFFERS, offers).join(known, on="product_id", how="left"),
        reason_if(pl.col("ends_on") < pl.col("starts_on"), "ends_on is before starts_on"),
        reason_if(
            pl.col("product_id").is_not_null() & pl.col("is_known").is_null(), "product_id is not a known product"
        ),
    )


def is_valid() -> pl.Expr:
    """Whether a judged row is valid."""
    return ~pl.col("is_duplicate") & pl.col("reason").is_null()


def content_columns(columns: Sequence[str]) -> list[str]:
    """The columns of a bronze snapshot table whose values make two rows with the same key equal."""
    return [name for name in columns[1:] if name not in _ORIGIN]


def _last_valid(table: Table, judged: pl.LazyFrame) -> pl.LazyFrame:
    """The last valid row of each entity, with the arrival of its first one, in order of the key."""
    (key,) = table.key
    return table.conform(
        judged.filter(is_valid())
        .sort(is_in_force(), *_PLACE)
        .group_by(key)
        .agg(pl.all().exclude("first_seen").last(), pl.col("first_seen").min())
        .sort(key)
    )


# Rows of earlier snapshots come first, and rows from before arrivals were recorded before them.
_PLACE = ("last_seen", "source_file", "source_line")


def _marked(table: Table, rows: pl.LazyFrame) -> pl.LazyFrame:
    """Bronze rows with `is_duplicate`, `in_conflict`, and `row_json`: the row before any change.

    Rows of earlier snapshots are neither, because bronze keeps none that contradict each other.
    """
    key, content = next(iter(table.dtypes)), content_columns(list(table.dtypes))
    former = rows.filter(~is_in_force()).with_columns(in_conflict=False, is_duplicate=False)
    marked = mark_duplicates(rows.filter(is_in_force()), [key], content).select(*former.collect_schema().names())
    landed = [name for name in table.dtypes if name not in _ORIGIN[2:]]
    return pl.concat([former, marked]).with_columns(row_json=row_as_json(landed))


def _names(rows: pl.LazyFrame, key: str, name: str) -> pl.LazyFrame:
    """One tidy name per key: the one that landed last."""
    named = rows.with_columns(tidied(name)).drop_nulls([key, name])
    return named.group_by(key).agg(pl.col(name).sort_by(is_in_force(), *_PLACE).last())


def _judged(table: Table, rows: pl.LazyFrame, *more_reasons: pl.Expr) -> pl.LazyFrame:
    """Marked rows with `reason`: the rules of `table` they break, conflicts, and `more_reasons` (null: none)."""
    return rows.with_columns(
        reason=join_reasons(table.broken_rules(), reason_if(pl.col("in_conflict"), CONFLICTING_ROWS), *more_reasons)
    )

"""Silver products, customers and offers, and the snapshot rows that broke a rule.

As with orders, duplicate rows count once, and all rows that share a key and contradict each other are rejected. Aisles and
departments have no silver table: the name that landed last counts, and a product without one is rejected.
"""

from zoneinfo import available_timezones

import polars as pl

from cis_assets.catalog import bronze, silver
from cis_assets.catalog.table import Table, join_reasons
from cis_assets.silver.naming import find_naming_faults
from cis_assets.silver.rejection import CONFLICTING_ROWS, mark_duplicates, reason_if, rejected_rows, row_as_json
from cis_assets.text import holds_invisible, tidy


def silver_products(products: pl.LazyFrame, aisles: pl.LazyFrame, departments: pl.LazyFrame) -> pl.LazyFrame:
    """Products with the names of their aisle and department: the columns of silver/products. Inputs are bronze."""
    return _valid(silver.PRODUCTS, _judged_products(products, aisles, departments))


def silver_customers(customers: pl.LazyFrame, time_zone: str) -> pl.LazyFrame:
    """Customers: the columns of silver/customers; customers without a time zone get `time_zone`."""
    return _valid(silver.CUSTOMERS, _judged_customers(customers, time_zone))


def silver_offers(offers: pl.LazyFrame, products: pl.LazyFrame) -> pl.LazyFrame:
    """Offers on known products: the columns of silver/offers. `products` is silver/products."""
    return _valid(silver.OFFERS, _judged_offers(offers, products))


def silver_rejected_snapshot_rows(
    products: pl.LazyFrame,
    aisles: pl.LazyFrame,
    departments: pl.LazyFrame,
    customers: pl.LazyFrame,
    offers: pl.LazyFrame,
    time_zone: str,
) -> pl.LazyFrame:
    """Snapshot rows that broke a rule: the columns of silver/rejected_snapshot_rows. Inputs are bronze."""
    known = silver_products(products, aisles, departments)
    judged = (
        (bronze.PRODUCTS, "product_id", _judged_products(products, aisles, departments)),
        (bronze.CUSTOMERS, "customer_id", _judged_customers(customers, time_zone)),
        (bronze.OFFERS, "offer_id", _judged_offers(offers, known)),
    )
    return silver.REJECTED_SNAPSHOT_ROWS.conform(
        pl.concat(
            [
                rejected_rows(rows.filter(~pl.col("is_duplicate")), table.name, [key], pl.col("row_json"))
                for table, key, rows in judged
            ]
        )
    )


def count_invisible(rows: pl.LazyFrame, *columns: str) -> int:
    """Count the texts in columns of bronze rows that hold invisible characters, which silver removes."""
    texts = pl.concat([rows.select(pl.col(column).alias("text")) for column in columns]).drop_nulls()
    counted = texts.group_by("text").len().collect(engine="streaming")
    return sum(rows for text, rows in counted.iter_rows() if holds_invisible(text))


def _valid(table: Table, judged: pl.LazyFrame) -> pl.LazyFrame:
    """Judged rows that broke no rule, each once, with the table's columns."""
    return table.conform(judged.filter(~pl.col("is_duplicate"), pl.col("reason").is_null()))


def _marked(table: Table, rows: pl.LazyFrame, key: str) -> pl.LazyFrame:
    """Bronze rows with `is_duplicate`, `in_conflict`, and `row_json`: the row before any change."""
    content = [name for name in table.dtypes if name not in (key, "source_file", "source_line")]
    return mark_duplicates(rows, [key], content).with_columns(row_json=row_as_json(list(table.dtypes)))


def _naming_fault(column: str) -> pl.Expr:
    return pl.col(column).map_batches(find_naming_faults, return_dtype=pl.String(), is_elementwise=True)


def _names(rows: pl.LazyFrame, key: str, name: str) -> pl.LazyFrame:
    """One tidy name per key: the one that landed last."""
    last = rows.group_by(key).agg(pl.col(name).sort_by("source_file", "source_line").last())
    return last.with_columns(_tidy(name))


def _judged(table: Table, rows: pl.LazyFrame, *more_reasons: pl.Expr) -> pl.LazyFrame:
    """Marked rows with `reason`: the rules of `table` they break, conflicts, and `more_reasons` (null: none)."""
    return rows.with_columns(
        reason=join_reasons(table.broken_rules(), reason_if(pl.col("in_conflict"), CONFLICTING_ROWS), *more_reasons)
    )


def _judged_products(products: pl.LazyFrame, aisles: pl.LazyFrame, departments: pl.LazyFrame) -> pl.LazyFrame:
    marked = _marked(bronze.PRODUCTS, products, "product_id")
    return _judged(
        silver.PRODUCTS,
        marked.with_columns(_tidy("product_name"))
        .join(_names(aisles, "aisle_id", "aisle"), on="aisle_id", how="left")
        .join(_names(departments, "department_id", "department"), on="department_id", how="left")
        .with_columns(naming_fault=pl.coalesce(_naming_fault("product_name"), _naming_fault("department"))),
    )


def _judged_customers(customers: pl.LazyFrame, time_zone: str) -> pl.LazyFrame:
    marked = _marked(bronze.CUSTOMERS, customers, "customer_id")
    return _judged(
        silver.CUSTOMERS,
        marked.with_columns(_tidy("time_zone").fill_null(time_zone)),
        reason_if(~pl.col("time_zone").is_in(sorted(available_timezones())), "time_zone is not an IANA time zone"),
    )


def _judged_offers(offers: pl.LazyFrame, products: pl.LazyFrame) -> pl.LazyFrame:
    marked = _marked(bronze.OFFERS, offers, "offer_id")
    known = products.select("product_id", is_known=pl.lit(True))
    return _judged(
        silver.OFFERS,
        marked.join(known, on="product_id", how="left"),
        reason_if(pl.col("ends_on") < pl.col("starts_on"), "ends_on is before starts_on"),
        reason_if(
            pl.col("product_id").is_not_null() & pl.col("is_known").is_null(), "product_id is not a known product"
        ),
    )


def _tidy(column: str) -> pl.Expr:
    """Text with single spaces and without invisible characters; text without a visible character becomes null."""
    return pl.col(column).map_batches(_tidy_texts, return_dtype=pl.String(), is_elementwise=True)


def _tidy_texts(texts: pl.Series) -> pl.Series:
    distinct = texts.drop_nulls().unique()
    tidied = pl.Series([tidy(text) or None for text in distinct], dtype=pl.String)
    changed = distinct.ne_missing(tidied)
    return texts.replace(distinct.filter(changed), tidied.filter(changed))

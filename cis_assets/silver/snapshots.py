"""Silver products, customers, offers and their audience, and the snapshot rows that broke a rule.

As with orders, duplicate rows count once, and all rows that share a key and contradict each other are rejected. Aisles and
departments have no silver table: the name that landed last counts, and a product without one is rejected.
"""

from collections.abc import Sequence
from zoneinfo import available_timezones

import polars as pl

from cis_assets.catalog import bronze, silver
from cis_assets.catalog.table import Table, join_reasons
from cis_assets.silver.offers import offer_reasons, with_audience, with_defaults
from cis_assets.silver.rejection import CONFLICTING_ROWS, mark_duplicates, reason_if, rejected_rows, row_as_json


def silver_products(products: pl.LazyFrame, aisles: pl.LazyFrame, departments: pl.LazyFrame) -> pl.LazyFrame:
    """Products with the names of their aisle and department: the columns of silver/products. Inputs are bronze."""
    return _valid(silver.PRODUCTS, _judged_products(products, aisles, departments))


def silver_customers(customers: pl.LazyFrame, time_zone: str) -> pl.LazyFrame:
    """Customers: the columns of silver/customers; customers without a time zone get `time_zone`."""
    return _valid(silver.CUSTOMERS, _judged_customers(customers, time_zone))


def silver_offers(
    offers: pl.LazyFrame, products: pl.LazyFrame, audience: pl.LazyFrame, rejected: pl.LazyFrame
) -> pl.LazyFrame:
    """Offers on known products, known departments or orders: the columns of silver/offers.

    `products` is silver/products. `audience` and `rejected` are bronze rows, which tell the offers with an audience.
    """
    return _valid(silver.OFFERS, with_audience(_judged_offers(offers, products), audience, rejected))


def silver_offer_audience(audience: pl.LazyFrame, offers: pl.LazyFrame) -> pl.LazyFrame:
    """Customers of the audience of valid offers: the columns of silver/offer_audience. `offers` is silver/offers."""
    return _valid(silver.OFFER_AUDIENCE, _judged_audience(audience, offers))


def silver_rejected_snapshot_rows(
    products: pl.LazyFrame,
    aisles: pl.LazyFrame,
    departments: pl.LazyFrame,
    customers: pl.LazyFrame,
    offers: pl.LazyFrame,
    audience: pl.LazyFrame,
    time_zone: str,
) -> pl.LazyFrame:
    """Snapshot rows that broke a rule: the columns of silver/rejected_snapshot_rows. Inputs are bronze."""
    known = silver_products(products, aisles, departments)
    judged_offers = _judged_offers(offers, known)
    valid_offers = judged_offers.filter(~pl.col("is_duplicate"), pl.col("reason").is_null())
    judged = (
        (bronze.PRODUCTS, silver.PRODUCTS, _judged_products(products, aisles, departments)),
        (bronze.CUSTOMERS, silver.CUSTOMERS, _judged_customers(customers, time_zone)),
        (bronze.OFFERS, silver.OFFERS, judged_offers),
        (bronze.OFFER_AUDIENCE, silver.OFFER_AUDIENCE, _judged_audience(audience, valid_offers)),
    )
    return silver.REJECTED_SNAPSHOT_ROWS.conform(
        pl.concat(
            [
                rejected_rows(rows.filter(~pl.col("is_duplicate")), table.name, of.key, pl.col("row_json"))
                for table, of, rows in judged
            ]
        )
    )


def _valid(table: Table, judged: pl.LazyFrame) -> pl.LazyFrame:
    """Judged rows that broke no rule, each once, with the table's columns."""
    return table.conform(judged.filter(~pl.col("is_duplicate"), pl.col("reason").is_null()))


def _marked(table: Table, rows: pl.LazyFrame, *key: str) -> pl.LazyFrame:
    """Bronze rows with `is_duplicate`, `in_conflict`, and `row_json`: the row before any change."""
    content = [name for name in table.dtypes if name not in (*key, "source_file", "source_line")]
    # Rows that are all key cannot contradict each other.
    return mark_duplicates(rows, key, content or key).with_columns(row_json=row_as_json(list(table.dtypes)))


def _names(rows: pl.LazyFrame, key: str, name: str) -> pl.LazyFrame:
    """One tidy name per key: the one that landed last."""
    last = rows.group_by(key).agg(pl.col(name).sort_by("source_file", "source_line").last())
    return last.with_columns(_tidy(name))


def _judged(table: Table, rows: pl.LazyFrame, *more_reasons: pl.Expr, added: Sequence[str] = ()) -> pl.LazyFrame:
    """Marked rows with `reason`: the rules of `table` they break, conflicts, and `more_reasons` (null: none).

    Columns that are `added` after the judgement have no rules.
    """
    judged = [name for name in table.columns if name not in added]
    return rows.with_columns(
        reason=join_reasons(
            table.broken_rules(judged), reason_if(pl.col("in_conflict"), CONFLICTING_ROWS), *more_reasons
        )
    )


def _judged_products(products: pl.LazyFrame, aisles: pl.LazyFrame, departments: pl.LazyFrame) -> pl.LazyFrame:
    marked = _marked(bronze.PRODUCTS, products, "product_id")
    return _judged(
        silver.PRODUCTS,
        marked.with_columns(_tidy("product_name"), _tidy("display_name"))
        .join(_names(aisles, "aisle_id", "aisle"), on="aisle_id", how="left")
        .join(_names(departments, "department_id", "department"), on="department_id", how="left"),
    )


def _judged_customers(customers: pl.LazyFrame, time_zone: str) -> pl.LazyFrame:
    marked = _marked(bronze.CUSTOMERS, customers, "customer_id")
    return _judged(
        silver.CUSTOMERS,
        marked.with_columns(_tidy("time_zone").fill_null(time_zone), _tidy("locale"), _tidy("customer_key")),
        reason_if(~pl.col("time_zone").is_in(sorted(available_timezones())), "time_zone is not an IANA time zone"),
    )


def _judged_offers(offers: pl.LazyFrame, products: pl.LazyFrame) -> pl.LazyFrame:
    marked = _marked(bronze.OFFERS, offers, "offer_id")
    known = {
        key: products.select(pl.col(key).unique()).with_columns(
            pl.lit(True).alias(f"is_known_{key.removesuffix('_id')}")
        )
        for key in ("product_id", "department_id")
    }
    rows = with_defaults(marked)
    for key, of_key in known.items():
        rows = rows.join(of_key, on=key, how="left")
    return _judged(silver.OFFERS, rows, *offer_reasons(), added=["has_audience"])


def _judged_audience(audience: pl.LazyFrame, offers: pl.LazyFrame) -> pl.LazyFrame:
    marked = _marked(bronze.OFFER_AUDIENCE, audience, "offer_id", "customer_id")
    known = offers.select("offer_id", is_known=pl.lit(True))
    return _judged(
        silver.OFFER_AUDIENCE,
        marked.join(known, on="offer_id", how="left"),
        reason_if(pl.col("offer_id").is_not_null() & pl.col("is_known").is_null(), "offer_id is not a known offer"),
    )


def _tidy(column: str) -> pl.Expr:
    """Trim text and reduce white space to single spaces; empty text becomes null."""
    text = pl.col(column).str.strip_chars().str.replace_all(r"\s+", " ")
    return pl.when(text != "").then(text).alias(column)

"""Silver products, customers, offers and their audience, and the snapshot rows that broke a rule.

The rows of the snapshot in force are judged as orders are: duplicate rows count once, and all rows that share a key and
contradict each other are rejected. Products and customers without a valid row in that snapshot keep their last valid row
of an earlier one. Aisles and departments have no silver table: of several names the one that landed last counts, and a
product without one is rejected.
"""

from collections.abc import Sequence

import polars as pl

from cis_assets.catalog import bronze, silver
from cis_assets.catalog.table import Table, join_reasons
from cis_assets.silver.offers import offer_reasons, with_audience, with_defaults
from cis_assets.silver.rejection import CONFLICTING_ROWS, mark_duplicates, reason_if, rejected_rows, row_as_json
from cis_assets.silver.snapshot_state import is_in_force
from cis_assets.silver.texts import naming_fault, tidied
from cis_assets.time_zones import zones_by_name

_SEEN = ("first_seen", "last_seen", "delisted_at")
_ORIGIN = ("source_file", "source_line", *_SEEN)
# Rows of earlier snapshots come first, and rows from before arrivals were recorded before them.
_PLACE = ("last_seen", "source_file", "source_line")
_REPLACED_NAME = "another name of this id landed later"


def silver_products(products: pl.LazyFrame, aisles: pl.LazyFrame, departments: pl.LazyFrame) -> pl.LazyFrame:
    """Products with the names of their aisle and department: the columns of silver/products. Inputs are bronze."""
    return _last_valid(silver.PRODUCTS, judge_products(products, aisles, departments))


def silver_customers(customers: pl.LazyFrame, time_zone: str) -> pl.LazyFrame:
    """Customers: the columns of silver/customers; customers without a time zone get `time_zone`."""
    return _last_valid(silver.CUSTOMERS, judge_customers(customers, time_zone))


def silver_offers(
    offers: pl.LazyFrame,
    products: pl.LazyFrame,
    audience: pl.LazyFrame,
    rejected: pl.LazyFrame,
    *,
    audience_is_known: bool = True,
) -> pl.LazyFrame:
    """Offers on known products, known departments or orders: the columns of silver/offers.

    `products` is silver/products. `audience` and `rejected` are bronze rows, which tell the offers with an audience.
    """
    judged = with_audience(judge_offers(offers, products), audience, rejected, is_known=audience_is_known)
    return silver.OFFERS.conform(judged.filter(is_valid()))


def silver_offer_audience(audience: pl.LazyFrame, offers: pl.LazyFrame) -> pl.LazyFrame:
    """Customers of the audience of valid offers: the columns of silver/offer_audience. `offers` is silver/offers."""
    valid = judge_audience(audience, offers).filter(is_valid(), ~names_nobody())
    return silver.OFFER_AUDIENCE.conform(valid)


def silver_rejected_snapshot_rows(
    products: pl.LazyFrame,
    aisles: pl.LazyFrame,
    departments: pl.LazyFrame,
    customers: pl.LazyFrame,
    offers: pl.LazyFrame,
    audience: pl.LazyFrame,
    time_zone: str,
) -> pl.LazyFrame:
    """Rows of the snapshots in force that broke a rule: the columns of silver/rejected_snapshot_rows. Inputs are bronze."""
    judged_offers = judge_offers(offers, silver_products(products, aisles, departments))
    judged = (
        (bronze.AISLES, ["aisle_id"], judge_names(bronze.AISLES, aisles)),
        (bronze.DEPARTMENTS, ["department_id"], judge_names(bronze.DEPARTMENTS, departments)),
        (bronze.PRODUCTS, silver.PRODUCTS.key, judge_products(products, aisles, departments)),
        (bronze.CUSTOMERS, silver.CUSTOMERS.key, judge_customers(customers, time_zone)),
        (bronze.OFFERS, silver.OFFERS.key, judged_offers),
        (
            *(bronze.OFFER_AUDIENCE, silver.OFFER_AUDIENCE.key),
            judge_audience(audience, judged_offers.filter(is_valid())),
        ),
    )
    return silver.REJECTED_SNAPSHOT_ROWS.conform(
        pl.concat(
            [
                rejected_rows(rows.filter(is_in_force(), ~pl.col("is_duplicate")), table.name, key, pl.col("row_json"))
                for table, key, rows in judged
            ]
        )
    )


def judge_names(table: Table, rows: pl.LazyFrame) -> pl.LazyFrame:
    """Judge bronze aisles or departments, as `judge_products` does. The name of an id that landed last is valid."""
    key, name = list(table.dtypes)[:2]
    marked = _marked(table, rows, key).with_columns(tidied(name)).sort(*_PLACE).with_row_index("position")
    has_name = pl.col(name).is_not_null()
    last = pl.col("position").filter(has_name, is_in_force()).max().over(key)
    return marked.with_columns(
        reason=join_reasons(
            reason_if(pl.col(key).is_null(), f"{key} is missing"),
            reason_if(~has_name, f"{name} is missing"),
            reason_if(has_name & pl.col("in_conflict") & (pl.col("position") < last), _REPLACED_NAME),
        )
    )


def judge_products(products: pl.LazyFrame, aisles: pl.LazyFrame, departments: pl.LazyFrame) -> pl.LazyFrame:
    """Judge bronze products: adds `is_duplicate`, `reason` (null: none) and `row_json` to each row."""
    return _judged(
        silver.PRODUCTS,
        _marked(bronze.PRODUCTS, products, "product_id")
        .with_columns(tidied("product_name"), tidied("display_name"))
        .join(_names(aisles, "aisle_id", "aisle"), on="aisle_id", how="left")
        .join(_names(departments, "department_id", "department"), on="department_id", how="left")
        .with_columns(naming_fault=naming_fault(pl.coalesce("display_name", "product_name"), pl.col("department"))),
    )


def judge_customers(customers: pl.LazyFrame, time_zone: str) -> pl.LazyFrame:
    """Judge bronze customers, as `judge_products` does; customers without a time zone get `time_zone`."""
    marked = _marked(bronze.CUSTOMERS, customers, "customer_id")
    zone = pl.col("time_zone").str.to_lowercase().replace_strict(zones_by_name(), default=None, return_dtype=pl.String)
    return _judged(
        silver.CUSTOMERS,
        marked.with_columns(
            tidied("time_zone").fill_null(time_zone), tidied("locale"), tidied("customer_key")
        ).with_columns(pl.coalesce(zone, "time_zone").alias("time_zone"), is_zone=zone.is_not_null()),
        reason_if(~pl.col("is_zone"), "time_zone is not an IANA time zone, nor the Windows name of one"),
    )


def judge_offers(offers: pl.LazyFrame, products: pl.LazyFrame) -> pl.LazyFrame:
    """Judge bronze offers, as `judge_products` does. `products` is silver/products."""
    rows = with_defaults(_marked(bronze.OFFERS, offers, "offer_id"))
    for key in ("product_id", "department_id"):
        is_known = pl.lit(True).alias(f"is_known_{key.removesuffix('_id')}")
        rows = rows.join(products.select(pl.col(key).unique()).with_columns(is_known), on=key, how="left")
    return _judged(silver.OFFERS, rows, *offer_reasons(), added=["has_audience"])


def judge_audience(audience: pl.LazyFrame, offers: pl.LazyFrame) -> pl.LazyFrame:
    """Judge bronze rows of an audience, as `judge_products` does. `offers` are valid offers.

    A row without a customer is valid: it says that the offer is not for everybody. Erasure leaves such rows.
    """
    known = offers.select("offer_id", is_known=pl.lit(True))
    judged = _judged(
        silver.OFFER_AUDIENCE,
        _marked(bronze.OFFER_AUDIENCE, audience, "offer_id", "customer_id").join(known, on="offer_id", how="left"),
        reason_if(pl.col("offer_id").is_not_null() & pl.col("is_known").is_null(), "offer_id is not a known offer"),
    )
    return judged.with_columns(reason=pl.when(~names_nobody()).then("reason"))


def names_nobody() -> pl.Expr:
    """Whether a row of an audience has no customer."""
    return pl.col("customer_id").is_null()


def is_valid() -> pl.Expr:
    """Whether a judged row is valid."""
    return ~pl.col("is_duplicate") & pl.col("reason").is_null()


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


def _marked(table: Table, rows: pl.LazyFrame, *key: str) -> pl.LazyFrame:
    """Bronze rows with `is_duplicate`, `in_conflict`, and `row_json`: the row before any change.

    Rows of earlier snapshots are neither, because bronze keeps none that contradict each other.
    """
    content = [name for name in table.dtypes if name not in (*key, *_ORIGIN)]
    former = rows.filter(~is_in_force()).with_columns(in_conflict=False, is_duplicate=False)
    # Rows that are all key cannot contradict each other.
    marked = mark_duplicates(rows.filter(is_in_force()), key, content or key)
    marked = marked.select(*table.dtypes, "in_conflict", "is_duplicate")
    landed = [name for name in table.dtypes if name not in _SEEN]
    return pl.concat([former, marked]).with_columns(row_json=row_as_json(landed))


def _names(rows: pl.LazyFrame, key: str, name: str) -> pl.LazyFrame:
    """One tidy name per key: the one that landed last."""
    named = rows.with_columns(tidied(name)).drop_nulls([key, name])
    return named.group_by(key).agg(pl.col(name).sort_by(is_in_force(), *_PLACE).last())


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

"""One customer: features, segment, lifecycle stage, last orders and messages."""

from datetime import date
from typing import Any

import narwhals as nw
import polars as pl

from cis_assets.catalog import Table, gold, silver
from cis_assets.errors import OperatorError
from cis_assets.lake.lake import Lake
from cis_assets.predictions.basket_reasons import BOUGHT_WITH, reason_in_words
from cis_assets.quality.reorders import mark_reorders
from cis_assets.views.snapshots import require_snapshot

_ORDERS_LISTED = 5
_ORDER = ["order_date", "order_of_day", "order_hour"]


class UnknownCustomerError(OperatorError):
    """The snapshot has no customer of this number."""


def describe_customer(lake: Lake, customer_id: int, as_of: date | None = None) -> dict[str, Any]:
    """Describe a customer as of a snapshot (default: the newest). Raises UnknownCustomerError, SnapshotAbsentError.

    The keys are `features`, `segment`, `lifecycle` and `next_order` (one row each, empty if there is none),
    `recommendations`, `orders` and `notifications` (lists of rows). A product name of an order ends with * if the customer had bought the product before.
    """
    require_snapshot(lake, as_of)
    is_customer = pl.col("customer_id") == customer_id
    features = lake.snapshot(gold.CUSTOMER_FEATURES, as_of).filter(is_customer).collect().to_dicts()
    if not features:
        raise UnknownCustomerError(
            f"Customer {customer_id} has no order in the window of this snapshot of gold/customer_features."
        )
    segment = lake.snapshot(gold.CUSTOMER_SEGMENTS, as_of).filter(is_customer).drop("as_of_date", "customer_id")
    shown = pl.coalesce("display_name", "product_name").alias("product_name")
    names = lake.scan(silver.PRODUCTS, columns=["product_id", "product_name", "display_name"]).select(
        "product_id", shown
    )
    as_of_date = features[0]["as_of_date"]
    favourite = names.filter(pl.col("product_id") == features[0]["favourite_product_id"]).collect()["product_name"]
    return {
        "features": features[0] | {"favourite_product": next(iter(favourite), None)},
        "segment": next(iter(segment.collect().to_dicts()), {}),
        "lifecycle": next(iter(_rows(lake, gold.CUSTOMER_LIFECYCLE, is_customer, as_of_date)), {}),
        "next_order": next(iter(_rows(lake, gold.NEXT_ORDER, is_customer, as_of_date)), {}),
        "recommendations": _list_recommendations(lake, is_customer, as_of_date, names),
        "orders": _list_orders(lake.scan(silver.ORDER_ITEMS).filter(is_customer), names).to_dicts(),
        "notifications": lake.snapshot(gold.NOTIFICATIONS, as_of).filter(is_customer).collect().to_dicts(),
    }


def _rows(lake: Lake, table: Table, is_customer: pl.Expr, as_of: date) -> list[dict[str, Any]]:
    """The customer's rows of a snapshot; none in a lake from before the table."""
    if not lake.exists(table):
        return []
    return lake.snapshot(table, as_of).filter(is_customer).drop("as_of_date", "customer_id").collect().to_dicts()


def _list_recommendations(lake: Lake, is_customer: pl.Expr, as_of: date, names: pl.LazyFrame) -> list[dict[str, Any]]:
    """List the recommendations by rank, each with its `product_name` and its reason in words."""
    rows = sorted(_rows(lake, gold.PRODUCT_RECOMMENDATIONS, is_customer, as_of), key=lambda row: row["rank"])
    beside = {row["reason_numbers"][0] for row in rows if row["reason_code"] == BOUGHT_WITH}
    ids = {row["product_id"] for row in rows} | beside
    known = dict(names.filter(pl.col("product_id").is_in(list(ids))).collect().iter_rows())
    return [
        {
            **row,
            "product_name": known.get(row["product_id"], f"product {row['product_id']}"),
            "reason": reason_in_words(row["reason_code"], row["reason_numbers"], known),
        }
        for row in rows
    ]


def _list_orders(items: pl.LazyFrame, names: pl.LazyFrame) -> pl.DataFrame:
    """List the last orders of a customer's items, newest first, each with its product names."""
    name = pl.col("product_name") + pl.when("is_reorder").then(pl.lit("*")).otherwise(pl.lit(""))
    return (
        mark_reorders(nw.from_native(items))
        .to_native()
        .join(names, on="product_id", how="left")
        # Products can leave silver/products.
        .with_columns(pl.col("product_name").fill_null(pl.format("product {}", "product_id")))
        .sort("add_to_cart_order")
        .group_by(_ORDER, maintain_order=True)
        .agg(name.alias("products"))
        .sort(_ORDER, descending=True)
        .head(_ORDERS_LISTED)
        .collect()
    )

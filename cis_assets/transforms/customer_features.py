"""How customers ordered in a trailing window: gold/customer_features, engine-neutral.

Two aggregations read the window: one over orders, one over order lines by customer and product. The reorder
share follows from the second without looking at lines again: of all (order, product) pairs of a customer,
those that are not the first of their product are reorders.
"""

from __future__ import annotations

from datetime import date

import narwhals as nw

from cis_assets.catalog import gold
from cis_assets.partitions import day_number, trailing_window
from cis_assets.transforms.windows import conform, first_by, snapshot_window

_SATURDAY = 6


def customer_features(orders: nw.LazyFrame, order_items: nw.LazyFrame, as_of: date, history_days: int) -> nw.LazyFrame:
    """Features of every customer with an order in the `history_days` days that end with `as_of`.

    `orders` and `order_items` are rows of silver/orders and silver/order_items, at least those of the window; others
    are not looked at. Returns the columns of gold/customer_features.
    """
    window = trailing_window(as_of, history_days)
    orders = snapshot_window(orders, window)
    order_items = snapshot_window(order_items, window)
    today = day_number(as_of)
    products = _customer_products(order_items)
    return conform(
        gold.CUSTOMER_FEATURES,
        _order_figures(orders, today)
        .join(_gap_figures(orders), on="customer_id", how="left")
        .join(_product_figures(products), on="customer_id")
        .join(_favourite(orders, "order_weekday", "favourite_weekday"), on="customer_id")
        .join(_favourite(orders, "order_hour", "favourite_hour"), on="customer_id")
        .join(_favourite(order_items, "department_id", "favourite_department_id"), on="customer_id")
        .join(_favourite_product(products, today), on="customer_id")
        .with_columns(as_of_date=nw.lit(as_of)),
    )


def _order_figures(orders: nw.LazyFrame, today: int) -> nw.LazyFrame:
    flagged = orders.with_columns(
        is_weekend=nw.when(nw.col("order_weekday") >= _SATURDAY).then(nw.lit(1.0)).otherwise(nw.lit(0.0)),
        is_unpriced=nw.when(nw.col("spend").is_null()).then(nw.lit(1)).otherwise(nw.lit(0)),
    )
    totals = flagged.group_by("customer_id").agg(
        nw.col("day_number").max().alias("last_day"),
        nw.col("day_number").min().alias("first_day"),
        nw.len().alias("order_count"),
        nw.col("item_count").mean().alias("mean_basket_size"),
        nw.col("is_weekend").mean().alias("weekend_share"),
        nw.col("is_unpriced").sum().alias("unpriced"),
        nw.col("spend").sum().alias("sum_spend"),
        nw.col("spend").mean().alias("avg_spend"),
    )
    priced = nw.col("unpriced") == 0
    return totals.with_columns(
        recency_days=nw.lit(today) - nw.col("last_day"),
        tenure_days=nw.lit(today) - nw.col("first_day"),
        total_spend=nw.when(priced).then(nw.col("sum_spend")),
        mean_order_spend=nw.when(priced).then(nw.col("avg_spend")),
    )


def _gap_figures(orders: nw.LazyFrame) -> nw.LazyFrame:
    gaps = days_since_previous_order(orders).filter(~nw.col("gap_days").is_null())
    # The variance from sums, since not every engine knows the population standard deviation by the same name.
    squared = gaps.with_columns(
        gap=nw.col("gap_days").cast(nw.Float64), gap_squared=(nw.col("gap_days") * nw.col("gap_days")).cast(nw.Float64)
    )
    figures = squared.group_by("customer_id").agg(
        nw.col("gap").mean().alias("mean_gap_days"),
        nw.col("gap").median().alias("median_gap_days"),
        nw.col("gap_squared").mean().alias("mean_square"),
    )
    variance = nw.col("mean_square") - nw.col("mean_gap_days") * nw.col("mean_gap_days")
    return figures.with_columns(std_gap_days=nw.when(variance > 0).then(variance).otherwise(nw.lit(0.0)) ** 0.5)


def days_since_previous_order(orders: nw.LazyFrame) -> nw.LazyFrame:
    """Orders with `gap_days`, the days since the customer's order before (null for the first of the frame)."""
    previous = nw.col("day_number").shift(1).over("customer_id", order_by=["day_number", "order_of_day"])
    return orders.with_columns(gap_days=nw.col("day_number") - previous)


def _customer_products(order_items: nw.LazyFrame) -> nw.LazyFrame:
    """One row per customer and product: lines, orders that held it, and the day it was last bought."""
    # A product may stand twice in an order, so orders are counted apart from lines.
    per_order = order_items.group_by("customer_id", "product_id", "order_date", "order_id").agg(
        nw.col("department_id").min().alias("department_id"),
        nw.col("day_number").min().alias("day_number"),
    )
    return per_order.group_by("customer_id", "product_id").agg(
        nw.len().alias("orders"),
        nw.col("department_id").min().alias("department_id"),
        nw.col("day_number").max().alias("last_day"),
    )


def _product_figures(products: nw.LazyFrame) -> nw.LazyFrame:
    figures = products.group_by("customer_id").agg(
        nw.len().alias("distinct_product_count"),
        nw.col("orders").sum().alias("basket_products"),
        nw.col("department_id").n_unique().alias("department_count"),
    )
    first_times = nw.col("distinct_product_count").cast(nw.Float64)
    pairs = nw.col("basket_products").cast(nw.Float64)
    return figures.with_columns(reorder_share=nw.lit(1.0) - first_times * pairs**-1.0)


def _favourite_product(products: nw.LazyFrame, today: int) -> nw.LazyFrame:
    best = first_by(products, "customer_id", descending=["orders", "last_day"], ascending="product_id")
    return best.select(
        "customer_id",
        nw.col("product_id").alias("favourite_product_id"),
        nw.col("orders").alias("favourite_product_orders"),
        (nw.lit(today) - nw.col("last_day")).alias("favourite_product_recency_days"),
    )


def _favourite(rows: nw.LazyFrame, column: str, name: str) -> nw.LazyFrame:
    """The most frequent value of a column per customer; of equally frequent ones the smallest."""
    counted = rows.group_by("customer_id", column).agg(nw.len().alias("rows"))
    best = first_by(counted, "customer_id", descending=["rows"], ascending=column)
    return best.select("customer_id", nw.col(column).alias(name))

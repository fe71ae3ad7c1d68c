"""How customers ordered in a trailing window: gold/customer_features, engine-neutral.

Order lines are aggregated by customer and product and by customer and department; all else reads orders or those.
The reorder share follows without looking at lines again: of all (order, product) pairs of a customer, those that are
not the first of their product are reorders.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date

import narwhals as nw

from cis_assets.catalog import gold
from cis_assets.dates import day_number, trailing_window
from cis_assets.segmentation.order_windows import (
    conform,
    customer_bounds,
    customer_groups,
    first_by,
    gaps_between_orders,
    snapshot_window,
)
from cis_assets.segmentation.pair_keys import NOTHING_KNOWN, NumberRange, by_customer_and, number_ranges

_SATURDAY = 6
# Products are counted by customer, which takes about 100 bytes of memory for each line: several passes over some customers
# each need less of it. Each pass reads all lines, which takes a few percent of the time of a pass that is as large.
_LINES_AT_ONCE = 9_000_000
_PAIR = ["customer_id", "product_id"]
_ORDER = ["order_date", "order_id"]


def customer_features(
    orders: nw.LazyFrame,
    order_items: nw.LazyFrame,
    as_of: date,
    history_days: int,
    ranges: Mapping[str, NumberRange] = NOTHING_KNOWN,
) -> nw.LazyFrame:
    """Features of every customer with an order in the `history_days` days that end with `as_of`.

    `orders` and `order_items` are rows of silver/orders and silver/order_items, at least those of the window; others
    are not looked at. `ranges` of the lines' numbers make it faster (`packed_pairs.py`). Returns the columns of
    gold/customer_features.
    """
    window = trailing_window(as_of, history_days)
    orders = snapshot_window(orders, window)
    order_items = snapshot_window(order_items, window)
    today = day_number(as_of)
    products = _customer_products(orders, order_items, ranges)
    departments = _count_rows(order_items, "department_id", ranges)
    return conform(
        gold.CUSTOMER_FEATURES,
        _order_figures(orders, today)
        .join(_gap_figures(orders), on="customer_id", how="left")
        .join(_product_figures(products), on="customer_id")
        .join(departments.group_by("customer_id").agg(nw.len().alias("department_count")), on="customer_id")
        .join(_favourite(_count_rows(orders, "order_weekday"), "order_weekday", "favourite_weekday"), on="customer_id")
        .join(_favourite(_count_rows(orders, "order_hour"), "order_hour", "favourite_hour"), on="customer_id")
        .join(_favourite(departments, "department_id", "favourite_department_id"), on="customer_id")
        .join(_favourite_product(products, today), on="customer_id")
        .with_columns(as_of_date=nw.lit(as_of)),
    )


def customer_features_in_chunks(
    orders: nw.LazyFrame, order_items: nw.LazyFrame, as_of: date, history_days: int, lines: int
) -> list[nw.LazyFrame]:
    """The rows of `customer_features` in frames that are to be computed one after another, each of some of the customers.

    `lines` is the number of order lines in the window, by which it is told how many frames there are, so that each takes
    no more than a gigabyte or so. Not for engines that share out work and memory themselves.
    """
    bounds = customer_bounds(orders, math.ceil(lines / _LINES_AT_ONCE))
    ranges = number_ranges(order_items, ["product_id", "department_id"])
    groups = zip(customer_groups(orders, bounds), customer_groups(order_items, bounds), strict=True)
    return [customer_features(*rows, as_of, history_days, ranges) for rows in groups]


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
    )
    # Rounded, since the last digits of a sum depend on the order in which an engine adds.
    totals = totals.with_columns(total_spend=nw.when(nw.col("unpriced") == 0).then(nw.col("sum_spend").round(2)))
    return totals.with_columns(
        recency_days=nw.lit(today) - nw.col("last_day"),
        tenure_days=nw.lit(today) - nw.col("first_day"),
        mean_order_spend=nw.col("total_spend") * nw.col("order_count").cast(nw.Float64) ** -1.0,
    )


def _gap_figures(orders: nw.LazyFrame) -> nw.LazyFrame:
    gaps = gaps_between_orders(orders)
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


def _customer_products(
    orders: nw.LazyFrame, order_items: nw.LazyFrame, ranges: Mapping[str, NumberRange]
) -> nw.LazyFrame:
    """One row per customer and product: the orders that held it (`orders`) and the day it was last bought (`last_day`)."""
    figures = nw.len().alias("lines"), nw.col("day_number").max().alias("last_day")
    bought = by_customer_and("product_id", order_items, ranges, *figures)
    return bought.join(_repeats_within_orders(orders, order_items), on=_PAIR, how="left").with_columns(
        orders=nw.col("lines").cast(nw.Int64) - nw.col("repeats").fill_null(0)
    )


def _repeats_within_orders(orders: nw.LazyFrame, order_items: nw.LazyFrame) -> nw.LazyFrame:
    """One row per customer and product that stands more than once in an order: `repeats`, its lines beyond the first."""
    # silver/orders says which orders these are. They are few, while a count of all lines by order and product would
    # hold about as many groups as there are lines.
    suspects = orders.filter(nw.col("distinct_product_count") < nw.col("item_count")).select(*_ORDER)
    lines = order_items.join(suspects, on=_ORDER).group_by(*_PAIR, *_ORDER).agg(nw.len().alias("lines"))
    repeats = lines.with_columns(repeats=nw.col("lines").cast(nw.Int64) - 1)
    return repeats.group_by(*_PAIR).agg(nw.col("repeats").sum().alias("repeats"))


def _product_figures(products: nw.LazyFrame) -> nw.LazyFrame:
    figures = products.group_by("customer_id").agg(
        nw.len().alias("distinct_product_count"),
        nw.col("orders").sum().alias("pairs"),
    )
    first_times = nw.col("distinct_product_count").cast(nw.Float64)
    pairs = nw.col("pairs").cast(nw.Float64)
    return figures.with_columns(reorder_share=(pairs - first_times) * pairs**-1.0)


def _favourite_product(products: nw.LazyFrame, today: int) -> nw.LazyFrame:
    best = first_by(products, "customer_id", descending=["orders", "last_day"], ascending="product_id")
    return best.select(
        "customer_id",
        nw.col("product_id").alias("favourite_product_id"),
        nw.col("orders").alias("favourite_product_orders"),
        (nw.lit(today) - nw.col("last_day")).alias("favourite_product_recency_days"),
    )


def _count_rows(rows: nw.LazyFrame, column: str, ranges: Mapping[str, NumberRange] = NOTHING_KNOWN) -> nw.LazyFrame:
    """One row per customer and value of a column: how many `rows` have it."""
    return by_customer_and(column, rows, ranges, nw.len().alias("rows"))


def _favourite(counted: nw.LazyFrame, column: str, name: str) -> nw.LazyFrame:
    """The most frequent value of a column per customer, from `_count_rows`; of equally frequent ones the smallest."""
    best = first_by(counted, "customer_id", descending=["rows"], ascending=column)
    return best.select("customer_id", nw.col(column).alias(name))

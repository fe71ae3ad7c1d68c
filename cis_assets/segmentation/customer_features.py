"""Computes gold/customer_features, the features of customers in a trailing window, on any engine.

Order items are aggregated by customer and product, and by customer and department. Everything else reads orders or
these aggregates. The reorder share needs no further pass: silver/orders tells the products of each order.
"""

import math
from collections.abc import Mapping
from datetime import date

import narwhals as nw

from cis_assets.catalog import gold
from cis_assets.dates import day_number, trailing_window
from cis_assets.segmentation.cadence import CADENCE_PRIOR, P75_PRIOR, P90_PRIOR, cadences
from cis_assets.segmentation.favourite_product import family_range, favourite_product
from cis_assets.segmentation.order_windows import (
    conform,
    customer_bounds,
    customer_groups,
    first_by,
    gaps_between_orders,
    snapshot_window,
)
from cis_assets.segmentation.pair_keys import NO_RANGES, NumberRange, group_by_customer_and, number_ranges

_SATURDAY = 6
# The first hour of each part of the day; the night begins after the last.
_DAYPARTS = {"morning": 5, "afternoon": 12, "evening": 17}
_NIGHT = 22
# A trend compares this part of the window, its end, with the days before.
_RECENT_PART = 4
# One or two gaps say nothing about regularity.
_FEWEST_ORDERS = 3
# Counting products by customer takes about 140 bytes per order item, so large histories are computed in chunks of
# customers. Each chunk reads all items again, which takes a few percent of its time.
_ITEMS_PER_CHUNK = 7_000_000


def customer_features(
    orders: nw.LazyFrame,
    order_items: nw.LazyFrame,
    families: nw.LazyFrame,
    as_of: date,
    history_days: int,
    ranges: Mapping[str, NumberRange] = NO_RANGES,
) -> nw.LazyFrame:
    """Features of every customer with an order in the `history_days` days that end with `as_of`.

    `orders` and `order_items` are rows of silver/orders and silver/order_items, at least those of the window; rows
    outside of it are ignored. `families` is the result of `family_numbers` for silver/products. `ranges` of the items'
    ids make it faster (see `pair_keys`). Returns the columns of gold/customer_features, unsorted.
    """
    window = trailing_window(as_of, history_days)
    orders = snapshot_window(orders, window)
    order_items = snapshot_window(order_items, window)
    today = day_number(as_of)
    bought = group_by_customer_and(
        "product_id", order_items, ranges, nw.len().alias("rows"), nw.col("day_number").max().alias("last_day")
    )
    departments = _count_rows(order_items, "department_id", ranges)
    return conform(
        gold.CUSTOMER_FEATURES,
        _summarize_orders(orders, today, -(-history_days // _RECENT_PART))
        .join(_summarize_gaps(orders), on="customer_id", how="left")
        .join(bought.group_by("customer_id").agg(nw.len().alias("distinct_product_count")), on="customer_id")
        .join(_summarize_departments(departments), on="customer_id")
        .join(_favourite(_count_rows(orders, "order_weekday"), "order_weekday", "favourite_weekday"), on="customer_id")
        .join(_favourite(_count_rows(orders, "order_hour"), "order_hour", "favourite_hour"), on="customer_id")
        .join(_favourite(departments, "department_id", "favourite_department_id"), on="customer_id")
        .join(favourite_product(orders, order_items, bought, families, today, ranges), on="customer_id")
        .with_columns(
            as_of_date=nw.lit(as_of),
            reorder_share=_reorder_share(),
            # Customers without a gap.
            cadence_days=nw.col("cadence_days").fill_null(CADENCE_PRIOR),
            gap_p75_days=nw.col("gap_p75_days").fill_null(P75_PRIOR),
            gap_p90_days=nw.col("gap_p90_days").fill_null(P90_PRIOR),
            regularity=nw.when(nw.col("order_count") >= _FEWEST_ORDERS).then(nw.col("regularity")),
        ),
    )


def customer_features_in_chunks(
    orders: nw.LazyFrame,
    order_items: nw.LazyFrame,
    families: nw.LazyFrame,
    as_of: date,
    history_days: int,
    lines: int,
) -> list[nw.LazyFrame]:
    """The rows of `customer_features` as lazy frames of some customers each, to be computed one after another.

    `lines` is the number of order items in the window. It determines the number of frames, so each takes about a
    gigabyte of memory at most. Engines that distribute work and memory themselves do not need this.
    """
    bounds = customer_bounds(orders, math.ceil(lines / _ITEMS_PER_CHUNK))
    ranges = number_ranges(order_items, ["product_id", "department_id"])
    if ranges:
        ranges["family_id"] = family_range(families, ranges["product_id"])
    groups = zip(customer_groups(orders, bounds), customer_groups(order_items, bounds), strict=True)
    return [customer_features(*rows, families, as_of, history_days, ranges) for rows in groups]


def _summarize_orders(orders: nw.LazyFrame, today: int, recent_days: int) -> nw.LazyFrame:
    hour, items, recent = nw.col("order_hour"), nw.col("item_count"), nw.col("day_number") > today - recent_days
    ends = [*_DAYPARTS.values(), _NIGHT]
    flagged = orders.with_columns(
        is_weekend=_one_if(nw.col("order_weekday") >= _SATURDAY).cast(nw.Float64),
        is_unpriced=_one_if(nw.col("spend").is_null()),
        is_recent=_one_if(recent),
        recent_items=nw.when(recent).then(items).otherwise(nw.lit(0)),
        **{
            f"{name}_share": _one_if((hour >= first) & (hour < end)).cast(nw.Float64)
            for (name, first), end in zip(_DAYPARTS.items(), ends[1:], strict=True)
        },
    )
    totals = flagged.group_by("customer_id").agg(
        nw.col("day_number").max().alias("last_day"),
        nw.col("day_number").min().alias("first_day"),
        nw.col("order_date").min().alias("first_order_date"),
        nw.len().alias("order_count"),
        nw.col("item_count").mean().alias("mean_basket_size"),
        nw.col("distinct_product_count").sum().alias("order_products"),
        nw.col("item_count").sum().alias("items"),
        nw.col("is_weekend").mean().alias("weekend_share"),
        *(nw.col(f"{name}_share").mean() for name in _DAYPARTS),
        nw.col("is_recent").sum().alias("recent_orders"),
        nw.col("recent_items").sum(),
        nw.col("is_unpriced").sum().alias("unpriced"),
        nw.col("spend").sum().alias("sum_spend"),
    )
    # Rounded, because the last digits of a sum depend on the order of addition.
    totals = totals.with_columns(total_spend=nw.when(nw.col("unpriced") == 0).then(nw.col("sum_spend").round(2)))
    return _add_trends(totals, today, recent_days).with_columns(
        recency_days=nw.lit(today) - nw.col("last_day"),
        tenure_days=nw.lit(today) - nw.col("first_day"),
        mean_order_spend=nw.col("total_spend") * nw.col("order_count").cast(nw.Float64) ** -1.0,
        price_level=nw.col("total_spend") * nw.col("items").cast(nw.Float64) ** -1.0,
    )


def _add_trends(totals: nw.LazyFrame, today: int, recent_days: int) -> nw.LazyFrame:
    """Orders per day and lines per order of the last `recent_days`, over those from the first order to before them."""
    counted = totals.with_columns(
        earlier_orders=_number("order_count") - _number("recent_orders"),
        earlier_items=_number("items") - _number("recent_items"),
        earlier_days=(nw.lit(today - recent_days) - nw.col("first_day") + 1).cast(nw.Float64),
    )
    known = nw.col("earlier_days") >= recent_days
    order_trend = _ratio(_number("recent_orders") * nw.col("earlier_days"), nw.col("earlier_orders") * recent_days)
    basket_trend = _ratio(
        _number("recent_items") * nw.col("earlier_orders"), nw.col("earlier_items") * _number("recent_orders")
    )
    return counted.with_columns(
        order_trend=nw.when(known).then(order_trend), basket_trend=nw.when(known).then(basket_trend)
    )


def _summarize_gaps(orders: nw.LazyFrame) -> nw.LazyFrame:
    gaps = gaps_between_orders(orders)
    # The variance from means, because engines name the population standard deviation differently.
    squared = gaps.with_columns(
        gap=nw.col("gap_days").cast(nw.Float64),
        gap_squared=(nw.col("gap_days") * nw.col("gap_days")).cast(nw.Float64),
        is_capped=_one_if(nw.col("gap_is_minimum")).cast(nw.Float64),
    )
    figures = squared.group_by("customer_id").agg(
        nw.col("gap").mean().alias("mean_gap_days"),
        nw.col("gap").median().alias("median_gap_days"),
        nw.col("gap_squared").mean().alias("mean_square"),
        nw.col("is_capped").mean().alias("capped_gap_share"),
    )
    variance = nw.col("mean_square") - nw.col("mean_gap_days") * nw.col("mean_gap_days")
    spread = figures.with_columns(std_gap_days=nw.when(variance > 0).then(variance).otherwise(nw.lit(0.0)) ** 0.5)
    mean = nw.col("mean_gap_days")
    regular = spread.with_columns(regularity=_ratio(mean, mean + nw.col("std_gap_days")))
    return regular.join(cadences(gaps), on="customer_id", how="left")


def _reorder_share() -> nw.Expr:
    # Of the products of all orders, those that are not the first of their product are reorders.
    first_times = nw.col("distinct_product_count").cast(nw.Float64)
    products = nw.col("order_products").cast(nw.Float64)
    return (products - first_times) * products**-1.0


def _summarize_departments(departments: nw.LazyFrame) -> nw.LazyFrame:
    counted = departments.with_columns(lines=_number("rows"), squares=_number("rows") * _number("rows"))
    figures = counted.group_by("customer_id").agg(
        nw.len().alias("department_count"), nw.col("lines").sum(), nw.col("squares").sum()
    )
    return figures.with_columns(variety=nw.col("lines") * nw.col("lines") * nw.col("squares") ** -1.0)


def _count_rows(rows: nw.LazyFrame, column: str, ranges: Mapping[str, NumberRange] = NO_RANGES) -> nw.LazyFrame:
    """One row per customer and value of a column: `rows` is the number of rows with it."""
    return group_by_customer_and(column, rows, ranges, nw.len().alias("rows"))


def _favourite(counted: nw.LazyFrame, column: str, name: str) -> nw.LazyFrame:
    """The most frequent value of a column per customer (ties: the smallest), from the result of `_count_rows`."""
    best = first_by(counted, "customer_id", descending=["rows"], ascending=column)
    return best.select("customer_id", nw.col(column).alias(name))


def _one_if(condition: nw.Expr) -> nw.Expr:
    return nw.when(condition).then(nw.lit(1)).otherwise(nw.lit(0))


def _number(column: str) -> nw.Expr:
    return nw.col(column).cast(nw.Float64)


def _ratio(dividend: nw.Expr, divisor: nw.Expr) -> nw.Expr:
    """The quotient; null unless the divisor is positive."""
    return dividend * nw.when(divisor > 0).then(divisor) ** -1.0

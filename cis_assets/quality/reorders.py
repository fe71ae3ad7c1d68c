"""Reorders, computed from history on any engine."""

import narwhals as nw


def mark_reorders(order_items: nw.LazyFrame) -> nw.LazyFrame:
    """Order lines with `is_reorder`: whether the customer had the product in an earlier order of the frame.

    `order_items` are rows of silver/order_items with the whole history that counts. `order_of_day` orders the orders of a
    customer on one date. A product that appears twice in its first order is no reorder.
    """
    # One number that grows from order to order, because no customer places 10,000 orders in a day.
    place = nw.col("day_number").cast(nw.Int64) * 10_000 + nw.col("order_of_day")
    placed = order_items.with_columns(order_place=place)
    first = nw.col("order_place").min().over("customer_id", "product_id")
    return placed.with_columns(is_reorder=nw.col("order_place") > first).drop("order_place")

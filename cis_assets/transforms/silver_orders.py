"""Silver orders, order lines and their rejected rows, from the bronze rows of any number of days.

Days do not see each other: every rule looks at one order date only, so that a range gives the same rows as its
days one by one. Exact copies of a row count once (the one landed last stays); rows that share a key and contradict
each other are all set aside. So every bronze row becomes a silver row, a rejected row, or is such a copy.
"""

from __future__ import annotations

import polars as pl

from cis_assets.catalog import bronze, silver
from cis_assets.transforms.set_aside import (
    CONFLICTING_COPIES,
    join_reasons,
    mark_copies,
    reason_if,
    rejected_rows,
    row_as_json,
)

_ORDER_KEY = ("order_date", "order_id")
_LINE_KEY = ("order_date", "order_id", "add_to_cart_order")


def silver_order_items(orders: pl.LazyFrame, order_items: pl.LazyFrame, products: pl.LazyFrame) -> pl.LazyFrame:
    """Valid lines of valid orders: the columns of silver/order_items.

    `orders` and `order_items` are bronze rows, `products` is silver/products.
    """
    lines = _judged_lines(orders, order_items, products).filter(~pl.col("is_copy"), pl.col("reason").is_null())
    return silver.ORDER_ITEMS.conform(lines)


def silver_orders(orders: pl.LazyFrame, order_items: pl.LazyFrame) -> pl.LazyFrame:
    """Valid orders that have a valid line: the columns of silver/orders.

    `orders` are bronze rows, `order_items` is silver/order_items of the same days.
    """
    baskets = order_items.group_by(_ORDER_KEY).agg(
        item_count=pl.len(),
        distinct_product_count=pl.col("product_id").n_unique(),
        spend=(pl.col("quantity") * pl.col("unit_price")).sum(),
        unpriced=pl.col("unit_price").null_count(),
    )
    return silver.ORDERS.conform(
        _valid_orders(orders)
        .join(baskets, on=_ORDER_KEY)
        .with_columns(
            order_weekday=pl.col("order_date").dt.weekday(),
            spend=pl.when(pl.col("unpriced") == 0).then(pl.col("spend").round(2)),
        )
    )


def silver_rejected_rows(
    orders: pl.LazyFrame, order_items: pl.LazyFrame, products: pl.LazyFrame, valid_items: pl.LazyFrame
) -> pl.LazyFrame:
    """Rows of bronze that broke a rule: the columns of silver/rejected_rows.

    `valid_items` is silver/order_items of the same days; an order without any valid line is set aside too.
    """
    with_lines = valid_items.select(_ORDER_KEY).unique().with_columns(has_lines=pl.lit(True))
    judged = (
        _judged_orders(orders)
        .filter(~pl.col("is_copy"))
        .join(with_lines, on=_ORDER_KEY, how="left")
        .with_columns(reason=pl.coalesce("reason", reason_if(pl.col("has_lines").is_null(), "order has no valid line")))
    )
    lines = _judged_lines(orders, order_items, products).filter(~pl.col("is_copy"))
    order_json = row_as_json(list(bronze.ORDERS.dtypes))
    line_json = row_as_json(list(bronze.ORDER_ITEMS.dtypes), quantity=pl.col("landed_quantity"))
    return silver.REJECTED_ROWS.conform(
        pl.concat(
            [
                rejected_rows(judged, "orders", ["order_id"], order_json, ["order_date"]),
                rejected_rows(lines, "order_items", ["order_id", "add_to_cart_order"], line_json, ["order_date"]),
            ]
        )
    )


def _judged_orders(orders: pl.LazyFrame) -> pl.LazyFrame:
    """Bronze orders with `is_copy` and `reason` (null: valid by their own rules)."""
    return mark_copies(orders, _ORDER_KEY, ["customer_id", "order_hour", "order_key"]).with_columns(
        reason=join_reasons(
            silver.ORDERS.broken_rules(["order_id", "customer_id", "order_hour"]),
            reason_if(pl.col("in_conflict"), CONFLICTING_COPIES),
        )
    )


def _valid_orders(orders: pl.LazyFrame) -> pl.LazyFrame:
    """Orders valid by their own rules, each once, with day_number and order_of_day.

    Whether an order has valid lines is not looked at yet, so one without still takes its number of the day.
    """
    valid = _judged_orders(orders).filter(~pl.col("is_copy"), pl.col("reason").is_null())
    customer_day = ["order_date", "customer_id"]
    several = valid.group_by(customer_day).len("orders").filter(pl.col("orders") > 1)
    ranked = valid.join(several, on=customer_day, how="semi").select(
        *_ORDER_KEY,
        order_of_day=pl.struct("order_hour", "source_file", "source_line").rank("ordinal").over(customer_day),
    )
    return valid.join(ranked, on=_ORDER_KEY, how="left").with_columns(
        pl.col("order_of_day").fill_null(1), day_number=pl.col("order_date").to_physical()
    )


def _judged_lines(orders: pl.LazyFrame, order_items: pl.LazyFrame, products: pl.LazyFrame) -> pl.LazyFrame:
    """Bronze lines with their order's columns, their product's department, `is_copy` and `reason` (null: valid)."""
    their_orders = _valid_orders(orders).select(*_ORDER_KEY, "customer_id", "order_hour", "order_of_day", "day_number")
    content = ["product_id", "quantity", "unit_price"]
    landed = mark_copies(order_items, _LINE_KEY, content)
    return (
        landed.join(their_orders, on=_ORDER_KEY, how="left")
        .join(products.select("product_id", "department_id"), on="product_id", how="left")
        .with_columns(landed_quantity=pl.col("quantity"), quantity=pl.col("quantity").fill_null(1))
        .with_columns(
            reason=join_reasons(
                silver.ORDER_ITEMS.broken_rules(
                    ["order_id", "product_id", "add_to_cart_order", "quantity", "unit_price"]
                ),
                reason_if(pl.col("in_conflict"), CONFLICTING_COPIES),
                reason_if(
                    pl.col("order_id").is_not_null() & pl.col("customer_id").is_null(),
                    "no valid order of that date has this order_id",
                ),
                reason_if(
                    pl.col("product_id").is_not_null() & pl.col("department_id").is_null(),
                    "product_id is not a known product",
                ),
            ),
        )
    )

"""Silver orders, order lines, returned lines and rejected rows, from the bronze rows of any number of days.

Days do not see each other: every rule looks at one order date only, so that a range gives the same rows as its
days one by one. Of exact copies of a row the one landed last stays; rows that share a key and contradict each other are
all set aside. So every bronze row is exactly one of these: valid, given back, rejected with its reasons, or a copy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from cis_assets.catalog import bronze, silver
from cis_assets.silver.rejection import (
    CONFLICTING_COPIES,
    join_reasons,
    keeps_rules,
    mark_copies,
    reason_if,
    rejected_rows,
    row_as_json,
)

_ORDER_KEY = ["order_date", "order_id"]
_LINE_KEY = [*_ORDER_KEY, "add_to_cart_order"]
_ORDER_RULES = ("order_id", "customer_id", "order_hour")
_LINE_RULES = ("order_id", "product_id", "add_to_cart_order", "unit_price")


def silver_order_items(orders: pl.LazyFrame, order_items: pl.LazyFrame, products: pl.LazyFrame) -> pl.LazyFrame:
    """Valid lines of valid orders: the columns of silver/order_items.

    `orders` and `order_items` are bronze rows, `products` is silver/products.
    """
    # Nearly all rows of a day are valid, so these are picked without a word on the others.
    lines = _each_once(_marked_lines(order_items)).with_columns(pl.col("quantity").fill_null(1))
    return silver.ORDER_ITEMS.conform(
        lines.filter(keeps_rules(silver.ORDER_ITEMS, (*_LINE_RULES, "quantity")))
        .join(_of_their_orders(orders), on=_ORDER_KEY)
        .join(_departments(products), on="product_id")
    )


def silver_returned_items(orders: pl.LazyFrame, order_items: pl.LazyFrame, products: pl.LazyFrame) -> pl.LazyFrame:
    """Lines of valid orders that are valid but for their negative quantity: the columns of silver/returned_items.

    Inputs as for `silver_order_items`.
    """
    with_returns = order_items.filter(pl.col("quantity") < 0).select(_ORDER_KEY).unique()
    # The other lines of these orders belong to the judgement: one of them may contradict a returned line.
    lines = order_items.join(with_returns, on=_ORDER_KEY, how="semi")
    returned = _judged_lines(orders, lines, products).filter(pl.col("reason").is_null(), pl.col("quantity") < 0)
    # Of 32 bits, the lowest quantity has no counterpart.
    return silver.RETURNED_ITEMS.conform(returned.with_columns(returned_quantity=-pl.col("quantity").cast(pl.Int64)))


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
    orders: pl.LazyFrame,
    order_items: pl.LazyFrame,
    products: pl.LazyFrame,
    valid_orders: pl.LazyFrame,
    returned_items: pl.LazyFrame,
) -> pl.LazyFrame:
    """Rows of bronze that broke a rule: the columns of silver/rejected_rows.

    `valid_orders` and `returned_items` are silver's of the same days. By them, an order without any valid or returned line
    is set aside too, and orders of which every line is one need no second look at their lines.
    """
    passed = pl.concat(
        [
            valid_orders.select(*_ORDER_KEY, passed="item_count"),
            returned_items.select(*_ORDER_KEY, passed=pl.lit(1, pl.Int32)),
        ]
    )
    counted = (
        order_items.group_by(_ORDER_KEY)
        .agg(landed=pl.len())
        .join(passed.group_by(_ORDER_KEY).agg(pl.col("passed").sum()), on=_ORDER_KEY, how="left")
        .with_columns(pl.col("passed").fill_null(0))
        .cache()
    )
    # Each of these is needed several times, and polars computes it again each time unless told not to.
    in_question = counted.filter(pl.col("landed") != pl.col("passed")).select(_ORDER_KEY).cache()
    lines = order_items.join(in_question, on=_ORDER_KEY, how="semi", nulls_equal=True).cache()
    their_orders = orders.join(in_question, on=_ORDER_KEY, how="semi").cache()
    rejected = (
        (bronze.ORDERS, _judged_orders(orders, counted), ["order_id"]),
        (bronze.ORDER_ITEMS, _judged_lines(their_orders, lines, products), ["order_id", "add_to_cart_order"]),
    )
    return silver.REJECTED_ROWS.conform(
        pl.concat(
            [
                rejected_rows(judged, table.name, key, row_as_json(list(table.dtypes)), ["order_date"])
                for table, judged, key in rejected
            ]
        )
    )


def credit_notes(orders: pl.LazyFrame, returned_items: pl.LazyFrame) -> pl.LazyFrame:
    """Date and id of the orders whose only valid lines are returned ones, from silver's orders and returned lines."""
    return returned_items.select(_ORDER_KEY).unique().join(orders, on=_ORDER_KEY, how="anti")


def copied_orders(orders: pl.LazyFrame) -> pl.LazyFrame:
    """The rows of bronze orders that count no more, since the same row landed again later."""
    return _marked_orders(orders).filter("is_copy").select(list(bronze.ORDERS.dtypes))


def copied_order_items(order_items: pl.LazyFrame) -> pl.LazyFrame:
    """The rows of bronze order lines that count no more, since the same row landed again later."""
    return _marked_lines(order_items).filter("is_copy").select(list(bronze.ORDER_ITEMS.dtypes))


COPIES: Mapping[str, Callable[[pl.LazyFrame], pl.LazyFrame]] = {
    bronze.ORDERS.name: copied_orders,
    bronze.ORDER_ITEMS.name: copied_order_items,
}
"""Bronze table -> what picks the exact copies from its rows."""


def _marked_orders(orders: pl.LazyFrame) -> pl.LazyFrame:
    return mark_copies(orders, _ORDER_KEY, ["customer_id", "order_hour", "order_key"])


def _marked_lines(order_items: pl.LazyFrame) -> pl.LazyFrame:
    return mark_copies(order_items, _LINE_KEY, ["product_id", "quantity", "unit_price"])


def _each_once(marked: pl.LazyFrame) -> pl.LazyFrame:
    return marked.filter(~pl.col("is_copy"), ~pl.col("in_conflict"))


def _valid_orders(orders: pl.LazyFrame) -> pl.LazyFrame:
    """Orders valid by their own rules, each once, with day_number and order_of_day.

    Whether an order has valid lines is not looked at yet, so one without still takes its number of the day.
    """
    valid = _each_once(_marked_orders(orders)).filter(keeps_rules(silver.ORDERS, _ORDER_RULES))
    customer_day = ["order_date", "customer_id"]
    several = valid.group_by(customer_day).len("orders").filter(pl.col("orders") > 1)
    # An order that is sent again keeps its place.
    landed_first = (pl.coalesce(f"first_{place}", f"source_{place}") for place in ("file", "line"))
    ranked = valid.join(several, on=customer_day, how="semi").select(
        *_ORDER_KEY, order_of_day=pl.struct("order_hour", *landed_first).rank("ordinal").over(customer_day)
    )
    return valid.join(ranked, on=_ORDER_KEY, how="left").with_columns(
        pl.col("order_of_day").fill_null(1), day_number=pl.col("order_date").to_physical()
    )


def _of_their_orders(orders: pl.LazyFrame) -> pl.LazyFrame:
    """What lines carry of their valid orders."""
    return _valid_orders(orders).select(*_ORDER_KEY, "customer_id", "order_hour", "order_of_day", "day_number")


def _departments(products: pl.LazyFrame) -> pl.LazyFrame:
    return products.select("product_id", "department_id")


def _judged_orders(orders: pl.LazyFrame, line_counts: pl.LazyFrame) -> pl.LazyFrame:
    """Bronze orders, each once, with `reason` (null: valid or a credit note).

    `line_counts` says per order how many lines `landed` and how many of them `passed`.
    """
    judged = _marked_orders(orders).filter(~pl.col("is_copy")).join(line_counts, on=_ORDER_KEY, how="left")
    own = join_reasons(silver.ORDERS.broken_rules(_ORDER_RULES), reason_if(pl.col("in_conflict"), CONFLICTING_COPIES))
    return judged.with_columns(reason=own).with_columns(
        reason=join_reasons(
            pl.col("reason"),
            reason_if(
                pl.col("order_id").is_not_null() & pl.col("landed").is_null(),
                "no line of that date has this order_id yet",
            ),
            reason_if(pl.col("reason").is_null() & (pl.col("passed") == 0), "order has no valid line"),
        )
    )


def _judged_lines(orders: pl.LazyFrame, order_items: pl.LazyFrame, products: pl.LazyFrame) -> pl.LazyFrame:
    """Bronze lines, each once, with what silver adds to them and `reason` (null: valid, given back if negative)."""
    landed_orders = orders.select(*_ORDER_KEY, order_landed=True).unique()
    has_order, is_known = pl.col("customer_id").is_not_null(), pl.col("department_id").is_not_null()
    return (
        _marked_lines(order_items)
        .filter(~pl.col("is_copy"))
        .join(_of_their_orders(orders), on=_ORDER_KEY, how="left")
        .join(landed_orders, on=_ORDER_KEY, how="left")
        .join(_departments(products), on="product_id", how="left")
        .with_columns(
            reason=join_reasons(
                silver.ORDER_ITEMS.broken_rules(_LINE_RULES),
                reason_if(pl.col("quantity") == 0, "quantity is 0"),
                reason_if(pl.col("in_conflict"), CONFLICTING_COPIES),
                reason_if(
                    pl.col("order_id").is_not_null() & pl.col("order_landed").is_null(),
                    "no order of that date has this order_id yet",
                ),
                reason_if(pl.col("order_landed") & ~has_order, "its order was set aside"),
                reason_if(pl.col("product_id").is_not_null() & ~is_known, "product_id is not a known product"),
            )
        )
    )

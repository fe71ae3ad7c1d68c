"""Silver orders, order lines, returned lines and rejected rows: `judge_orders` gives each bronze row one fate.

Every rule looks at one order date only, so a range of dates gives the same rows as its dates one by one.
"""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from cis_assets.catalog import bronze, silver
from cis_assets.catalog.table import join_reasons
from cis_assets.silver.rejection import (
    CONFLICTING_ROWS,
    keeps_rules,
    mark_duplicates,
    reason_if,
    rejected_rows,
    row_as_json,
)

Keep = Callable[[pl.LazyFrame], pl.LazyFrame]
"""Computes a frame and returns the result, from memory or from a file."""

_ORDER_KEY = ["order_date", "order_id"]
_LINE_KEY = [*_ORDER_KEY, "add_to_cart_order"]
_ORDER_FACTS = ["customer_id", "order_hour", "order_of_day", "day_number"]
_ORDER_RULES = ("order_id", "customer_id", "order_hour")
_LINE_RULES = ("order_id", "product_id", "add_to_cart_order", "unit_price")
_FATES = pl.Enum(["valid", "returned", "duplicate", "rejected"])


@dataclass(frozen=True)
class JudgedOrders:
    """Bronze rows of some dates with their `fate`: valid, returned, duplicate or rejected.

    `orders` has every order row; `valid_lines` and `other_lines` together have every order line. An order is returned
    (a credit note) if it has returned lines and no valid one. A row is a duplicate if the same row landed again later.
    """

    orders: pl.LazyFrame
    valid_lines: pl.LazyFrame
    other_lines: pl.LazyFrame

    def silver_orders(self) -> pl.LazyFrame:
        """Valid orders: the columns of silver/orders."""
        return silver.ORDERS.conform(_with_fate(self.orders, "valid"))

    def silver_order_items(self) -> pl.LazyFrame:
        """Valid lines: the columns of silver/order_items."""
        return silver.ORDER_ITEMS.conform(self.valid_lines.with_columns(pl.col("quantity").fill_null(1)))

    def silver_returned_items(self) -> pl.LazyFrame:
        """Returned lines: the columns of silver/returned_items."""
        returned = _with_fate(self.other_lines, "returned").with_columns(returned_quantity=-pl.col("quantity"))
        return silver.RETURNED_ITEMS.conform(returned)

    def silver_rejected_rows(self) -> pl.LazyFrame:
        """Rejected orders and lines with their reasons: the columns of silver/rejected_rows."""
        rejected = (
            (bronze.ORDERS, self.orders, _order_reasons(), _ORDER_KEY),
            (bronze.ORDER_ITEMS, self.other_lines, _line_reasons(), _LINE_KEY),
        )
        return silver.REJECTED_ROWS.conform(
            pl.concat(
                rejected_rows(
                    _with_fate(judged, "rejected").with_columns(reason=reasons),
                    table.name,
                    key[1:],
                    row_as_json(list(table.dtypes)),
                    ["order_date"],
                )
                for table, judged, reasons, key in rejected
            )
        )


def collect(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Compute a frame and hold it in memory."""
    return rows.collect(engine="streaming").lazy()


def judge_orders(
    orders: pl.LazyFrame, order_items: pl.LazyFrame, products: pl.LazyFrame, keep: Keep = collect
) -> JudgedOrders:
    """Give each bronze row of some dates its fate. `products` is silver/products.

    Computes at once everything but the valid lines, which are too many to hold. `keep` holds the judged orders and the
    other lines, which several tables select from.
    """
    numbered = collect(_numbered_orders(orders))
    lines = _judged_lines(numbered, order_items, products)
    valid_lines = _with_fate(lines, "valid")
    baskets = collect(_baskets(valid_lines))
    # On most dates every line is valid, and the others need no search.
    valid_count = baskets.select(pl.col("item_count").sum()).collect().item()
    if valid_count == order_items.select(pl.len()).collect(engine="streaming").item():
        lines = lines.clear()
    landed = numbered.select(*_ORDER_KEY, order_landed=True).unique()
    others = keep(lines.filter(pl.col("fate") != "valid").join(landed, on=_ORDER_KEY, how="left"))
    return JudgedOrders(keep(_judged_orders(numbered, baskets, others)), valid_lines, others)


def credit_notes(orders: pl.LazyFrame, returned_items: pl.LazyFrame) -> pl.LazyFrame:
    """Date and id of the orders whose only valid lines are returned ones. Inputs are silver tables."""
    return returned_items.select(_ORDER_KEY).unique().join(orders, on=_ORDER_KEY, how="anti")


def _with_fate(rows: pl.LazyFrame, fate: str) -> pl.LazyFrame:
    return rows.filter(pl.col("fate") == fate)


def _fate(is_valid: pl.Expr, is_returned: pl.Expr) -> pl.Expr:
    return (
        pl.when("is_duplicate")
        .then(pl.lit("duplicate", _FATES))
        .when(is_valid)
        .then(pl.lit("valid", _FATES))
        .when(is_returned)
        .then(pl.lit("returned", _FATES))
        .otherwise(pl.lit("rejected", _FATES))
    )


def _numbered_orders(orders: pl.LazyFrame) -> pl.LazyFrame:
    """Bronze orders with `is_sound` (valid by their own rules), day_number, and order_of_day of the sound ones.

    The number does not depend on the lines of an order, so an order without valid lines takes a number too.
    """
    marked = mark_duplicates(orders, _ORDER_KEY, ["customer_id", "order_hour", "order_key"]).with_columns(
        is_sound=~pl.col("is_duplicate") & ~pl.col("in_conflict") & keeps_rules(silver.ORDERS, _ORDER_RULES),
        day_number=pl.col("order_date").to_physical(),
    )
    marked = collect(marked)
    sound = marked.filter("is_sound")
    customer_day = ["order_date", "customer_id"]
    several = sound.group_by(customer_day).len("orders").filter(pl.col("orders") > 1)
    # An order that lands again keeps the place where it landed first.
    landed_first = (pl.coalesce(f"first_{place}", f"source_{place}") for place in ("file", "line"))
    ranked = sound.join(several, on=customer_day, how="semi").select(
        *_ORDER_KEY, rank=pl.struct("order_hour", *landed_first).rank("ordinal").over(customer_day)
    )
    return marked.join(ranked, on=_ORDER_KEY, how="left").with_columns(
        order_of_day=pl.when("is_sound").then(pl.col("rank").fill_null(1))
    )


def _judged_lines(numbered: pl.LazyFrame, order_items: pl.LazyFrame, products: pl.LazyFrame) -> pl.LazyFrame:
    """Bronze lines with their fate, and with what silver adds from sound orders and known products."""
    is_sound = (
        ~pl.col("in_conflict")
        & keeps_rules(silver.ORDER_ITEMS, _LINE_RULES)
        & pl.all_horizontal(pl.col("customer_id", "department_id").is_not_null())
    )
    quantity = pl.col("quantity").fill_null(1)
    return (
        mark_duplicates(order_items, _LINE_KEY, ["product_id", "quantity", "unit_price"])
        .join(numbered.filter("is_sound").select(*_ORDER_KEY, *_ORDER_FACTS), on=_ORDER_KEY, how="left")
        .join(products.select("product_id", "department_id"), on="product_id", how="left")
        .with_columns(fate=_fate(is_sound & (quantity > 0), is_sound & (quantity < 0)))
    )


def _baskets(valid_lines: pl.LazyFrame) -> pl.LazyFrame:
    """What the valid lines of each order add up to."""
    return (
        valid_lines.with_columns(pl.col("quantity").fill_null(1))
        .group_by(_ORDER_KEY)
        .agg(
            item_count=pl.len(),
            distinct_product_count=pl.col("product_id").n_unique(),
            # Each line to the cent, as on a receipt: a sum of cents does not depend on the order of its lines.
            spend=(pl.col("quantity").cast(pl.Float64) * pl.col("unit_price")).round(2).sum(),
            unpriced=pl.col("unit_price").null_count(),
        )
        .with_columns(spend=pl.when(pl.col("unpriced") == 0).then(pl.col("spend").round(2)))
    )


def _judged_orders(numbered: pl.LazyFrame, baskets: pl.LazyFrame, other_lines: pl.LazyFrame) -> pl.LazyFrame:
    """Bronze orders with their fate, and with what their lines add up to."""
    others = other_lines.group_by(_ORDER_KEY).agg(returned_count=(pl.col("fate") == "returned").sum())
    is_sound = pl.col("is_sound")
    return (
        numbered.join(baskets, on=_ORDER_KEY, how="left")
        .join(others, on=_ORDER_KEY, how="left")
        .with_columns(
            order_weekday=pl.col("order_date").dt.weekday(),
            has_lines=pl.any_horizontal(pl.col("item_count", "returned_count").is_not_null()),
            fate=_fate(is_sound & (pl.col("item_count") > 0), is_sound & (pl.col("returned_count") > 0)),
        )
    )


def _order_reasons() -> pl.Expr:
    """Why an order is rejected."""
    is_sound, has_lines = pl.col("is_sound"), pl.col("has_lines")
    return join_reasons(
        silver.ORDERS.broken_rules(_ORDER_RULES),
        reason_if(pl.col("in_conflict"), CONFLICTING_ROWS),
        reason_if(pl.col("order_id").is_not_null() & ~has_lines, "no line of that date has this order_id yet"),
        reason_if(is_sound & has_lines, "order has no valid line"),
    )


def _line_reasons() -> pl.Expr:
    """Why a line is rejected."""
    has_order, is_known = pl.col("customer_id").is_not_null(), pl.col("department_id").is_not_null()
    return join_reasons(
        silver.ORDER_ITEMS.broken_rules(_LINE_RULES),
        reason_if(pl.col("quantity") == 0, "quantity is 0"),
        reason_if(pl.col("in_conflict"), CONFLICTING_ROWS),
        reason_if(
            pl.col("order_id").is_not_null() & pl.col("order_landed").is_null(),
            "no order of that date has this order_id yet",
        ),
        reason_if(pl.col("order_landed") & ~has_order, "its order was rejected"),
        reason_if(pl.col("product_id").is_not_null() & ~is_known, "product_id is not a known product"),
    )

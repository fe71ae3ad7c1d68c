"""The favorite of each customer: the product family in most orders, and the product that stands for it, on any engine.

An order with several products of a family counts once for it. Counting all orders by family would give about as many
groups as order items, so only the items of families that can be the favorite are counted.
"""

from collections.abc import Mapping

import narwhals as nw

from cis_assets.segmentation.order_windows import first_by
from cis_assets.segmentation.pair_keys import NumberRange, with_pair_key

_ORDER = ["day_number", "order_id"]
_NAMED = "named_product_id"


def favourite_product(
    orders: nw.LazyFrame,
    order_items: nw.LazyFrame,
    bought: nw.LazyFrame,
    families: nw.LazyFrame,
    today: int,
    ranges: Mapping[str, NumberRange],
) -> nw.LazyFrame:
    """One row per customer: the product, orders and recency of the favorite family.

    `bought` has one row per customer and product of `order_items`, and counts its items as `rows`. `families` is the
    result of `family_numbers`; a product without a row there is a family of its own. `ranges` may have `family_range`.

    The favorite is the family in most orders (ties: bought last, then the smaller id of its product). Its product is the
    one that the customer bought most often, in lines (ties: bought last, then the smaller id). Whether a product is still
    in the shop does not count: silver/products tells that only as of today.
    """
    # Every frame is used once, because polars would compute it once per use.
    items = order_items.select("customer_id", "product_id", *_ORDER)
    lines, pair = with_pair_key("product_id", items, ranges)
    candidates, _ = with_pair_key("product_id", _candidates(orders, bought, families, ranges), ranges)
    counted = (
        lines.join(candidates.select(*pair, _NAMED), on=pair)
        .group_by("customer_id", _NAMED, *_ORDER)
        .agg(nw.len())
        .group_by("customer_id", _NAMED)
        .agg(nw.len().alias("orders"), nw.col("day_number").max().alias("last_day"))
    )
    best = first_by(counted, "customer_id", descending=["orders", "last_day"], ascending=_NAMED)
    return best.select(
        "customer_id",
        nw.col(_NAMED).alias("favourite_product_id"),
        # Engines count in integers of different sizes.
        nw.col("orders").cast(nw.Int64).alias("favourite_product_orders"),
        (nw.lit(today) - nw.col("last_day")).alias("favourite_product_recency_days"),
    )


def _candidates(
    orders: nw.LazyFrame, bought: nw.LazyFrame, families: nw.LazyFrame, ranges: Mapping[str, NumberRange]
) -> nw.LazyFrame:
    """The customers' products whose family can be the favorite, with the product that stands for the family.

    No family is in more orders than it has items, and the favorite is in at least as many as the most frequent product:
    its items without repeats. The repeats of all products, which silver/orders tells, are not fewer.
    """
    repeats = orders.group_by("customer_id").agg(
        (nw.col("item_count") - nw.col("distinct_product_count")).sum().alias("repeats")
    )
    # Never above the items, so every customer keeps a candidate.
    at_least = (
        nw.when(nw.col("repeats") > 0).then(nw.col("most_items") - nw.col("repeats")).otherwise(nw.col("most_items"))
    )
    rows = bought.join(families, on="product_id", how="left").with_columns(
        family_id=nw.coalesce("family_id", "product_id")
    )
    rows, family = with_pair_key("family_id", rows, ranges)
    rows = rows.with_columns(
        at_most=nw.col("rows").sum().over(*family), most_items=nw.col("rows").max().over("customer_id")
    )
    possible = rows.join(repeats, on="customer_id").filter(nw.col("at_most") >= at_least)
    most, last = nw.col("rows").max().over(*family), nw.col("last_if_most").max().over(*family)
    return (
        possible.with_columns(last_if_most=nw.when(nw.col("rows") == most).then(nw.col("last_day")))
        .with_columns(id_if_last=nw.when(nw.col("last_if_most") == last).then(nw.col("product_id")))
        .select("customer_id", "product_id", nw.col("id_if_last").min().over(*family).alias(_NAMED))
    )


def family_range(families: nw.LazyFrame, products: NumberRange) -> NumberRange:
    """Compute the range of the family ids of products in a range; no family id is larger than its products' ids."""
    smallest = families.select(nw.col("family_id").min()).collect(backend="polars").item()
    first = products.first if smallest is None else min(products.first, smallest)
    return NumberRange(first, products.first + products.length - first)

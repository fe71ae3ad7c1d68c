"""Computes gold/segment_preferences: what each segment buys more or less than the average customer.

Only customers with an order in the last 90 days count, with what they bought in these days. Products count by family.
"""

from datetime import date

import narwhals as nw
import polars as pl

from cis_assets.catalog import AS_OF_DATE
from cis_assets.catalog.gold import SEGMENT_PREFERENCES
from cis_assets.catalog.product_families import family_numbers
from cis_assets.catalog.snapshots import segment_members
from cis_assets.dates import trailing_window
from cis_assets.segmentation.order_windows import snapshot_window
from cis_assets.segmentation.pair_keys import group_by_customer_and, number_ranges
from cis_assets.segmentation.profiles import ACTIVE_DAYS

FEWEST_BUYERS = 30
MOST_PRODUCTS = 100
_DECIMALS = 6


def segment_preferences(
    order_items: nw.LazyFrame, segments: nw.LazyFrame, products: nw.LazyFrame, *, as_of: date
) -> pl.DataFrame:
    """The rows of gold/segment_preferences of the snapshot `as_of`, by segment, kind and index, the highest first.

    `order_items` and `products` are rows of silver, `segments` of gold/customer_segments, on one engine. Rows outside
    the 90 days and of other snapshots are ignored.
    """
    recent = snapshot_window(order_items, trailing_window(as_of, ACTIVE_DAYS))
    members = segment_members(segments, as_of)
    active = recent.select("customer_id").unique().join(members, on="customer_id", how="inner")
    sizes = _collect(active.group_by("segment_id", "segment_name").agg(nw.len().alias("active")))
    shown = nw.coalesce(nw.col("display_name"), nw.col("product_name")).alias("product")
    names = _collect(products.select("product_id", shown, "department_id", "department"))
    by_family = recent.join(family_numbers(products), on="product_id", how="inner").select(
        "customer_id", nw.col("family_id").alias("product_id")
    )
    rows = [
        _indices(_collect(segment_buyers(lines, members, f"{kind}_id")).rename({f"{kind}_id": "item_id"}), sizes)
        .join(names.group_by(item_id=f"{kind}_id").agg(pl.col(kind).min().alias("item_name")), on="item_id")
        .with_columns(kind=pl.lit(kind))
        for kind, lines in (("department", recent), ("product", by_family))
    ]
    by_index = ["segment_id", "kind", "buyer_index", "buyers", "item_id"]
    ranked = pl.concat(rows).sort(by_index, descending=[False, False, True, True, False])
    listed = (pl.col("kind") != "product") | (pl.int_range(pl.len()).over("segment_id", "kind") < MOST_PRODUCTS)
    return SEGMENT_PREFERENCES.conform(
        ranked.filter(listed).lazy().with_columns(pl.lit(as_of).alias(AS_OF_DATE))
    ).collect()


def segment_buyers(order_items: nw.LazyFrame, members: nw.LazyFrame, column: str) -> nw.LazyFrame:
    """Customers by segment and value of `column`: segment_id, the column, and `buyers`, unsorted.

    `members` are rows of `segment_members`. A customer counts once, however often they bought.
    """
    rows = order_items.select("customer_id", column)
    pairs = group_by_customer_and(column, rows, number_ranges(rows, [column]), nw.len().alias("lines"))
    counted = (
        pairs.join(members, on="customer_id", how="inner").group_by("segment_id", column).agg(nw.len().alias("buyers"))
    )
    return counted.select(
        nw.col("segment_id").cast(nw.Int32), nw.col(column).cast(nw.Int64), nw.col("buyers").cast(nw.Int64)
    )


def _collect(rows: nw.LazyFrame) -> pl.DataFrame:
    return rows.collect(backend="polars").to_native()


def _indices(buyers: pl.DataFrame, sizes: pl.DataFrame) -> pl.DataFrame:
    """Shares and indices of one kind of item, of those with enough buyers in the segment."""
    everyone = pl.col("buyers").sum().over("item_id") / int(sizes["active"].sum())
    own = pl.col("buyers") / pl.col("active")
    return (
        buyers.join(sizes, on="segment_id")
        .with_columns(
            # Before the filter, because the average counts buyers in every segment.
            buyer_index=(100 * own / everyone).round(_DECIMALS),
            buyer_share=own.round(_DECIMALS),
        )
        .filter(pl.col("buyers") >= FEWEST_BUYERS)
    )

"""Computes gold/segment_profiles: the mean features of each segment, and what it buys most.

Aggregations of customers and order items run on any engine (`segment_means`, `segment_product_counts`). Their results
have at most segments x products rows and are combined in Polars, because engines differ in lists.
"""

from datetime import date

import narwhals as nw
import polars as pl

from cis_assets.catalog import AS_OF_DATE
from cis_assets.catalog.gold import SEGMENT_PROFILES
from cis_assets.catalog.product_families import family_numbers
from cis_assets.catalog.snapshots import as_of_rows, segment_members
from cis_assets.dates import trailing_window
from cis_assets.segmentation.centers import SegmentModelError
from cis_assets.segmentation.naming import NEW_CUSTOMERS_MARKS
from cis_assets.segmentation.order_windows import snapshot_window

ACTIVE_DAYS = 90
"""Customers without an order in so many days are quiet: they stand beside the shares of segments."""
TOP_DEPARTMENTS = 5
TOP_PRODUCTS = 5
# Rounded, because the last digits of means and shares differ between engines.
_DECIMALS = 6

_MEANS = (
    "recency_days",
    "order_count",
    "mean_gap_days",
    "mean_basket_size",
    "reorder_share",
    "weekend_share",
    "total_spend",
)


def profile_segments(
    features: nw.LazyFrame,
    segments: nw.LazyFrame,
    models: pl.DataFrame,
    order_items: nw.LazyFrame,
    products: nw.LazyFrame,
    *,
    as_of: date,
    history_days: int,
) -> pl.DataFrame:
    """The rows of gold/segment_profiles of the snapshot `as_of`, by segment_id.

    `features` and `segments` are rows of gold/customer_features and gold/customer_segments; `order_items` and
    `products` are rows of silver; all are on one engine. `models` are all rows of gold/segment_model. Rows of other snapshots are
    ignored. Segments without customers have no row. Lists have at most five names; ties: departments by name, products
    by the smaller id of the family.

    Raises SegmentModelError if the customers were placed by a version that `models` lacks.
    """
    means = _collect(segment_means(features, segments, as_of=as_of))
    counts = _collect(segment_product_counts(order_items, segments, products, as_of=as_of, history_days=history_days))
    _refuse_unknown_version(means, models)
    tops = [
        _top(counts, ("department",), "department", TOP_DEPARTMENTS, "top_departments"),
        _top(counts, ("family_id", "product_name"), "product_name", TOP_PRODUCTS, "top_products"),
    ]
    marks = models.lazy().select("segment_id", pl.col("version").alias("model_version"), "segment_marks")
    profiles = means.lazy().join(marks, on=["segment_id", "model_version"], how="left")
    for top in tops:
        profiles = profiles.join(top.lazy(), on="segment_id", how="left")
    no_names = pl.lit([], dtype=pl.List(pl.String))
    active = pl.col("customer_count") - pl.col("quiet_customers")
    return SEGMENT_PROFILES.conform(
        profiles.rename({name: f"mean_{name.removeprefix('mean_')}" for name in _MEANS})
        .with_columns(
            pl.lit(as_of).alias(AS_OF_DATE),
            (active / active.sum()).fill_nan(0.0).round(_DECIMALS).alias("customer_share"),
            pl.col("segment_marks").fill_null(NEW_CUSTOMERS_MARKS),
            pl.col("top_departments", "top_products").fill_null(no_names),
        )
        .sort("segment_id")
    ).collect()


def segment_means(features: nw.LazyFrame, segments: nw.LazyFrame, *, as_of: date) -> nw.LazyFrame:
    """Customers and mean features of each segment in the snapshot `as_of`: one row per segment, unsorted.

    `features` are rows of gold/customer_features, `segments` of gold/customer_segments. Columns: segment_id,
    segment_name, model_version, customer_count, quiet_customers, and the mean of each feature under the feature's name.
    Customers without a value (the gap of a single order, spend without prices) are excluded from its mean.
    """
    placed = as_of_rows(segments, as_of).select("customer_id", "segment_id", "segment_name", "model_version")
    described = as_of_rows(features, as_of).select("customer_id", *(nw.col(name).cast(nw.Float64) for name in _MEANS))
    return (
        described.join(placed, on="customer_id", how="inner")
        .with_columns(is_quiet=nw.when(nw.col("recency_days") >= ACTIVE_DAYS).then(nw.lit(1)).otherwise(nw.lit(0)))
        .group_by("segment_id", "segment_name", "model_version")
        .agg(
            nw.len().alias("customer_count"),
            nw.col("is_quiet").sum().alias("quiet_customers"),
            *(nw.col(name).mean() for name in _MEANS),
        )
        .with_columns(nw.col(name).round(_DECIMALS) for name in _MEANS)
        .with_columns(nw.col("segment_id").cast(nw.Int32), nw.col("customer_count", "quiet_customers").cast(nw.Int64))
    )


def segment_product_counts(
    order_items: nw.LazyFrame, segments: nw.LazyFrame, products: nw.LazyFrame, *, as_of: date, history_days: int
) -> nw.LazyFrame:
    """Items of the window by segment, product family and department: line_count, and product_name, as people read it.

    `order_items` and `products` are rows of silver. Only items in the trailing window that ends with `as_of` count, of
    customers with a segment and of known products. Unsorted.
    """
    counted = (
        snapshot_window(order_items, trailing_window(as_of, history_days))
        .select("customer_id", "product_id")
        .join(segment_members(segments, as_of), on="customer_id", how="inner")
        .group_by("segment_id", "product_id")
        .agg(nw.len().alias("line_count"))
    )
    shown = nw.coalesce("display_name", "product_name").alias("product_name")
    named = products.select("product_id", shown, "department").join(
        family_numbers(products), on="product_id", how="inner"
    )
    # A family may have members that differ in case.
    names = named.group_by("family_id").agg(nw.col("product_name").min())
    return (
        counted.join(named.select("product_id", "family_id", "department"), on="product_id", how="inner")
        .group_by("segment_id", "family_id", "department")
        .agg(nw.col("line_count").sum())
        .join(names, on="family_id", how="inner")
        .select(
            nw.col("segment_id").cast(nw.Int32),
            "family_id",
            "product_name",
            "department",
            nw.col("line_count").cast(nw.Int64),
        )
    )


def _collect(rows: nw.LazyFrame) -> pl.DataFrame:
    return rows.collect(backend="polars").to_native()


def _top(counts: pl.DataFrame, key: tuple[str, ...], name: str, most: int, into: str) -> pl.DataFrame:
    """The `most` names with the most items per segment, as a list in the column `into`."""
    return (
        counts.group_by("segment_id", *key)
        .agg(pl.col("line_count").sum())
        .sort("line_count", *key, descending=[True, *(False for _ in key)])
        .group_by("segment_id", maintain_order=True)
        .agg(pl.col(name).head(most).alias(into))
    )


def _refuse_unknown_version(means: pl.DataFrame, models: pl.DataFrame) -> None:
    known = models.select(pl.col("version").alias("model_version"), "segment_id")
    unknown = means.filter(pl.col("segment_id") > 0).join(known, on=["model_version", "segment_id"], how="anti")
    if unknown.height:
        first = unknown.sort("model_version", "segment_id").row(0, named=True)
        raise SegmentModelError(
            f"gold/customer_segments has segment {first['segment_id']} of version {first['model_version']}, which "
            "gold/segment_model does not have; materialize customer_segments of that day again."
        )

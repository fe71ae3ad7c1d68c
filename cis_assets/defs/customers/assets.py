"""Gold tables about customers as of a day: features, segments and order patterns.

Each snapshot looks back over the trailing window of orders (`CIS_HISTORY_DAYS`) and uses no order after its day. The
segment model is trained in `training`.
"""

import dagster as dg
import narwhals as nw
import polars as pl

from cis_assets.catalog import AS_OF_DATE, ORDER_DATE, gold, quality, silver
from cis_assets.catalog.product_families import family_numbers
from cis_assets.dashboard import findings
from cis_assets.dates import DateRange, trailing_window
from cis_assets.defs import partitions
from cis_assets.defs.customers.lifecycle_metadata import describe_stages
from cis_assets.defs.customers.newest_metadata import chunks_describing_newest, describe_newest
from cis_assets.defs.partitions import EVERY_DAY, days_of, newest_day
from cis_assets.defs.resources import LakeResource
from cis_assets.defs.tables import asset_key, table_asset, table_in
from cis_assets.lake.chunks import LazyChunks
from cis_assets.segmentation import customer_features as features_transform
from cis_assets.segmentation import habits as habits_transform
from cis_assets.segmentation import patterns, profiles
from cis_assets.segmentation.assignment import assign_segments
from cis_assets.segmentation.lifecycle import LifecycleRules, customer_lifecycle_in_chunks
from cis_assets.segmentation.order_windows import newest_order_date
from cis_assets.settings import Settings

_OWNER = "team:data-science"
# Customers with fewer orders have had little chance to buy anything again.
_REGULAR_ORDERS = 5


def build_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    history_days = settings.history_days
    window = partitions.trailing_window(settings)
    orders_window = table_in(silver.ORDERS, partition_mapping=window)
    order_items_window = table_in(silver.ORDER_ITEMS, partition_mapping=window)

    @table_asset(
        settings,
        gold.CUSTOMER_FEATURES,
        "narwhals",
        # The checks quarantine dates, so in a run of both they come first.
        deps=[asset_key(quality.DATE_CHECKS)],
        ins={"orders": orders_window, "order_items": order_items_window, "products": table_in(silver.PRODUCTS)},
    )
    def customer_features(
        context: dg.AssetExecutionContext,
        lake: LakeResource,
        orders: nw.LazyFrame,
        order_items: nw.LazyFrame,
        products: nw.LazyFrame,
    ) -> LazyChunks:
        days = days_of(context)
        newest = newest_order_date(orders, days[-1])
        if newest and newest < days[-1]:
            context.log.warning(
                f"silver/orders has no order after {newest}: "
                f"the snapshot of {days[-1]} counts the days since as days without orders."
            )
        families = family_numbers(products)
        if not order_items.implementation.is_polars():
            return LazyChunks.of(
                features_transform.customer_features(orders, order_items, families, day, history_days) for day in days
            )
        # Names are compared once, not once per day.
        families = families.collect().lazy()
        rows_per_day = lake.row_counts(silver.ORDER_ITEMS)
        return LazyChunks.of(
            chunk
            for day in days
            for chunk in features_transform.customer_features_in_chunks(
                orders,
                order_items,
                families,
                day,
                history_days,
                _count_rows(rows_per_day, trailing_window(day, history_days)),
            )
        )

    @table_asset(
        settings,
        gold.CUSTOMER_HABITS,
        "narwhals",
        owner=_OWNER,
        deps=[asset_key(quality.DATE_CHECKS)],
        ins={"orders": table_in(silver.ORDERS, partition_mapping=EVERY_DAY)},
    )
    def customer_habits(context: dg.AssetExecutionContext, lake: LakeResource, orders: nw.LazyFrame) -> LazyChunks:
        order_rows = int(lake.row_counts(silver.ORDERS)["rows"].sum())
        return chunks_describing_newest(
            context,
            lambda days: habits_transform.customer_habits_in_chunks(orders, days, history_days, order_rows),
            findings.describe_habits,
        )

    @table_asset(
        settings,
        gold.CUSTOMER_LIFECYCLE,
        "narwhals",
        owner=_OWNER,
        deps=[asset_key(quality.DATE_CHECKS)],
        ins={"orders": table_in(silver.ORDERS, partition_mapping=EVERY_DAY)},
    )
    def customer_lifecycle(context: dg.AssetExecutionContext, lake: LakeResource, orders: nw.LazyFrame) -> LazyChunks:
        order_rows = int(lake.row_counts(silver.ORDERS)["rows"].sum())
        rules = LifecycleRules.from_settings(settings)
        return chunks_describing_newest(
            context,
            lambda days: customer_lifecycle_in_chunks(orders, days, history_days, rules, order_rows),
            describe_stages,
        )

    @table_asset(
        settings,
        gold.CUSTOMER_SEGMENTS,
        "polars",
        owner=_OWNER,
        ins={
            "features": table_in(gold.CUSTOMER_FEATURES),
            "habits": table_in(gold.CUSTOMER_HABITS),
            "models": table_in(gold.SEGMENT_MODEL),
        },
    )
    def customer_segments(
        context: dg.AssetExecutionContext, features: pl.LazyFrame, habits: pl.LazyFrame, models: pl.DataFrame
    ) -> pl.DataFrame:
        placed = assign_segments(features, habits, models)
        describe_newest(context, placed, findings.describe_segments)
        return placed

    @table_asset(
        settings,
        gold.SEGMENT_PROFILES,
        "narwhals",
        owner=_OWNER,
        ins={
            "features": table_in(gold.CUSTOMER_FEATURES),
            "segments": table_in(gold.CUSTOMER_SEGMENTS),
            "models": table_in(gold.SEGMENT_MODEL),
            "order_items": order_items_window,
            "products": table_in(silver.PRODUCTS),
        },
    )
    def segment_profiles(
        context: dg.AssetExecutionContext,
        features: nw.LazyFrame,
        segments: nw.LazyFrame,
        models: pl.DataFrame,
        order_items: nw.LazyFrame,
        products: nw.LazyFrame,
    ) -> pl.DataFrame:
        made = pl.concat(
            profiles.profile_segments(
                features, segments, models, order_items, products, as_of=day, history_days=history_days
            )
            for day in days_of(context)
        )
        describe_newest(context, made, findings.describe_profiles)
        return made

    @table_asset(
        settings,
        gold.ORDER_PATTERNS,
        "narwhals",
        owner=_OWNER,
        ins={"orders": orders_window, "segments": table_in(gold.CUSTOMER_SEGMENTS)},
    )
    def order_patterns(context: dg.AssetExecutionContext, orders: nw.LazyFrame, segments: nw.LazyFrame) -> LazyChunks:
        return LazyChunks.of(
            patterns.order_patterns(orders, segments, as_of=day, history_days=history_days) for day in days_of(context)
        )

    @table_asset(
        settings,
        gold.ORDER_FREQUENCY,
        "narwhals",
        owner=_OWNER,
        ins={"orders": orders_window, "segments": table_in(gold.CUSTOMER_SEGMENTS)},
    )
    def order_frequency(
        context: dg.AssetExecutionContext, orders: nw.LazyFrame, segments: nw.LazyFrame
    ) -> pl.DataFrame:
        counted = (
            patterns.order_frequency(orders, segments, as_of=day, history_days=history_days) for day in days_of(context)
        )
        # Few rows of each day, so they fit into memory.
        made = pl.concat(each.collect(backend="polars").to_native() for each in counted)
        describe_newest(context, made, findings.describe_gaps)
        return made

    return [
        customer_features,
        customer_habits,
        customer_lifecycle,
        customer_segments,
        segment_profiles,
        order_patterns,
        order_frequency,
    ]


def build_checks(settings: Settings) -> list[dg.AssetChecksDefinition]:
    """Check that the share of items that regular customers buy again is plausible.

    A share near zero or one mostly means that product numbers changed, or that orders were read twice.
    """
    low, high = settings.reorder_share_min, settings.reorder_share_max

    @dg.asset_check(
        name="reorder_share_is_plausible",
        asset=asset_key(gold.CUSTOMER_FEATURES),
        description="Warns if customers with five or more orders buy an implausible share of their items again: on average "
        "less than CIS_REORDER_SHARE_MIN or more than CIS_REORDER_SHARE_MAX in the newest snapshot of the run.",
    )
    def reorder_share_is_plausible(customer_features: pl.LazyFrame) -> dg.AssetCheckResult:
        newest = pl.col(AS_OF_DATE) == newest_day(customer_features)
        regular = customer_features.filter(newest).filter(pl.col("order_count") >= _REGULAR_ORDERS)
        count, share = regular.select(pl.len(), pl.col("reorder_share").mean()).collect(engine="streaming").row(0)
        if share is None:
            return dg.AssetCheckResult(passed=True, description=f"No customer has {_REGULAR_ORDERS} orders yet.")
        return dg.AssetCheckResult(
            passed=low <= share <= high,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"{count} regular customers buy {share:.1%} of their items again; {low:.0%} to {high:.0%} are plausible.",
            metadata={"reorder_share": share, "regular_customers": count},
        )

    return [reorder_share_is_plausible]


def _count_rows(rows_per_day: pl.DataFrame, window: DateRange) -> int:
    return int(rows_per_day.filter(pl.col(ORDER_DATE).is_between(window.first, window.last))["rows"].sum())

"""Gold tables about how customers move and stay: segment migration, cohort retention and what segments prefer to buy."""

import dagster as dg
import narwhals as nw
import polars as pl

from cis_assets.catalog import gold, quality, silver
from cis_assets.dashboard import findings, movement_charts
from cis_assets.defs import partitions
from cis_assets.defs.customers.newest_metadata import describe_newest
from cis_assets.defs.partitions import EVERY_DAY, days_of
from cis_assets.defs.resources import LakeResource
from cis_assets.defs.tables import asset_key, table_asset, table_in
from cis_assets.segmentation import cohorts, migration, preferences
from cis_assets.settings import Settings

_OWNER = "team:data-science"


def build_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    every_order = table_in(silver.ORDERS, partition_mapping=EVERY_DAY)
    order_items_window = table_in(silver.ORDER_ITEMS, partition_mapping=partitions.trailing_window(settings))

    @table_asset(
        settings,
        gold.SEGMENT_MIGRATION,
        "narwhals",
        owner=_OWNER,
        deps=[asset_key(quality.DATE_CHECKS)],
        ins={"orders": every_order, "models": table_in(gold.SEGMENT_MODEL)},
    )
    def segment_migration(
        context: dg.AssetExecutionContext, lake: LakeResource, orders: nw.LazyFrame, models: pl.DataFrame
    ) -> pl.DataFrame:
        order_rows = int(lake.row_counts(silver.ORDERS)["rows"].sum())
        made = migration.segment_migration(orders, models, days_of(context), settings.history_days, order_rows)
        describe_newest(context, made, findings.describe_migration, movement_charts.migration_chart)
        return made

    @table_asset(
        settings,
        gold.COHORT_RETENTION,
        "narwhals",
        owner=_OWNER,
        deps=[asset_key(quality.DATE_CHECKS)],
        ins={"orders": every_order},
    )
    def cohort_retention(context: dg.AssetExecutionContext, orders: nw.LazyFrame) -> pl.DataFrame:
        made = cohorts.cohort_retention(orders, days_of(context))
        describe_newest(context, made, findings.describe_cohorts, movement_charts.cohort_chart)
        return made

    @table_asset(
        settings,
        gold.SEGMENT_PREFERENCES,
        "narwhals",
        owner=_OWNER,
        ins={
            "segments": table_in(gold.CUSTOMER_SEGMENTS),
            "order_items": order_items_window,
            "products": table_in(silver.PRODUCTS),
        },
    )
    def segment_preferences(
        context: dg.AssetExecutionContext, segments: nw.LazyFrame, order_items: nw.LazyFrame, products: nw.LazyFrame
    ) -> pl.DataFrame:
        made = pl.concat(
            preferences.segment_preferences(order_items, segments, products, as_of=day) for day in days_of(context)
        )
        describe_newest(context, made, findings.describe_preferences)
        return made

    return [segment_migration, cohort_retention, segment_preferences]

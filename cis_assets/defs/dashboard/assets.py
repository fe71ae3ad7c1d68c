"""The dashboard: one self-contained page for analysts, drawn from the newest gold snapshot."""

import dagster as dg
import polars as pl

from cis_assets.catalog import AS_OF_DATE, gold
from cis_assets.defs.partitions import EVERY_DAY, ONE_RUN, newest_day
from cis_assets.defs.resources import PAGES_IO
from cis_assets.defs.tables import table_in

DASHBOARD_KEY = dg.AssetKey(["dashboard", "customers"])
_TABLES = {
    "customer_segments": gold.CUSTOMER_SEGMENTS,
    "segment_profiles": gold.SEGMENT_PROFILES,
    "order_patterns": gold.ORDER_PATTERNS,
    "order_frequency": gold.ORDER_FREQUENCY,
}


@dg.asset(
    key=DASHBOARD_KEY,
    group_name="dashboard",
    kinds={"html", "altair"},
    owners=["team:analytics"],
    io_manager_key=PAGES_IO,
    backfill_policy=ONE_RUN,
    ins={name: table_in(table, partition_mapping=EVERY_DAY) for name, table in _TABLES.items()},
)
def dashboard(
    customer_segments: pl.LazyFrame,
    segment_profiles: pl.LazyFrame,
    order_patterns: pl.LazyFrame,
    order_frequency: pl.LazyFrame,
) -> str:
    """One self-contained page with customer segments, order frequency, and activity by weekday and hour."""
    from cis_assets.dashboard.page import dashboard_page
    from cis_assets.dashboard.summaries import GoldFrames

    newest = pl.col(AS_OF_DATE) == newest_day(customer_segments)
    return dashboard_page(
        GoldFrames(
            customer_segments=customer_segments.filter(newest).collect(),
            segment_profiles=segment_profiles.filter(newest).collect(),
            order_patterns=order_patterns.filter(newest).collect(),
            order_frequency=order_frequency.filter(newest).collect(),
        )
    )

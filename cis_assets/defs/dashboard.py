"""The dashboard: one self-contained page for analysts, drawn from the newest gold snapshot."""

import dagster as dg
import polars as pl

from cis_assets.catalog import AS_OF_DATE, gold
from cis_assets.defs.partitions import EVERY_DAY, ONE_RUN, newest_day
from cis_assets.defs.resources import PAGES_IO
from cis_assets.defs.tables import naming_unreadable_files, table_in
from cis_assets.lake.lake import Lake
from cis_assets.settings import Settings

DASHBOARD_KEY = dg.AssetKey(["dashboard", "customers"])
_TABLES = (gold.CUSTOMER_SEGMENTS, gold.SEGMENT_PROFILES, gold.ORDER_PATTERNS, gold.ORDER_FREQUENCY)


def build(settings: Settings) -> dg.Definitions:
    decorate = dg.asset(
        key=DASHBOARD_KEY,
        group_name="dashboard",
        kinds={"html", "altair"},
        owners=["team:analytics"],
        io_manager_key=PAGES_IO,
        backfill_policy=ONE_RUN,
        ins={table.name: table_in(table, partition_mapping=EVERY_DAY) for table in _TABLES},
    )
    return dg.Definitions(assets=[decorate(naming_unreadable_files(dashboard, Lake(settings.lake_uri), _TABLES))])


def dashboard(customer_segments: pl.LazyFrame, **tables: pl.LazyFrame) -> str:
    """One self-contained page with customer segments, order frequency, and activity by weekday and hour."""
    from cis_assets.dashboard.page import dashboard_page
    from cis_assets.dashboard.summaries import GoldFrames

    newest = pl.col(AS_OF_DATE) == newest_day(customer_segments)
    snapshots = {"customer_segments": customer_segments, **tables}
    return dashboard_page(GoldFrames(**{name: rows.filter(newest).collect() for name, rows in snapshots.items()}))

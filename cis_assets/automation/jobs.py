"""The jobs of the platform: selections of assets that belong into one run, and work on the lake as a whole."""

import dagster as dg

from cis_assets.assets.dashboard import DASHBOARD_KEY
from cis_assets.assets.tables import asset_key
from cis_assets.automation.erasure import erase_customers
from cis_assets.automation.maintenance import MAINTENANCE_JOBS
from cis_assets.catalog import gold

# Runs that share a value follow one another (see dagster.yaml): the later one has the newer files, and is to write last.
ONE_AT_A_TIME = "cis/one_at_a_time"

_INGESTED = dg.AssetSelection.groups("bronze", "silver")
_MODEL = dg.AssetSelection.assets(asset_key(gold.SEGMENT_MODEL))

ingest = dg.define_asset_job(
    "ingest",
    selection=_INGESTED.without_checks(),
    description="Landing files of order dates into bronze and silver, with the newest snapshots of products, customers and offers.",
    tags={ONE_AT_A_TIME: "ingest"},
)

daily_gold = dg.define_asset_job(
    "daily_gold",
    selection=((dg.AssetSelection.groups("gold") - _MODEL) | dg.AssetSelection.assets(DASHBOARD_KEY)).without_checks(),
    description="Features, segments, patterns and notifications as of a day, by the segment model as it is, and the dashboard.",
    tags={ONE_AT_A_TIME: "gold"},
)

train_segments = dg.define_asset_job(
    "train_segments",
    selection=_MODEL.without_checks(),
    description="A new segment model from the newest snapshot of customer features.",
)

JOBS = [ingest, daily_gold, train_segments, erase_customers, *MAINTENANCE_JOBS]

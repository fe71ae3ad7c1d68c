"""The jobs of the platform, each a selection of assets that belong into one run."""

import dagster as dg

from cis_assets.assets.dashboard import DASHBOARD_KEY
from cis_assets.assets.tables import asset_key
from cis_assets.catalog import gold

_INGESTED = dg.AssetSelection.groups("bronze", "silver")
_MODEL = dg.AssetSelection.assets(asset_key(gold.SEGMENT_MODEL))

ingest = dg.define_asset_job(
    "ingest",
    selection=_INGESTED,
    description="Landing files of order dates into bronze and silver, with the newest snapshots of products, customers and offers.",
)

daily_gold = dg.define_asset_job(
    "daily_gold",
    selection=(dg.AssetSelection.groups("gold") - _MODEL) | dg.AssetSelection.assets(DASHBOARD_KEY),
    description="Features, segments, patterns and notifications as of a day, by the segment model as it is, and the dashboard.",
)

train_segments = dg.define_asset_job(
    "train_segments",
    selection=_MODEL,
    description="A new segment model from the newest snapshot of customer features.",
)

JOBS = [ingest, daily_gold, train_segments]

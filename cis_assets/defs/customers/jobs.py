"""The jobs that make a snapshot and train the segment model."""

import dagster as dg

from cis_assets.defs.maintenance.checks import MAINTENANCE_CHECKS
from cis_assets.defs.selections import SEGMENT_MODEL, SNAPSHOT
from cis_assets.defs.tables import ONE_AT_A_TIME

daily_gold = dg.define_asset_job(
    "daily_gold",
    selection=dg.AssetSelection.from_string(SNAPSHOT) - MAINTENANCE_CHECKS,
    description="Makes the gold tables of a day with the current segment model, and the dashboard.",
    tags={ONE_AT_A_TIME: "gold"},
)

train_segments = dg.define_asset_job(
    "train_segments",
    selection=dg.AssetSelection.from_string(SEGMENT_MODEL) - MAINTENANCE_CHECKS,
    description="Trains a new segment model on the newest snapshot of customer features.",
)

"""The jobs of the platform: selections of assets that belong into one run, and work on the lake as a whole."""

import dagster as dg

from cis_assets.defs.erasure.jobs import erase_customers
from cis_assets.defs.maintenance.checks import table_upkeep
from cis_assets.defs.maintenance.jobs import MAINTENANCE_JOBS
from cis_assets.defs.selections import INGEST, SEGMENT_MODEL, SNAPSHOT

# Runs that share a value follow one another (see dagster.yaml): the later one has the newer files, and is to write last.
ONE_AT_A_TIME = "cis/one_at_a_time"

_INGESTED = dg.AssetSelection.from_string(INGEST)
# Whether tables need maintenance is looked at by a job of its own.
_UPKEEP = dg.AssetSelection.checks(table_upkeep)

ingest = dg.define_asset_job(
    "ingest",
    selection=_INGESTED - _UPKEEP,
    description="Landing files of order dates into bronze and silver, with the newest snapshots of products, customers and offers, and the checks of each date.",
    tags={ONE_AT_A_TIME: "ingest"},
)

daily_gold = dg.define_asset_job(
    "daily_gold",
    selection=dg.AssetSelection.from_string(SNAPSHOT) - _UPKEEP,
    description="Features, segments, patterns and notifications as of a day, by the segment model as it is, and the dashboard.",
    tags={ONE_AT_A_TIME: "gold"},
)

train_segments = dg.define_asset_job(
    "train_segments",
    selection=dg.AssetSelection.from_string(SEGMENT_MODEL) - _UPKEEP,
    description="A new segment model from the newest snapshot of customer features.",
)

JOBS = [ingest, daily_gold, train_segments, erase_customers, *MAINTENANCE_JOBS]

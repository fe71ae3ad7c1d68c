"""The ingest job."""

import dagster as dg

from cis_assets.defs.maintenance.checks import MAINTENANCE_CHECKS
from cis_assets.defs.selections import INGEST
from cis_assets.defs.tables import ONE_AT_A_TIME

ingest = dg.define_asset_job(
    "ingest",
    selection=dg.AssetSelection.from_string(INGEST) - MAINTENANCE_CHECKS,
    description="Reads the landing files of order dates into bronze and silver, reads the newest product, customer and "
    "offer files, and checks each date.",
    tags={ONE_AT_A_TIME: "ingest"},
)

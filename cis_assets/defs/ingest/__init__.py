"""Ingest: landing files become bronze and silver tables."""

import dagster as dg

from cis_assets.defs.ingest import bronze_assets, silver_assets
from cis_assets.defs.ingest.consent_sensor import consent_sensor
from cis_assets.defs.ingest.sensors import build_sensors
from cis_assets.defs.jobs import ingest, ingest_snapshots
from cis_assets.settings import Settings


def build(settings: Settings) -> dg.Definitions:
    return dg.Definitions(
        assets=[*bronze_assets.build_assets(settings), *silver_assets.build_assets(settings)],
        jobs=[ingest, ingest_snapshots],
        sensors=[*build_sensors(settings), consent_sensor],
    )

"""Customers: features, segments, lifecycle stages, order patterns, and how customers move and stay."""

import dagster as dg

from cis_assets.defs.customers import assets, movements, training
from cis_assets.defs.customers.lifecycle_metadata import build_return_rate_check
from cis_assets.defs.customers.schedules import build_schedules
from cis_assets.defs.customers.sensors import build_sensors
from cis_assets.defs.jobs import daily_gold, promote_segments, train_segments
from cis_assets.settings import Settings


def build(settings: Settings) -> dg.Definitions:
    return dg.Definitions(
        assets=[*assets.build_assets(settings), *movements.build_assets(settings), *training.build_assets(settings)],
        asset_checks=[*assets.build_checks(settings), *training.build_checks(settings), build_return_rate_check()],
        jobs=[daily_gold, train_segments, promote_segments],
        schedules=build_schedules(settings),
        sensors=build_sensors(settings),
    )

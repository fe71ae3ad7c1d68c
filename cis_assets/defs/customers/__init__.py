"""Customers: features, segments, order patterns, and how customers move and stay."""

import dagster as dg

from cis_assets.defs.customers.assets import build_assets, build_checks
from cis_assets.defs.customers.movements import build_movements
from cis_assets.defs.customers.schedules import build_schedules
from cis_assets.defs.customers.sensors import build_sensors
from cis_assets.defs.jobs import daily_gold, train_segments
from cis_assets.settings import Settings


def build(settings: Settings) -> dg.Definitions:
    return dg.Definitions(
        assets=[*build_assets(settings), *build_movements(settings)],
        asset_checks=build_checks(settings),
        jobs=[daily_gold, train_segments],
        schedules=build_schedules(settings),
        sensors=build_sensors(settings),
    )

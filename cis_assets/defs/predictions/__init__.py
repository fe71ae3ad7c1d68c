"""Predictions: the models of the next order and the next basket, their evaluation, and the daily forecasts."""

import dagster as dg

from cis_assets.defs.jobs import train_predictions
from cis_assets.defs.predictions import assets, training
from cis_assets.settings import Settings


def build(settings: Settings) -> dg.Definitions:
    return dg.Definitions(
        assets=[*training.build_assets(settings), *assets.build_assets(settings)],
        asset_checks=training.build_checks(),
        jobs=[train_predictions],
        schedules=training.build_schedules(settings),
    )

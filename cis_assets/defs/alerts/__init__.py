"""Alerts: messages about failed runs."""

import dagster as dg

from cis_assets.defs.alerts.sensors import build_sensors
from cis_assets.settings import Settings


def build(settings: Settings) -> dg.Definitions:
    return dg.Definitions(sensors=build_sensors(settings))

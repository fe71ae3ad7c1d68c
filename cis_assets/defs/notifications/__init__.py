"""Notifications: facts, copy and messages."""

import dagster as dg

from cis_assets.defs.notifications.assets import build_assets
from cis_assets.settings import Settings


def build(settings: Settings) -> dg.Definitions:
    return dg.Definitions(assets=build_assets(settings))

"""The dashboard page."""

import dagster as dg

from cis_assets.defs.dashboard.assets import dashboard
from cis_assets.settings import Settings


def build(settings: Settings) -> dg.Definitions:
    return dg.Definitions(assets=[dashboard])

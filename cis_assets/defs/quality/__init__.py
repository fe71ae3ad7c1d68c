"""Quality: the checks of each order date."""

import dagster as dg

from cis_assets.defs.quality import assets, checks
from cis_assets.settings import Settings


def build(settings: Settings) -> dg.Definitions:
    return dg.Definitions(assets=assets.build_assets(settings), asset_checks=checks.build_checks(settings))

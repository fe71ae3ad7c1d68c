"""Where the parts meet: the definitions that Dagster loads.

`build_definitions` takes the parts that a test or another deployment may want to swap; `defs` is what
`workspace.yaml` names. Nothing is computed or opened here.
"""

import dagster as dg

from cis_assets.assets import bronze, gold, silver
from cis_assets.assets.tables import LAKE_IO
from cis_assets.lake.io_manager import LakeIOManager
from cis_assets.landing.resource import LandingResource
from cis_assets.settings import Settings, settings


def build_definitions(configured: Settings | None = None) -> dg.Definitions:
    """All assets, jobs, schedules, sensors and resources, with the lake and landing folder of the settings."""
    configured = configured or settings()
    return dg.Definitions(
        assets=[*bronze.LANDING_FILES, *bronze.ASSETS, *silver.ASSETS, *gold.ASSETS],
        resources={
            LAKE_IO: LakeIOManager(lake_uri=configured.lake_uri),
            "landing": LandingResource(landing_uri=configured.landing_uri),
        },
        executor=dg.in_process_executor,
    )


defs = build_definitions()

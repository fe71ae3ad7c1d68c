"""Where the parts meet: the definitions that Dagster loads.

`build_definitions` takes settings that say where lake and landing folder are and who writes; partitions, windows and
everything else of the assets follow the settings of the process. `defs` is what `workspace.yaml` names. Nothing is
computed or opened here.
"""

import dagster as dg

from cis_assets.assets import bronze, dashboard, gold, notifications, quality, segments, silver
from cis_assets.assets.dashboard import PAGES_IO
from cis_assets.assets.tables import LAKE_IO
from cis_assets.automation.jobs import JOBS
from cis_assets.automation.landing_sensor import StoredDaysResource
from cis_assets.automation.schedules import SCHEDULES
from cis_assets.automation.sensors import SENSORS
from cis_assets.checks import order_dates, reorder_share, table_upkeep
from cis_assets.lake.erased_customers import ErasedCustomersResource
from cis_assets.lake.held_dates import HeldDatesResource
from cis_assets.lake.io_manager import LakeIOManager
from cis_assets.lake.maintenance import UpkeepResource
from cis_assets.lake.pages import PageIOManager
from cis_assets.lake.row_counts import RowCountsResource
from cis_assets.landing.resource import LandingResource
from cis_assets.settings import Settings, settings
from cis_assets.writers.resource import CopyWriterResource

ASSETS = [
    *bronze.LANDING_FILES,
    *bronze.ASSETS,
    *silver.ASSETS,
    *quality.ASSETS,
    *gold.ASSETS,
    *segments.ASSETS,
    *notifications.ASSETS,
    *dashboard.ASSETS,
]

CHECKS = [*order_dates.CHECKS, *reorder_share.CHECKS, *table_upkeep.CHECKS]


def build_definitions(configured: Settings | None = None) -> dg.Definitions:
    """All assets, checks, jobs, schedules, sensors and resources, with the addresses, engine and writer of `configured`."""
    configured = configured or settings()
    return dg.Definitions(
        assets=ASSETS,
        asset_checks=CHECKS,
        jobs=JOBS,
        schedules=SCHEDULES,
        sensors=SENSORS,
        resources={
            LAKE_IO: LakeIOManager(lake_uri=configured.lake_uri, engine=configured.engine),
            PAGES_IO: PageIOManager(lake_uri=configured.lake_uri),
            "landing": LandingResource(landing_uri=configured.landing_uri),
            "stored": StoredDaysResource(lake_uri=configured.lake_uri),
            "row_counts": RowCountsResource(lake_uri=configured.lake_uri),
            "held": HeldDatesResource(lake_uri=configured.lake_uri),
            "erased": ErasedCustomersResource(lake_uri=configured.lake_uri),
            "upkeep": UpkeepResource.from_settings(configured),
            "writer": CopyWriterResource.from_settings(configured),
        },
        executor=dg.in_process_executor,
    )


defs = build_definitions()

"""Where the parts meet: the definitions that Dagster loads.

`build_definitions` takes settings that say where lake and landing folder are and who writes; partitions, windows and
everything else of the assets follow the settings of the process. `defs` is what `workspace.yaml` names. Nothing is
computed or opened here.
"""

import dagster as dg

from cis_assets.defs.customers import checks as reorder_share
from cis_assets.defs.customers import feature_assets as gold
from cis_assets.defs.customers import segment_assets as segments
from cis_assets.defs.customers.schedules import SCHEDULES
from cis_assets.defs.dashboard import assets as dashboard
from cis_assets.defs.dashboard.assets import PAGES_IO
from cis_assets.defs.ingest import bronze_assets as bronze
from cis_assets.defs.ingest import silver_assets as silver
from cis_assets.defs.ingest.sensors import StoredDaysResource
from cis_assets.defs.jobs import JOBS
from cis_assets.defs.maintenance import checks as table_upkeep
from cis_assets.defs.notifications import assets as notifications
from cis_assets.defs.quality import assets as quality
from cis_assets.defs.quality import checks as order_dates
from cis_assets.defs.sensors import SENSORS
from cis_assets.defs.tables import LAKE_IO
from cis_assets.lake.erased_customers import ErasedCustomersResource
from cis_assets.lake.io_manager import LakeIOManager
from cis_assets.lake.maintenance import UpkeepResource
from cis_assets.lake.pages import PageIOManager
from cis_assets.lake.quarantine import QuarantineResource
from cis_assets.lake.resource import LakeResource
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
    lake = LakeResource.from_settings(configured)
    return dg.Definitions(
        assets=ASSETS,
        asset_checks=CHECKS,
        jobs=JOBS,
        schedules=SCHEDULES,
        sensors=SENSORS,
        resources={
            LAKE_IO: LakeIOManager(lake=lake, engine=configured.engine),
            PAGES_IO: PageIOManager(lake=lake),
            "landing": LandingResource(landing_uri=configured.landing_uri),
            "stored": StoredDaysResource(lake_uri=configured.lake_uri),
            "row_counts": RowCountsResource(lake_uri=configured.lake_uri),
            "held": QuarantineResource(lake_uri=configured.lake_uri),
            "erased": ErasedCustomersResource(lake_uri=configured.lake_uri),
            "upkeep": UpkeepResource.from_settings(configured),
            "writer": CopyWriterResource.from_settings(configured),
        },
        executor=dg.in_process_executor,
    )


defs = build_definitions()

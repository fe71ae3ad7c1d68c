"""The consent sensor: it has new customers files read at once, so that a withdrawal does not wait for new orders."""

import dagster as dg

from cis_assets.defs.ingest.landing_cursor import mark_files
from cis_assets.defs.jobs import ingest_snapshots
from cis_assets.defs.resources import LandingResource
from cis_assets.landing.contract import CUSTOMERS


@dg.sensor(
    job=ingest_snapshots,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Runs the job ingest_snapshots when the landing files of customers change. It removes undelivered messages of "
    "customers without consent.",
)
def consent_sensor(context: dg.SensorEvaluationContext, landing: LandingResource) -> dg.SensorResult | dg.SkipReason:
    files = landing.folder().snapshot_files(CUSTOMERS)
    mark = mark_files(files)
    if mark == context.cursor or not (files or context.cursor):
        return dg.SkipReason("The landing files of customers did not change.")
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=f"customers {mark}")], cursor=mark)

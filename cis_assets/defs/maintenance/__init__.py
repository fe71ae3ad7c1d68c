"""Table maintenance: its job, and the check that says whether a table needs it."""

import dagster as dg

from cis_assets.defs.maintenance.checks import build_checks
from cis_assets.defs.maintenance.jobs import build_jobs, build_schedules
from cis_assets.settings import Settings


def build(settings: Settings) -> dg.Definitions:
    return dg.Definitions(
        asset_checks=build_checks(settings), jobs=build_jobs(settings), schedules=build_schedules(settings)
    )

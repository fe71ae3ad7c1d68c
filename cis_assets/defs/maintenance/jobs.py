"""Maintenance of the lake, and the check that says whether it is needed: their jobs and schedules.

Writing goes on while a table is maintained: whoever loses a conflict, a run or maintenance, tries again. Maintenance
gives way in the queue of runs, and its hour is one at which the daily runs are over.
"""

import dagster as dg

from cis_assets.catalog import SYSTEM_TABLES, TABLES, Table
from cis_assets.defs.maintenance.checks import table_upkeep
from cis_assets.defs.quality.checks import landing_is_fresh
from cis_assets.defs.tables import asset_key
from cis_assets.lake.maintenance import Maintained, UpkeepResource
from cis_assets.settings import settings

_BEHIND_OTHER_RUNS = {"dagster/priority": "-1"}


def step_of(table: Table) -> str:
    """The step of the job maintain_lake that maintains a table."""
    return f"maintain_{table.layer}_{table.name}"


def _maintenance_of(table: Table) -> dg.OpDefinition:
    @dg.op(
        name=step_of(table),
        description=f"Puts small files of {table.path} together, removes those that nobody needs, and tidies its log.",
        out=dg.Out(dg.Nothing),
    )
    def maintain_table(context: dg.OpExecutionContext, upkeep: UpkeepResource) -> None:
        done = upkeep.maintain(table)
        if done is None:
            context.log.info(f"{table.path} was never materialized.")
            return
        for sentence in done.left:
            context.log.warning(sentence)
        context.log.info(done.summary(table))
        metadata = _metadata(done)
        context.add_output_metadata(metadata)
        if table.path in TABLES:
            context.log_event(dg.AssetObservation(asset_key(table), description=done.summary(table), metadata=metadata))

    return maintain_table


_OPS = [_maintenance_of(table) for table in (TABLES | SYSTEM_TABLES).values()]


@dg.job(
    description="Puts small files together, removes old ones past their retention, and tidies the log, table by table.",
    tags=_BEHIND_OTHER_RUNS,
)
def maintain_lake() -> None:
    for maintain_table in _OPS:
        maintain_table()


check_lake = dg.define_asset_job(
    "check_lake",
    selection=dg.AssetSelection.checks(table_upkeep, landing_is_fresh),
    description="Warns of tables that need maintenance, and when no new order date has landed for days.",
    tags=_BEHIND_OTHER_RUNS,
)

maintain_lake_schedule = dg.ScheduleDefinition(
    name="maintain_lake_schedule",
    job=maintain_lake,
    cron_schedule="0 12 * * 0",
    execution_timezone=settings().time_zone,
    description="Every Sunday at noon, in the time zone of CIS_TIME_ZONE.",
    default_status=dg.DefaultScheduleStatus.STOPPED,
)

check_lake_schedule = dg.ScheduleDefinition(
    name="check_lake_schedule",
    job=check_lake,
    cron_schedule="0 14 * * *",
    execution_timezone=settings().time_zone,
    description="Every afternoon, in the time zone of CIS_TIME_ZONE.",
    default_status=dg.DefaultScheduleStatus.STOPPED,
)


def _metadata(done: Maintained) -> dict[str, int]:
    return {
        "files_before": done.before.files,
        "files": done.after.files,
        "size_bytes_before": done.before.bytes,
        "size_bytes": done.after.bytes,
        "partitions_rewritten": done.rewritten,
        "removed_files": done.removed_files,
        "removed_bytes": done.removed_bytes,
        "commits_since_checkpoint_before": done.log_before.commits_since_checkpoint,
        "commits_since_checkpoint": done.log_after.commits_since_checkpoint,
        "log_files_before": done.log_before.files,
        "log_files": done.log_after.files,
        "table_version": done.after.version,
    }


MAINTENANCE_JOBS = [maintain_lake, check_lake]
MAINTENANCE_SCHEDULES = [maintain_lake_schedule, check_lake_schedule]

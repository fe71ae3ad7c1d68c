"""Jobs and schedules of table maintenance.

Runs may write while a table is maintained: the one that loses a conflict retries. Maintenance has a low priority in the
run queue and starts after the daily runs.
"""

from typing import Any

import dagster as dg
from pydantic import Field

from cis_assets.catalog import SYSTEM_TABLES, TABLES, Table
from cis_assets.defs.maintenance.checks import MAINTENANCE_CHECKS
from cis_assets.defs.resources import LakeResource
from cis_assets.defs.tables import asset_key, landing_key
from cis_assets.lake.engines.engine import TableAbsentError
from cis_assets.lake.maintenance import Maintained, maintain
from cis_assets.landing import contract
from cis_assets.settings import Settings

_LOW_PRIORITY = {"dagster/priority": "-1"}
_LANDING_IS_FRESH = dg.AssetCheckKey(landing_key(contract.KEYED_ORDERS), "landing_is_fresh")


class MaintenanceConfig(dg.Config):
    """How long a step of maintain_lake keeps old files."""

    retention_hours: int | None = Field(
        None, description="Hours for which an unneeded file is kept. Empty: CIS_VACUUM_RETENTION_HOURS."
    )
    force: bool = Field(
        False, description="Allow a retention below 24 hours. Stop all runs and readers first: they would lose files."
    )


def step_name(table: Table) -> str:
    """Name the step of the job maintain_lake that maintains a table."""
    return f"maintain_{table.layer}_{table.name}"


def build_jobs(settings: Settings) -> list[Any]:
    ops = [_maintenance_op(table, settings.vacuum_retention_hours) for table in (TABLES | SYSTEM_TABLES).values()]

    @dg.job(
        description="Compacts small files, removes old files past their retention, and cleans up the log of each table.",
        tags=_LOW_PRIORITY,
    )
    def maintain_lake() -> None:
        for maintain_table in ops:
            maintain_table()

    check_lake = dg.define_asset_job(
        "check_lake",
        selection=MAINTENANCE_CHECKS | dg.AssetSelection.checks(_LANDING_IS_FRESH),
        description="Warns of tables that need maintenance, and if no new order date has landed for days.",
        tags=_LOW_PRIORITY,
    )
    return [maintain_lake, check_lake]


def build_schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    return [
        dg.ScheduleDefinition(
            name=f"{job}_schedule",
            job_name=job,
            cron_schedule=cron,
            execution_timezone=settings.time_zone,
            description=f"Runs {job} {when} in the time zone CIS_TIME_ZONE.",
            default_status=dg.DefaultScheduleStatus.STOPPED,
        )
        for job, cron, when in (
            ("maintain_lake", "0 12 * * 0", "every Sunday at noon"),
            ("check_lake", "0 14 * * *", "every day at 14:00"),
        )
    ]


def _maintenance_op(table: Table, retention_hours: int) -> dg.OpDefinition:
    @dg.op(
        name=step_name(table),
        description=f"Compacts small files of {table.path}, removes files that are no longer needed, and cleans up its log.",
        out=dg.Out(dg.Nothing),
    )
    def maintain_table(context: dg.OpExecutionContext, config: MaintenanceConfig, lake: LakeResource) -> None:
        hours = retention_hours if config.retention_hours is None else config.retention_hours
        try:
            done = maintain(table, lake.lake().location(table), hours, force=config.force)
        except TableAbsentError:
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

"""Table maintenance: its job, and the check that says whether a table needs it.

The check reads the log of each table and lists its folder. It reads no row. One step checks all tables. Runs may write
while a table is maintained: the one that loses a conflict retries. Maintenance has a low priority in the run queue and
starts after the daily runs.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg
from pydantic import Field

from cis_assets.catalog import SYSTEM_TABLES, TABLES, Table
from cis_assets.defs.failing_checks import fail_on_errors
from cis_assets.defs.freshness import FRESHNESS_CHECKS
from cis_assets.defs.resources import LakeResource
from cis_assets.defs.tables import asset_key
from cis_assets.errors import OperatorError
from cis_assets.lake.damage import name_unreadable_files
from cis_assets.lake.engines.engine import TableAbsentError
from cis_assets.lake.lake import Lake
from cis_assets.lake.maintenance import maintain
from cis_assets.lake.table_condition import Limits, examine_table
from cis_assets.settings import Settings

TABLE_IS_MAINTAINED = "table_is_maintained"
# Dagster adds the checks of a table to each job that makes the table; these jobs subtract them.
MAINTENANCE_CHECKS = dg.AssetSelection.checks(
    *(dg.AssetCheckKey(asset_key(table), TABLE_IS_MAINTAINED) for table in TABLES.values())
)
_LOW_PRIORITY = {"dagster/priority": "-1"}


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


def build(settings: Settings) -> dg.Definitions:
    limits = Limits(
        settings.maintenance_small_files, settings.maintenance_log_commits, settings.maintenance_removable_share
    )

    @dg.multi_asset_check(
        name=TABLE_IS_MAINTAINED,
        specs=[
            dg.AssetCheckSpec(
                TABLE_IS_MAINTAINED,
                asset=asset_key(table),
                description="Warns if small files or a long log slow down reading, or if maintenance could remove many "
                "bytes. Fails its run if the table cannot be read. The job maintain_lake and the command `cis maintain` repair this.",
            )
            for table in TABLES.values()
        ],
        can_subset=True,
    )
    def table_is_maintained(
        context: dg.AssetCheckExecutionContext, lake: LakeResource
    ) -> Iterator[dg.AssetCheckResult]:
        selected = {key.asset_key for key in context.selected_asset_check_keys}
        yield from fail_on_errors(
            _check(table, lake.lake(), settings.vacuum_retention_hours, limits)
            for table in TABLES.values()
            if asset_key(table) in selected
        )

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
        selection=MAINTENANCE_CHECKS | FRESHNESS_CHECKS,
        description="Fails if no new orders have arrived for days or a table cannot be read, and warns of tables that "
        "need maintenance.",
        tags=_LOW_PRIORITY,
    )
    schedules = [
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
    return dg.Definitions(asset_checks=[table_is_maintained], jobs=[maintain_lake, check_lake], schedules=schedules)


def _check(table: Table, lake: Lake, retention_hours: int, limits: Limits) -> dg.AssetCheckResult:
    def result(passed: bool, description: str, **details: Any) -> dg.AssetCheckResult:
        return dg.AssetCheckResult(
            passed=passed,
            description=description,
            asset_key=asset_key(table),
            check_name=TABLE_IS_MAINTAINED,
            **details,
        )

    try:
        found = examine_table(table, lake.location(table), retention_hours, limits)
    except TableAbsentError:
        return result(True, "Never materialized.")
    except OperatorError as error:
        # An unreadable table fails its own check only. The other tables are still checked.
        return result(False, str(error))
    reasons = " ".join(found.reasons)
    metadata = {
        "files": found.files.files,
        "size_bytes": found.files.bytes,
        "partitions_with_small_files": len(found.files.small),
        "commits_since_checkpoint": found.log.commits_since_checkpoint,
        "removable_files": len(found.removable),
        "removable_bytes": sum(found.removable.values()),
    }
    warn = dg.AssetCheckSeverity.WARN
    return result(not reasons, reasons or "Needs no maintenance.", severity=warn, metadata=metadata)


def _maintenance_op(table: Table, retention_hours: int) -> dg.OpDefinition:
    @dg.op(
        name=step_name(table),
        description=f"Compacts small files of {table.path}, removes files that are no longer needed, and cleans up its log.",
        out=dg.Out(dg.Nothing),
    )
    def maintain_table(context: dg.OpExecutionContext, config: MaintenanceConfig, lake: LakeResource) -> None:
        hours = retention_hours if config.retention_hours is None else config.retention_hours
        location = lake.lake().location(table)
        try:
            with name_unreadable_files([location]):
                done = maintain(table, location, hours, force=config.force)
        except TableAbsentError:
            context.log.info(f"{table.path} was never materialized.")
            return
        for sentence in done.left:
            context.log.warning(sentence)
        context.log.info(done.summary(table))
        metadata = {
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
        context.add_output_metadata(metadata)
        if table.path in TABLES:
            context.log_event(dg.AssetObservation(asset_key(table), description=done.summary(table), metadata=metadata))

    return maintain_table

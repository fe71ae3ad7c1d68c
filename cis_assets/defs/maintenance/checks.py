"""A check on every table: does it need maintenance?

The check reads the log of a table and lists its folder. It reads no row. One step checks all tables.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from cis_assets.catalog import TABLES, Table
from cis_assets.defs.resources import LakeResource
from cis_assets.defs.tables import asset_key
from cis_assets.errors import OperatorError
from cis_assets.lake.engines.engine import TableAbsentError
from cis_assets.lake.lake import Lake
from cis_assets.lake.table_condition import Limits, TableCondition, examine_table
from cis_assets.settings import Settings

TABLE_IS_MAINTAINED = "table_is_maintained"
# Dagster adds the checks of a table to each job that makes the table; these jobs subtract them.
MAINTENANCE_CHECKS = dg.AssetSelection.checks(
    *(dg.AssetCheckKey(asset_key(table), TABLE_IS_MAINTAINED) for table in TABLES.values())
)


def build_checks(settings: Settings) -> list[dg.AssetChecksDefinition]:
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
                "bytes. The job maintain_lake and the command `cis maintain` repair this.",
            )
            for table in TABLES.values()
        ],
        can_subset=True,
    )
    def table_is_maintained(
        context: dg.AssetCheckExecutionContext, lake: LakeResource
    ) -> Iterator[dg.AssetCheckResult]:
        selected = {key.asset_key for key in context.selected_asset_check_keys}
        for table in TABLES.values():
            if asset_key(table) in selected:
                yield _check(table, lake.lake(), settings.vacuum_retention_hours, limits)

    return [table_is_maintained]


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
        # An unreadable table fails its own check only; the other tables are checked all the same.
        return result(False, str(error))
    reasons = " ".join(found.reasons)
    warn = dg.AssetCheckSeverity.WARN
    return result(not reasons, reasons or "Needs no maintenance.", severity=warn, metadata=_metadata(found))


def _metadata(found: TableCondition) -> dict[str, int]:
    return {
        "files": found.files.files,
        "size_bytes": found.files.bytes,
        "partitions_with_small_files": len(found.files.small),
        "commits_since_checkpoint": found.log.commits_since_checkpoint,
        "removable_files": len(found.removable),
        "removable_bytes": sum(found.removable.values()),
    }

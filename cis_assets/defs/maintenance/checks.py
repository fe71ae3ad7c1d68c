"""A check on every table: does it need maintenance?

It reads a table's log and lists its folder, and no row. One step looks at all tables.
"""

from collections.abc import Iterator

import dagster as dg

from cis_assets.catalog import TABLES, Table
from cis_assets.defs.tables import asset_key
from cis_assets.errors import OperatorError
from cis_assets.lake.maintenance import UpkeepResource
from cis_assets.lake.table_condition import TableCondition

_NAME = "table_upkeep"


@dg.multi_asset_check(
    name=_NAME,
    specs=[
        dg.AssetCheckSpec(
            _NAME,
            asset=asset_key(table),
            description="Warns when reading suffers from small files or a long log, or when many bytes could be removed: "
            "the job maintain_lake, or `cis maintain`, mends it.",
        )
        for table in TABLES.values()
    ],
    can_subset=True,
)
def table_upkeep(context: dg.AssetCheckExecutionContext, upkeep: UpkeepResource) -> Iterator[dg.AssetCheckResult]:
    wanted = {key.asset_key for key in context.selected_asset_check_keys}
    for table in TABLES.values():
        if asset_key(table) in wanted:
            yield _result(table, upkeep)


def _result(table: Table, upkeep: UpkeepResource) -> dg.AssetCheckResult:
    key = asset_key(table)
    try:
        found = upkeep.look(table)
    except OperatorError as error:
        # The other tables are looked at all the same.
        return dg.AssetCheckResult(passed=False, asset_key=key, check_name=_NAME, description=str(error))
    if found is None:
        return dg.AssetCheckResult(passed=True, asset_key=key, check_name=_NAME, description="Never materialized.")
    return dg.AssetCheckResult(
        passed=not found.reasons,
        asset_key=key,
        check_name=_NAME,
        severity=dg.AssetCheckSeverity.WARN,
        description=" ".join(found.reasons) or "Needs no maintenance.",
        metadata=_metadata(found),
    )


def _metadata(found: TableCondition) -> dict[str, int]:
    return {
        "files": found.files.files,
        "size_bytes": found.files.bytes,
        "partitions_with_small_files": len(found.files.small),
        "commits_since_checkpoint": found.log.commits_since_checkpoint,
        "removable_files": len(found.removable),
        "removable_bytes": sum(found.removable.values()),
    }


CHECKS = [table_upkeep]

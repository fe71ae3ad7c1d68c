"""What the Dagster UI shows of a table: key, group, kinds, owner, description and columns, all from the catalog."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from cis_assets.catalog import Table, bronze, quality
from cis_assets.defs.partitions import ONE_RUN, ORDER_DATES
from cis_assets.lake.metadata import column_lineage, column_schema
from cis_assets.lake.quarantine import QUARANTINED_BY

OWNERS = ["team:data-engineering"]
LAKE_IO = "lake"
# The pool of whatever reads history in narwhals; without a limit set in Dagster, it limits nothing.
HISTORY_POOL = "history"

_HELD_BY = {
    "bronze": (bronze.LANDED_FILES,),
    "silver": (bronze.LANDED_FILES,),
    "quality": (bronze.LANDED_FILES,),
    "gold": (bronze.LANDED_FILES, quality.DATE_CHECKS),
}


def table_asset(table: Table, *kinds: str, owner: str = OWNERS[0]) -> dict[str, Any]:
    """Arguments for `@dg.asset` of a table's asset."""
    return {
        "key": asset_key(table),
        "partitions_def": ORDER_DATES if table.partition_by else None,
        # Unpartitioned tables too, so that a backfill of everything is said to be one run, which it is.
        "backfill_policy": ONE_RUN,
        "owners": [owner],
        "pool": HISTORY_POOL if "narwhals" in kinds else None,
        **_shown(table, kinds),
    }


def table_out(table: Table, *kinds: str, owner: str = OWNERS[0]) -> dg.AssetOut:
    """One output of a `@dg.multi_asset` that makes several tables."""
    return dg.AssetOut(key=asset_key(table), owners=[owner], **_shown(table, kinds))


def table_in(table: Table, **arguments: Any) -> dg.AssetIn:
    """A table as an input."""
    return dg.AssetIn(key=asset_key(table), **arguments)


def asset_key(table: Table) -> dg.AssetKey:
    return dg.AssetKey([table.layer, table.name])


def held_by(table: Table) -> list[Table]:
    """The tables that hold dates back from a table; each of them is itself written whatever it says."""
    return [holder for holder in _HELD_BY[table.layer] if holder != table]


def _shown(table: Table, kinds: tuple[str, ...]) -> Mapping[str, Any]:
    metadata: dict[str, Any] = {"dagster/column_schema": column_schema(table), "grain": f"one row per {table.grain}"}
    lineage = column_lineage(table)
    if lineage is not None:
        metadata["dagster/column_lineage"] = lineage
    if table.partition_by:
        metadata["partition_expr"] = table.partition_by[0]
        metadata[QUARANTINED_BY] = [holder.path for holder in held_by(table)]
    return {
        "group_name": table.layer,
        "kinds": {"delta", *kinds},
        "description": f"{table.description}\n\nOne row per {table.grain}.",
        "metadata": metadata,
        "io_manager_key": LAKE_IO,
    }

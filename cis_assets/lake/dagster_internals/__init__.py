"""The private names of Dagster that this project uses. Only this package imports `dagster._...`.

Dagster may change these names in any release. `cis_assets_tests/lake/test_dagster_internals.py` has a test for each name;
if one fails after an upgrade, the fix belongs here. This module serves the IO manager. `instance.py` serves the Dagster
instance; it is apart because the SQLite storages take most of a second to import.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import dagster as dg
from dagster._core.execution.context.metadata_logging import AssetMetadataHandle, OutputMetadataAccumulator
from dagster._core.storage.db_io_manager import DbIOManager, DbTypeHandler, TablePartitionDimension, TableSlice

__all__ = [
    "DbIOManager",
    "DbTypeHandler",
    "TablePartitionDimension",
    "TableSlice",
    "add_partition_metadata",
    "report_partitions",
]


def report_partitions(context: dg.OutputContext, partitions: Collection[str]) -> None:
    """Make Dagster report only these partitions of the run as materialized."""
    context._asset_partitions_subset = context.asset_partitions_def.subset_with_partition_keys(partitions)


def add_partition_metadata(context: dg.OutputContext, metadata: Mapping[str, Mapping[str, Any]]) -> None:
    """Add metadata to the materialization of each partition, by partition key.

    `add_asset_metadata` copies all metadata once for each partition. For years of dates that takes longer than the write.
    """
    step = context.step_context
    added = {AssetMetadataHandle(asset_key=context.asset_key, partition_key=key): metadata[key] for key in metadata}
    known = step._metadata_accumulator.per_output_metadata
    step._metadata_accumulator = OutputMetadataAccumulator(
        per_output_metadata={**known, **{handle: {**known.get(handle, {}), **new} for handle, new in added.items()}}
    )

"""The private names of Dagster that the platform uses. No other package imports or touches a private name of Dagster.

Dagster may change these names in any release. `test_dagster_internals.py` has a test for each of them; if one
fails after an upgrade, the fix belongs here. This module serves the IO manager.
`instance.py` serves the Dagster instance; it is apart because importing the SQLite storages takes most of a second.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any

import dagster as dg
from dagster._core.execution.context.metadata_logging import AssetMetadataHandle, OutputMetadataAccumulator
from dagster._core.storage.db_io_manager import TablePartitionDimension, TableSlice
from dagster_deltalake.io_manager import DeltaLakeDbClient

from cis_assets.catalog import Table
from cis_assets.dates import DateRange
from cis_assets.lake.slices import Slice, Value


def leave_partitions_as_they_are(context: dg.OutputContext, written: Collection[str]) -> None:
    """Make Dagster report only the `written` partitions of the run as materialized.

    Dagster has no public way for that. It reports the partitions that the context names.
    """
    context._asset_partitions_subset = context.asset_partitions_def.subset_with_partition_keys(written)


def add_partition_metadata(context: dg.OutputContext, metadata: Mapping[str, Mapping[str, Any]]) -> None:
    """Add metadata to partitions of an output, beside what the asset added itself.

    `add_asset_metadata` of Dagster copies everything for each partition, which takes longer than a write of years.
    """
    step = context.step_context
    present = step._metadata_accumulator.per_output_metadata
    handles = {
        AssetMetadataHandle(asset_key=context.asset_key, partition_key=key): values for key, values in metadata.items()
    }
    step._metadata_accumulator = OutputMetadataAccumulator(
        per_output_metadata={
            **present,
            **{handle: {**present.get(handle, {}), **values} for handle, values in handles.items()},
        }
    )


def query_text(table: Table, where: Slice, columns: Sequence[str] | None) -> str:
    """Write the query of a slice as dagster-deltalake does, for the UI. Nothing runs it."""
    dimensions = [TablePartitionDimension(column, _partitions(wanted)) for column, wanted in where.conditions]
    return DeltaLakeDbClient.get_select_statement(
        TableSlice(table.name, table.layer, columns=columns, partition_dimensions=dimensions)
    )


def _partitions(wanted: DateRange | tuple[Value, ...]) -> dg.TimeWindow | Sequence[str]:
    if not isinstance(wanted, DateRange):
        return [str(value) for value in wanted]
    end = wanted.last + timedelta(days=1)
    return dg.TimeWindow(datetime.combine(wanted.first, time()), datetime.combine(end, time()))

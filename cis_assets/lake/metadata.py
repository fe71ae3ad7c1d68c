"""What Dagster is told of a table: its columns, and the rows, bytes and files of what was written."""

from __future__ import annotations

from typing import Any

from dagster import (
    AssetKey,
    MetadataValue,
    OutputContext,
    TableColumn,
    TableColumnDep,
    TableColumnLineage,
    TableSchema,
)

from cis_assets.catalog import Table
from cis_assets.catalog.lineage import LINEAGE
from cis_assets.lake.dagster_internals import add_partition_metadata
from cis_assets.lake.partition_slices import RunSlice
from cis_assets.lake.statistics import SliceFigures, TableFigures

# More origins than this say little in a column's description; the lineage itself names them all.
_FEW = 3


def column_schema(table: Table) -> TableSchema:
    """The catalog's columns, which are also those of every frame that was written."""
    return TableSchema(
        [
            TableColumn(name, str(column.dtype), description=_described(table, name))
            for name, column in table.columns.items()
        ]
    )


def _described(table: Table, column: str) -> str:
    """The column's description and, where they are few, the columns that it is made from."""
    origins = LINEAGE.get(table.path, {}).get(column, ())
    named = ", ".join(f"{origin.table}.{origin.column}" for origin in origins)
    made_from = f" From {named}." if 0 < len(origins) <= _FEW else ""
    return table.column_description(column) + made_from


def column_lineage(table: Table) -> TableColumnLineage | None:
    """The catalog's origins of the columns, as columns of assets; None for a table without any."""
    origins = LINEAGE.get(table.path)
    if not origins:
        return None
    return TableColumnLineage(
        {
            column: [TableColumnDep(AssetKey(origin.table.split("/")), origin.column) for origin in origins[column]]
            for column in table.columns
            if column in origins
        }
    )


def describe_write(context: OutputContext, table: Table, figures: TableFigures, run: RunSlice) -> dict[str, Any]:
    """Give each partition of the run its own figures; return what holds for the write as a whole."""
    whole: dict[str, Any] = {"table_version": figures.version}
    if not run.partitions:
        return {**whole, **_figures("dagster/row_count", figures.total)}
    add_partition_metadata(
        context,
        {key: _figures("dagster/partition_row_count", figures.of(where)) for key, where in run.partitions.items()},
    )
    return whole


def _figures(rows: str, figures: SliceFigures) -> dict[str, Any]:
    return {
        rows: MetadataValue.int(figures.rows),
        "size_bytes": MetadataValue.int(figures.bytes),
        "files": MetadataValue.int(figures.files),
    }

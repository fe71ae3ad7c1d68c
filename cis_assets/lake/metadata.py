"""Metadata for Dagster: the columns of a table, and the rows, bytes and files of a write."""

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

# A description with more origins is hard to read; the lineage itself names them all.
_MOST_ORIGINS = 3


def column_schema(table: Table) -> TableSchema:
    """Describe the catalog's columns, which every written frame has."""
    return TableSchema(
        [
            TableColumn(name, str(column.dtype), description=_describe_column(table, name))
            for name, column in table.columns.items()
        ]
    )


def _describe_column(table: Table, column: str) -> str:
    """Describe a column and, if they are few, the columns that it is computed from."""
    origins = LINEAGE.get(table.path, {}).get(column, ())
    names = ", ".join(f"{origin.table}.{origin.column}" for origin in origins)
    return table.column_description(column) + (f" From {names}." if 0 < len(origins) <= _MOST_ORIGINS else "")


def column_lineage(table: Table) -> TableColumnLineage | None:
    """Name the columns of assets that each column is computed from; None for a table without any."""
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
    """Record the figures of each partition of the run; return the metadata of the write as a whole."""
    version = {"table_version": figures.version}
    if not run.partitions:
        return {**version, **_describe_figures("dagster/row_count", figures.total)}
    add_partition_metadata(
        context,
        {
            key: _describe_figures("dagster/partition_row_count", figures.of(where))
            for key, where in run.partitions.items()
        },
    )
    return version


def _describe_figures(rows: str, figures: SliceFigures) -> dict[str, Any]:
    return {
        rows: MetadataValue.int(figures.rows),
        "size_bytes": MetadataValue.int(figures.bytes),
        "files": MetadataValue.int(figures.files),
    }

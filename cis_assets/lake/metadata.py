"""What Dagster is told of a table: its columns, and the rows, bytes and files of what was written."""

from __future__ import annotations

from typing import Any

from dagster import MetadataValue, OutputContext, TableColumn, TableSchema

from cis_assets.catalog import Table
from cis_assets.lake.statistics import SliceFigures, TableFigures
from cis_assets.partitions import DateRange

_NOTHING = SliceFigures(0, 0, 0)


def column_schema(table: Table) -> TableSchema:
    """The catalog's columns, which are also those of every frame that was written."""
    return TableSchema(
        [
            TableColumn(name, str(column.dtype), description=table.column_description(name))
            for name, column in table.columns.items()
        ]
    )


def describe_write(
    context: OutputContext, table: Table, figures: TableFigures, days: DateRange | None
) -> dict[str, Any]:
    """Give each day of the run its own figures; return what holds for the write as a whole."""
    whole = {"dagster/column_schema": column_schema(table), "table_version": figures.version}
    if days is None:
        return {**whole, **_figures("dagster/row_count", figures.total)}
    for day in days:
        of_day = _figures("dagster/partition_row_count", figures.days.get(day, _NOTHING))
        context.step_context.add_asset_metadata(of_day, context.asset_key, day.isoformat())
    return whole


def _figures(rows: str, figures: SliceFigures) -> dict[str, Any]:
    return {
        rows: MetadataValue.int(figures.rows),
        "size_bytes": MetadataValue.int(figures.bytes),
        "files": MetadataValue.int(figures.files),
    }

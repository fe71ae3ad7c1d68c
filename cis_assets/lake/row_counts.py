"""How many rows each day of a table holds, read from the table's log: no file is opened for it."""

from __future__ import annotations

import polars as pl
from dagster import ConfigurableResource
from pydantic import Field

from cis_assets.catalog import Table
from cis_assets.lake.lake import Lake


class RowCountsResource(ConfigurableResource):
    """Counts of the tables of a lake, for assets that compare a day with days that they do not read."""

    lake_uri: str = Field(description="Root of the lake: a folder or an abfss:// address.")

    def per_day(self, table: Table) -> pl.DataFrame:
        """One row per day of a table that holds rows (none if there is no table): its date column, and rows."""
        lake = Lake(self.lake_uri)
        days = lake.figures(table).days if lake.exists(table) else {}
        counts = [(day, figures.rows) for day, figures in days.items() if figures.rows]
        return pl.DataFrame(counts, {str(table.partition_date): pl.Date(), "rows": pl.Int64()}, orient="row")

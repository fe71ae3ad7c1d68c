"""Row counts per day as a Dagster resource."""

from __future__ import annotations

import polars as pl
from dagster import ConfigurableResource
from pydantic import Field

from cis_assets.catalog import Table
from cis_assets.lake.lake import Lake


class RowCountsResource(ConfigurableResource):
    """Row counts of the tables of a lake."""

    lake_uri: str = Field(description="Root of the lake: a folder or an abfss:// address.")

    def per_day(self, table: Table) -> pl.DataFrame:
        return Lake(self.lake_uri).rows_per_day(table)

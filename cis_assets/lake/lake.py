"""The lake as a reader outside of Dagster sees it: what tables there are, their figures and rows.

For the command line, the tests and notebooks. Writing goes through the IO manager alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from cis_assets.catalog import Table
from cis_assets.dates import DateRange
from cis_assets.lake.delta_table import exists, open_table
from cis_assets.lake.engines.engine import TableLocation
from cis_assets.lake.engines.polars_engine import PolarsEngine
from cis_assets.lake.slices import Slice
from cis_assets.lake.statistics import TableFigures, table_figures
from cis_assets.storage.addresses import join, polars_options, storage_options


def location_of(lake_uri: str, table: Table) -> TableLocation:
    """Where a table lives below a lake address, with the options of its store from the environment."""
    return TableLocation(join(lake_uri, table.path), storage_options(lake_uri), polars_options(lake_uri))


class Lake:
    """Read access to the Delta tables below a lake address."""

    def __init__(self, uri: str) -> None:
        self.uri = uri

    def location(self, table: Table) -> TableLocation:
        return location_of(self.uri, table)

    def exists(self, table: Table) -> bool:
        return exists(self.location(table))

    def figures(self, table: Table) -> TableFigures:
        """Rows, bytes and files, in all and per day, read from the table's log."""
        return table_figures(table, open_table(table, self.location(table)))

    def scan(self, table: Table, days: DateRange | None = None, columns: Sequence[str] | None = None) -> pl.LazyFrame:
        """Rows of a table, lazily; TableAbsentError if it was never materialized."""
        return PolarsEngine().scan_polars(table, self.location(table), Slice.of_days(table, days), columns)

    def snapshot(self, table: Table, as_of: date | None = None) -> pl.LazyFrame:
        """Rows of a day of a table partitioned by as_of_date: of the newest one, unless `as_of` names another."""
        day = as_of or max(self.figures(table).days, default=None)
        return self.scan(table).clear() if day is None else self.scan(table, DateRange(day, day))

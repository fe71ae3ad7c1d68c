"""Read access to the lake: which tables there are, their figures and their rows.

Writes go through the IO manager, maintenance and erasure.
"""

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
from cis_assets.storage.durability import Sync, sync_paths
from cis_assets.storage.timeouts import Timeouts


class Lake:
    """The Delta tables below an address, with the timeouts to reach them (by default those of the process).

    `sync` makes writes to a local disk durable.
    """

    def __init__(self, uri: str, timeouts: Timeouts | None = None, sync: Sync = sync_paths) -> None:
        self.uri = uri
        self.timeouts = timeouts
        self.sync = sync

    def location(self, table: Table) -> TableLocation:
        return TableLocation(
            join(self.uri, table.path),
            storage_options(self.uri, timeouts=self.timeouts),
            polars_options(self.uri, timeouts=self.timeouts),
            self.timeouts,
            self.uri,
            self.sync,
        )

    def exists(self, table: Table) -> bool:
        return exists(self.location(table))

    def figures(self, table: Table) -> TableFigures:
        """Rows, bytes and files of a table, in total and per day, read from its log."""
        return table_figures(table, open_table(table, self.location(table)))

    def rows_per_day(self, table: Table) -> pl.DataFrame:
        """Count the rows of each day that has rows, from the table's log; without a table, there are none."""
        days = self.figures(table).days if self.exists(table) else {}
        counts = [(day, figures.rows) for day, figures in days.items() if figures.rows]
        return pl.DataFrame(counts, {str(table.partition_date): pl.Date(), "rows": pl.Int64()}, orient="row")

    def scan(self, table: Table, days: DateRange | None = None, columns: Sequence[str] | None = None) -> pl.LazyFrame:
        """Read a table lazily; TableAbsentError if it was never materialized."""
        return PolarsEngine().scan_polars(table, self.location(table), Slice.of_days(table, days), columns)

    def rows_so_far(self, table: Table) -> pl.DataFrame:
        """Read all rows of a table; none if it was never materialized."""
        return self.scan(table).collect() if self.exists(table) else table.empty()

    def snapshot(self, table: Table, as_of: date | None = None) -> pl.LazyFrame:
        """Read one day of a table partitioned by as_of_date: `as_of`, or the newest day."""
        day = as_of or max(self.figures(table).days, default=None)
        return self.scan(table).clear() if day is None else self.scan(table, DateRange(day, day))

"""The resources of the platform: the lake, its IO managers, the landing folder and the copy writer.

Secrets do not belong in resources, because the Dagster UI shows their configuration.
"""

from datetime import date
from typing import Any

import dagster as dg
import polars as pl
from pydantic import Field

from cis_assets.catalog import Table
from cis_assets.dates import DateRange
from cis_assets.lake.io_manager import LakeIOManager
from cis_assets.lake.lake import Lake
from cis_assets.lake.pages import PageIOManager
from cis_assets.lake.quarantine import quarantined_dates
from cis_assets.landing.folder import LandingFolder
from cis_assets.settings import Settings
from cis_assets.writers.resource import CopyWriterResource

LAKE_IO = "lake_io_manager"
PAGES_IO = "page_io_manager"


class LakeResource(dg.ConfigurableResource):
    """Access to the lake, beside the IO manager; credentials come from the environment."""

    lake_uri: str = Field(description="Root of the lake: a folder or an abfss:// address.")

    def lake(self) -> Lake:
        return Lake(self.lake_uri)

    def row_counts(self, table: Table) -> pl.DataFrame:
        """Count the rows per day of a table, from its log: the date column and `rows`, without days that have no rows."""
        lake = self.lake()
        days = lake.figures(table).days if lake.exists(table) else {}
        counts = [(day, figures.rows) for day, figures in days.items() if figures.rows]
        return pl.DataFrame(counts, {str(table.partition_date): pl.Date(), "rows": pl.Int64()}, orient="row")

    def quarantined_dates(self, days: DateRange, *holders: Table) -> dict[date, str]:
        """The dates among `days` that these tables quarantine, in order, each with its reasons."""
        return quarantined_dates(self.lake_uri, [table.path for table in holders], days)


class LandingResource(dg.ConfigurableResource):
    """The folder where order files arrive; credentials come from the environment."""

    landing_uri: str = Field(description="Landing folder: a folder or an abfss:// address.")

    def folder(self) -> LandingFolder:
        return LandingFolder(self.landing_uri)


def build_resources(settings: Settings) -> dict[str, Any]:
    return {
        "lake": LakeResource(lake_uri=settings.lake_uri),
        LAKE_IO: LakeIOManager(lake_uri=settings.lake_uri, engine=settings.engine),
        PAGES_IO: PageIOManager(lake_uri=settings.lake_uri),
        "landing": LandingResource(landing_uri=settings.landing_uri),
        "writer": CopyWriterResource.from_settings(settings),
    }

"""The lake as a Dagster resource."""

from __future__ import annotations

from datetime import date

import polars as pl
from dagster import ConfigurableResource
from pydantic import Field

from cis_assets.catalog import Table
from cis_assets.dates import DateRange
from cis_assets.lake.lake import Lake
from cis_assets.lake.quarantine import quarantined_dates
from cis_assets.settings import Settings
from cis_assets.storage.timeouts import Timeouts


class LakeResource(ConfigurableResource):
    """The address of the lake and the timeouts to reach it. Credentials come from the environment."""

    uri: str = Field(description="Root of the lake: a folder or an abfss:// address.")
    connect_timeout_seconds: float = Field(default=5.0, description="Longest wait for a connection to cloud storage.")
    answer_timeout_seconds: float = Field(default=10.0, description="Longest wait for an answer of cloud storage.")
    retry_seconds: float = Field(default=20.0, description="How long a failing request is retried.")

    @classmethod
    def from_settings(cls, configured: Settings) -> LakeResource:
        limits = Timeouts.from_settings(configured)
        return cls(
            uri=configured.lake_uri,
            connect_timeout_seconds=limits.connect,
            answer_timeout_seconds=limits.answer,
            retry_seconds=limits.retry,
        )

    def lake(self) -> Lake:
        limits = Timeouts(self.connect_timeout_seconds, self.answer_timeout_seconds, self.retry_seconds)
        return Lake(self.uri, limits)

    def row_counts(self, table: Table) -> pl.DataFrame:
        """Count the rows of each day of a table that has rows: the date column and `rows`."""
        return self.lake().rows_per_day(table)

    def quarantined_dates(self, days: DateRange, *holders: Table) -> dict[date, str]:
        """Find the dates among `days` that these tables quarantine, in order, each with its reasons."""
        return quarantined_dates(self.lake(), [table.path for table in holders], days)

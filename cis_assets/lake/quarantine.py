"""Order dates that are held back, with the reason: nothing is made of them, and what tables hold of them stays as it is.

A table that holds dates back has a date and a column `fault`, a sentence where there is one. An asset names such tables
in its metadata `held_by`. Belongs here: reading these reasons and saying them. Which dates are at fault is decided by
what writes those tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl
from dagster import ConfigurableResource
from pydantic import Field

from cis_assets.catalog import TABLES, Table
from cis_assets.dates import DateRange, days_in_words
from cis_assets.errors import OperatorError
from cis_assets.lake.delta_table import exists
from cis_assets.lake.engines.polars_engine import PolarsEngine
from cis_assets.lake.lake import location_of
from cis_assets.lake.slices import Slice

QUARANTINED_BY = "held_by"
_REASONS_NAMED = 5


class QuarantineResource(ConfigurableResource):
    """The dates of a lake that are held back."""

    lake_uri: str = Field(description="Root of the lake: a folder or an abfss:// address.")

    def among(self, days: DateRange, *held_by: Table) -> dict[date, str]:
        """The dates among `days` that these tables hold back, in order, each with its reasons."""
        return quarantined_dates(self.lake_uri, [table.path for table in held_by], days)


class QuarantinedDatesError(OperatorError):
    """Dates of a run were held back; the message names them, says why, and what to do."""


def quarantined_dates(lake_uri: str, held_by: Sequence[str], days: DateRange) -> dict[date, str]:
    """The dates among `days` that the tables `held_by` hold back, in order, each with its reasons.

    A table that was never materialized holds nothing back. Raises KeyError for a path that is not in the catalog.
    """
    found = [_faults(lake_uri, TABLES[path], days) for path in held_by]
    faults = pl.concat([pl.DataFrame(schema={"day": pl.Date, "fault": pl.String}), *found])
    reasons = (
        faults.unique().sort("day", "fault").group_by("day", maintain_order=True).agg(pl.col("fault").str.join(" "))
    )
    return dict(reasons.iter_rows())


def _faults(lake_uri: str, table: Table, days: DateRange) -> pl.DataFrame:
    location = location_of(lake_uri, table)
    column = table.partition_date
    if column is None or not exists(location):
        return pl.DataFrame(schema={"day": pl.Date, "fault": pl.String})
    rows = PolarsEngine().scan_polars(table, location, Slice.of_days(table, days), [column, "fault"])
    return rows.filter(pl.col("fault").is_not_null()).select(pl.col(column).alias("day"), "fault").collect()


def described(held: Mapping[date, str]) -> str:
    """The dates of each reason and the reason, the first few of them."""
    by_reason: dict[str, list[date]] = {}
    for day, reason in held.items():
        by_reason.setdefault(reason, []).append(day)
    named = [f"{days_in_words(days)}: {reason}" for reason, days in list(by_reason.items())[:_REASONS_NAMED]]
    further = len(by_reason) - len(named)
    return " ".join([*named, f"And {further} further reasons."] if further > 0 else named)

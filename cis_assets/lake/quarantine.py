"""Quarantined dates: nothing is written for them, and what tables hold of them stays as it is.

A table that quarantines dates has a date column and a column `fault`, with a sentence where there is one. An asset names
such tables in its metadata `held_by`. The assets that write those tables decide which dates are at fault.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from cis_assets.catalog import TABLES, Table
from cis_assets.dates import DateRange, days_in_words
from cis_assets.errors import OperatorError
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.damage import name_unreadable_files
from cis_assets.lake.lake import Lake

QUARANTINED_BY = "held_by"
_REASONS_NAMED = 5


@dataclass(frozen=True)
class QuarantinedRows:
    """Rows of an output, with the quarantined dates among its dates and their reasons.

    An asset that decides on quarantine itself returns it, so that no stored table is asked.
    """

    rows: LazyChunks
    quarantined: Mapping[date, str]


class QuarantinedDatesError(OperatorError):
    """All dates of a run are quarantined; the message names them, the reasons, and what to do."""


def quarantined_dates(lake: Lake, held_by: Sequence[str], days: DateRange) -> dict[date, str]:
    """Find the dates among `days` that the tables `held_by` quarantine, in order, each with its reasons.

    A table that was never materialized quarantines nothing. Raises KeyError for a path that is not in the catalog.
    """
    found = [_read_faults(lake, TABLES[path], days) for path in held_by]
    faults = pl.concat([pl.DataFrame(schema={"day": pl.Date, "fault": pl.String}), *found])
    reasons = (
        faults.unique().sort("day", "fault").group_by("day", maintain_order=True).agg(pl.col("fault").str.join(" "))
    )
    return dict(reasons.iter_rows())


def _read_faults(lake: Lake, table: Table, days: DateRange) -> pl.DataFrame:
    column = table.partition_date
    if column is None or not lake.exists(table):
        return pl.DataFrame(schema={"day": pl.Date, "fault": pl.String})
    with name_unreadable_files([lake.location(table)]):
        rows = lake.scan(table, days, [column, "fault"])
        return rows.filter(pl.col("fault").is_not_null()).select(pl.col(column).alias("day"), "fault").collect()


def quarantined_partitions(
    table: Table, partitions: Mapping[str, Collection[date]], reasons: Mapping[date, str]
) -> set[str]:
    """Name the partitions with a quarantined day; QuarantinedDatesError if these are all partitions."""
    found = {key for key, days in partitions.items() if any(day in reasons for day in days)}
    if found and len(found) == len(partitions):
        of_run = {
            day: reasons[day] for day in sorted({*reasons} & {day for days in partitions.values() for day in days})
        }
        raise QuarantinedDatesError(f"Nothing was written to {table.path}. {describe_reasons(of_run)}")
    return found


def describe_reasons(quarantined: Mapping[date, str]) -> str:
    """Name the first few reasons, each with its dates."""
    by_reason: dict[str, list[date]] = {}
    for day, reason in quarantined.items():
        by_reason.setdefault(reason, []).append(day)
    named = [f"{days_in_words(days)}: {reason}" for reason, days in list(by_reason.items())[:_REASONS_NAMED]]
    further = len(by_reason) - len(named)
    return " ".join([*named, f"And {further} further reasons."] if further > 0 else named)

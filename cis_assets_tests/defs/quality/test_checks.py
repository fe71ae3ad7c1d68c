"""Checks on order dates as a whole: the end of a run."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from cis_assets.catalog import Table, bronze, silver
from cis_assets.dates import DateRange
from cis_assets.definitions import defs
from cis_assets.defs.quality import _orders_per_day, days_of_run

DAY = date(2026, 3, 1)


@pytest.mark.parametrize("job", ["ingest", "daily_gold"])
def test_jobs_that_make_dates_end_with_the_check_that_every_date_went_through(job: str):
    assert "every_date_went_through" in {node.name for node in defs.resolve_job_def(job).nodes}


def test_the_dates_of_a_run_are_read_from_its_tags():
    day = {"dagster/partition": "2026-03-01"}
    span = {"dagster/asset_partition_range_start": "2026-03-01", "dagster/asset_partition_range_end": "2026-03-05"}
    assert days_of_run(day) == DateRange(DAY, DAY)
    assert days_of_run(span) == DateRange(DAY, date(2026, 3, 5))
    assert days_of_run({}) is None


class ReadDates:
    """A lake of which these dates were read, some of them with orders, and some of them unreadable."""

    def __init__(self, read: list[date], orders: dict[date, int], unreadable: list[date]) -> None:
        self._counts = {bronze.LANDED_FILES: dict.fromkeys(read, 1), silver.ORDERS: orders}
        self._unreadable = unreadable

    def row_counts(self, table: Table) -> pl.DataFrame:
        rows = list(self._counts[table].items())
        return pl.DataFrame(rows, {"order_date": pl.Date, "rows": pl.Int64}, orient="row")

    def quarantined_dates(self, days: DateRange, *_: Table) -> dict[date, str]:
        return {day: "unreadable" for day in self._unreadable if day in days}


def test_a_date_that_was_read_and_holds_no_order_counts_as_zero_and_an_unreadable_one_does_not_count():
    read = [DAY - timedelta(days=back) for back in (0, 1, 2, 3, 57)]
    lake = ReadDates(read, {read[0]: 5, read[1]: 4, read[4]: 9}, [read[3]])
    counted = _orders_per_day(lake, [DAY])  # pyright: ignore[reportArgumentType]
    assert sorted(counted.rows()) == [(read[2], 0), (read[1], 4), (read[0], 5)]

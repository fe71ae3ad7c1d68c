"""Checks on order dates as a whole: the end of a run."""

from __future__ import annotations

from datetime import date

import pytest

from cis_assets.dates import DateRange
from cis_assets.definitions import defs
from cis_assets.defs.quality import days_of_run

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

"""Checks on order dates as a whole: the end of a run, and whether files still arrive."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest

from cis_assets.dates import DateRange
from cis_assets.definitions import build_definitions, defs
from cis_assets.defs.quality import days_of_run, freshness
from cis_assets.settings import read_settings

TODAY = date(2026, 3, 10)
DAY = date(2026, 3, 1)


@pytest.mark.parametrize(("age", "passes"), [(0, True), (2, True), (3, False), (400, False)])
def test_landing_is_fresh_while_its_newest_date_is_young_enough(age: int, passes: bool):
    found = freshness(TODAY - timedelta(days=age), TODAY, 2)
    assert found.passed is passes
    assert found.severity is dg.AssetCheckSeverity.WARN
    assert str(TODAY - timedelta(days=age)) in (found.description or "")


def test_landing_without_any_date_is_not_fresh():
    assert not freshness(None, TODAY, 2).passed


def test_freshness_is_looked_at_by_the_job_that_checks_the_lake(tmp_path: Path):
    (tmp_path / "landing" / "orders" / "order_date=2024-01-01").mkdir(parents=True)
    (tmp_path / "landing" / "orders" / "order_date=2024-01-01" / "a.csv").write_text("order_id\n")
    configured = read_settings(lake_uri=str(tmp_path / "lake"), landing_uri=str(tmp_path / "landing"))
    job = build_definitions(configured).resolve_job_def("check_lake")
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance)
    (found,) = (each for each in result.get_asset_check_evaluations() if each.check_name == "landing_is_fresh")
    assert found.asset_key == dg.AssetKey(["landing", "orders"])
    assert not found.passed
    assert "2024-01-01" in (found.description or "")


@pytest.mark.parametrize("job", ["ingest", "daily_gold"])
def test_jobs_that_make_dates_end_with_the_check_that_every_date_went_through(job: str):
    assert "every_date_went_through" in {node.name for node in defs.resolve_job_def(job).nodes}


def test_the_dates_of_a_run_are_read_from_its_tags():
    day = {"dagster/partition": "2026-03-01"}
    span = {"dagster/asset_partition_range_start": "2026-03-01", "dagster/asset_partition_range_end": "2026-03-05"}
    assert days_of_run(day) == DateRange(DAY, DAY)
    assert days_of_run(span) == DateRange(DAY, date(2026, 3, 5))
    assert days_of_run({}) is None

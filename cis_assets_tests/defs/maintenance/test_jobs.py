"""The job that maintains the lake, as Dagster runs and schedules it."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from deltalake import write_deltalake

from cis_assets.catalog import SYSTEM_TABLES, TABLES, Table, silver, system
from cis_assets.definitions import build_definitions, defs
from cis_assets.defs.maintenance import step_name
from cis_assets.defs.tables import asset_key
from cis_assets.lake.delta_table import open_or_create
from cis_assets.lake.lake import Lake
from cis_assets.settings import read_settings
from cis_assets_tests.frames import table_frame


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake of three tables with three small files each."""
    lake = Lake(str(tmp_path / "lake"))
    for table in (silver.ORDERS, silver.ORDER_ITEMS, system.ERASED_CUSTOMERS):
        for _ in range(3):
            add(lake, table, table_frame(table, [{}]))
    return lake


def add(lake: Lake, table: Table, frame: pl.DataFrame) -> None:
    write_deltalake(open_or_create(table, lake.location(table)), frame.to_arrow(), mode="append")


def run(lake: Lake, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    job = build_definitions(read_settings(lake_uri=lake.uri)).resolve_job_def("maintain_lake")
    return job.execute_in_process(instance=instance, raise_on_error=False)


def test_every_table_is_a_step_of_its_own():
    steps = {node.name for node in defs.resolve_job_def("maintain_lake").nodes}
    assert steps == {step_name(table) for table in (TABLES | SYSTEM_TABLES).values()}
    assert "maintain_silver_orders" in steps


def test_tables_are_maintained_and_the_figures_stand_with_the_asset(lake: Lake):
    with dg.DagsterInstance.ephemeral() as instance:
        result = run(lake, instance)
        (observed,) = instance.fetch_observations(asset_key(silver.ORDERS), limit=10).records
    assert result.success
    assert [lake.figures(table).total.files for table in (silver.ORDERS, system.ERASED_CUSTOMERS)] == [1, 1]
    assert observed.asset_observation
    metadata = observed.asset_observation.metadata
    assert (metadata["files_before"].value, metadata["files"].value) == (3, 1)
    assert "3 files became 1 in 1 partition" in (observed.asset_observation.description or "")


def test_each_step_says_what_it_did(lake: Lake):
    with dg.DagsterInstance.ephemeral() as instance:
        result = run(lake, instance)
        said = [event.user_message for event in instance.all_logs(result.run_id)]
    assert any(line.startswith("silver/orders: 3 files became 1 in 1 partition") for line in said)
    assert "gold/notifications was never materialized." in said


def test_a_table_that_cannot_be_opened_fails_its_step_and_no_other(lake: Lake):
    for commit in Path(lake.location(silver.ORDERS).uri, "_delta_log").glob("*.json"):
        commit.write_text("{ broken")
    with dg.DagsterInstance.ephemeral() as instance:
        result = run(lake, instance)
    assert not result.success
    assert {event.step_key for event in result.all_events if event.is_step_failure} == {"maintain_silver_orders"}
    assert lake.figures(silver.ORDER_ITEMS).total.files == 1


def test_maintenance_waits_behind_runs_that_make_tables():
    priorities = {
        name: int(defs.resolve_job_def(name).tags.get("dagster/priority", 0)) for name in ("maintain_lake", "ingest")
    }
    assert priorities["maintain_lake"] < priorities["ingest"]


def test_it_is_scheduled_weekly_after_the_daily_runs_in_the_time_zone_of_the_partitions():
    repository = defs.get_repository_def()
    maintenance, daily = (repository.get_schedule_def(f"{job}_schedule") for job in ("maintain_lake", "daily_gold"))
    assert maintenance.execution_timezone == daily.execution_timezone
    _, hour, day, month, weekday = str(maintenance.cron_schedule).split()
    assert (day, month) == ("*", "*")
    assert weekday.isdigit()
    assert int(hour) >= int(str(daily.cron_schedule).split()[1]) + 4

"""The check as Dagster runs it: on the tables of a real lake, in its own job and in no other."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from click.testing import CliRunner
from deltalake import DeltaTable, write_deltalake

from cis_assets.catalog import TABLES, Table, gold, silver
from cis_assets.cli import main
from cis_assets.cli.instance import dagster_instance
from cis_assets.definitions import build_definitions, defs
from cis_assets.defs.alerts.failures import error_message
from cis_assets.defs.tables import asset_key
from cis_assets.lake import table_condition
from cis_assets.lake.delta_table import open_or_create
from cis_assets.lake.lake import Lake
from cis_assets.lake.maintenance import maintain
from cis_assets.settings import read_settings, settings
from cis_assets_tests.defs.pipeline import land_sample
from cis_assets_tests.frames import table_frame

DAYS = [date(2026, 1, 1), date(2026, 1, 2)]
PLANNED = dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED
MAKING_TABLES = ["ingest", "daily_gold", "train_segments", "promote_segments", "train_predictions"]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def add(lake: Lake, table: Table, frame: pl.DataFrame) -> None:
    stored = open_or_create(table, lake.location(table))
    write_deltalake(stored, frame.select(list(table.dtypes)).to_arrow(), mode="append")


def orders(*days: date) -> pl.DataFrame:
    return table_frame(silver.ORDERS, [{"order_date": day} for day in days])


def unneeded(lake: Lake, table: Table, name: str, size: int, days: float) -> None:
    """Put a file that no log knows into the folder of a table, as if it had been written some days ago."""
    path = Path(lake.location(table).uri, name)
    path.write_bytes(b"x" * size)
    at = time.time() - days * 86_400
    os.utime(path, (at, at))


def run_check_lake(lake: Lake, **settings) -> dg.ExecuteInProcessResult:
    job = build_definitions(read_settings(lake_uri=lake.uri, **settings)).resolve_job_def("check_lake")
    with dg.DagsterInstance.ephemeral() as instance:
        # The feed of these lakes is not fresh, which fails the job.
        return job.execute_in_process(instance=instance, raise_on_error=False)


def checked(lake: Lake, **settings) -> dict[str, dg.AssetCheckEvaluation]:
    """Run check_lake; its findings by table."""
    found = run_check_lake(lake, **settings).get_asset_check_evaluations()
    return {"/".join(each.asset_key.path): each for each in found if each.check_name == "table_is_maintained"}


def test_every_table_is_looked_at_and_one_that_was_never_materialized_passes_with_a_remark(lake: Lake):
    found = checked(lake)
    assert found.keys() == TABLES.keys()
    assert all(finding.passed for finding in found.values())
    assert {finding.description for finding in found.values()} == {"Never materialized."}


def test_a_table_in_order_passes_with_its_figures(lake: Lake):
    add(lake, silver.ORDERS, orders(*DAYS))
    found = checked(lake)["silver/orders"]
    assert (found.passed, found.description) == (True, "Needs no maintenance.")
    assert found.metadata["files"].value == 2
    assert found.metadata["size_bytes"].value == lake.figures(silver.ORDERS).total.bytes


def test_many_small_files_in_a_partition_are_warned_of_until_maintenance(lake: Lake):
    for _ in range(4):
        add(lake, silver.ORDERS, orders(DAYS[0]))
    add(lake, silver.ORDERS, orders(*DAYS))
    assert checked(lake, maintenance_small_files=5)["silver/orders"].passed
    found = checked(lake, maintenance_small_files=4)["silver/orders"]
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert found.description == "Reading opens many small files in 1 partition, most in 2026-01-01: 5 (limit 4)."
    maintain(silver.ORDERS, lake.location(silver.ORDERS), 168)
    assert checked(lake, maintenance_small_files=4)["silver/orders"].passed


def test_a_log_without_a_checkpoint_is_warned_of_until_maintenance(lake: Lake):
    location = lake.location(silver.PRODUCTS)
    stored = open_or_create(silver.PRODUCTS, location)
    stored.alter.set_table_properties({"delta.checkpointInterval": "1000"})
    for _ in range(5):
        stored.alter.set_table_description("again")
    commits = stored.version() + 1
    found = checked(lake, maintenance_log_commits=commits - 1)["silver/products"]
    assert not found.passed
    assert f"replays {commits} commits since the last checkpoint (limit {commits - 1})" in found.description
    assert checked(lake, maintenance_log_commits=commits)["silver/products"].passed
    maintain(silver.PRODUCTS, location, 168)
    assert checked(lake, maintenance_log_commits=1)["silver/products"].passed


def test_bytes_that_could_be_removed_are_warned_of_and_those_within_the_retention_are_not(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(table_condition, "_WORTH_A_WARNING", 0)
    add(lake, silver.ORDERS, orders(*DAYS))
    live = lake.figures(silver.ORDERS).total.bytes
    unneeded(lake, silver.ORDERS, "young.parquet", live, days=6)
    assert checked(lake)["silver/orders"].passed
    unneeded(lake, silver.ORDERS, "old.parquet", live * 6 // 10, days=8)
    found = checked(lake)["silver/orders"]
    assert not found.passed
    assert found.description.startswith("1 file with 0 MB could be removed")
    assert found.metadata["removable_bytes"].value == live * 6 // 10
    assert checked(lake, maintenance_removable_share=0.7)["silver/orders"].passed


def test_little_that_could_be_removed_is_not_worth_a_warning(lake: Lake):
    add(lake, silver.ORDERS, orders(*DAYS))
    unneeded(lake, silver.ORDERS, "old.parquet", 1_000_000, days=8)
    assert checked(lake)["silver/orders"].passed


def test_no_row_is_read(lake: Lake):
    add(lake, silver.ORDERS, orders(*DAYS))
    for path in DeltaTable(lake.location(silver.ORDERS).uri).file_uris():
        Path(path).write_bytes(bytes(Path(path).stat().st_size))
    assert checked(lake)["silver/orders"].passed


def test_a_table_that_cannot_be_opened_is_an_error_and_the_others_are_looked_at(lake: Lake):
    for table in (silver.ORDERS, silver.ORDER_ITEMS):
        add(lake, table, table_frame(table, [{}]))
    for commit in Path(lake.location(silver.ORDERS).uri, "_delta_log").glob("*.json"):
        commit.write_text("{ broken")
    (failure,) = (
        error_message(event.step_failure_data.error)
        for event in run_check_lake(lake).all_events
        if event.is_step_failure and event.step_key == "table_is_maintained"
    )
    assert "The check table_is_maintained of silver/orders failed: silver/orders cannot be read" in failure
    found = checked(lake)
    assert (found["silver/orders"].passed, found["silver/orders"].severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "silver/orders cannot be read" in found["silver/orders"].description
    assert found["silver/order_items"].description == "Needs no maintenance."


@pytest.mark.parametrize("name", MAKING_TABLES)
def test_a_job_that_makes_tables_does_not_look_whether_they_need_maintenance(name: str):
    steps = {node.name for node in defs.resolve_job_def(name).nodes}
    assert steps
    assert "table_is_maintained" not in steps


def test_no_finding_holds_up_the_tables_downstream():
    graph = defs.resolve_asset_graph()
    assert not any(graph.get_check_spec(key).blocking for key in graph.asset_check_keys)


def test_some_tables_can_be_checked_by_hand(lake: Lake):
    definitions = build_definitions(read_settings(lake_uri=lake.uri))
    wanted = {
        dg.AssetCheckKey(asset_key(table), "table_is_maintained") for table in (silver.ORDERS, gold.NOTIFICATIONS)
    }
    job = definitions.resolve_implicit_global_asset_job_def().get_subset(asset_check_selection=wanted)
    with dg.DagsterInstance.ephemeral() as instance:
        found = job.execute_in_process(instance=instance).get_asset_check_evaluations()
    assert {finding.asset_check_key for finding in found} == wanted


@pytest.fixture
def _fresh_settings() -> Iterator[None]:
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.mark.usefixtures("_fresh_settings")
@pytest.mark.slow
def test_a_backfill_on_the_command_line_does_not_look_whether_tables_need_maintenance():
    end = date(2025, 10, 31)
    land_sample(".cis/landing", end=end, customers=20, days=1)
    result = CliRunner().invoke(main, ["backfill", "--from", str(end), "--to", str(end)])
    assert result.exit_code == 0, result.output
    with dagster_instance() as instance:
        (run,) = instance.get_runs()
        evaluated = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        planned = instance.all_logs(run.run_id, of_type=PLANNED)
    checked = {entry.dagster_event.event_specific_data.check_name for entry in evaluated if entry.dagster_event}  # pyright: ignore[reportAttributeAccessIssue]
    assert "every_date_went_through" in checked
    assert "table_is_maintained" not in checked
    assert len(planned) == len(evaluated)

"""The definitions as the Dagster server loads them."""

from __future__ import annotations

import subprocess
import sys
import warnings
from datetime import date
from pathlib import Path

import dagster as dg
import pytest
from dagster_shared.serdes import serialize_value

from cis_assets.catalog import TABLES, gold
from cis_assets.definitions import build_definitions, defs
from cis_assets.defs.jobs import WITHDRAWAL
from cis_assets.defs.partitions import ONE_RUN, order_dates
from cis_assets.defs.tables import HISTORY_POOL, asset_key
from cis_assets.settings import SettingsError, read_settings
from cis_assets_tests.defs.definitions_snapshot import STORED, render

GRAPH = defs.resolve_asset_graph()


def test_all_definitions_resolve():
    dg.Definitions.validate_loadable(defs)


def test_every_table_of_the_catalog_has_an_asset_and_the_reverse():
    tables = {asset_key(table) for table in TABLES.values()}
    # It removes rows of other tables and has none of its own.
    assert WITHDRAWAL in GRAPH.executable_asset_keys
    made = {key for key in GRAPH.executable_asset_keys if key.path[0] in ("bronze", "silver", "quality", "gold")}
    assert made == tables


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_an_asset_shows_group_kinds_owner_description_and_columns(table):
    node = GRAPH.get(asset_key(table))
    assert node.group_name == table.layer
    assert "delta" in node.kinds
    assert node.owners
    assert table.description in node.description
    columns = node.metadata["dagster/column_schema"].columns
    assert [column.name for column in columns] == list(table.columns)
    assert all(column.description for column in columns)


@pytest.mark.parametrize(
    "table", [table for table in TABLES.values() if table.partition_by], ids=lambda table: table.path
)
def test_a_partitioned_table_is_backfilled_in_one_run(table):
    assert GRAPH.get(asset_key(table)).backfill_policy == ONE_RUN


def test_what_reads_history_shares_a_pool():
    pooled = {key for key in GRAPH.executable_asset_keys if GRAPH.get(key).pools == {HISTORY_POOL}}
    assert pooled == {key for key in GRAPH.executable_asset_keys if "narwhals" in GRAPH.get(key).kinds}
    assert asset_key(gold.CUSTOMER_FEATURES) in pooled


def test_nothing_runs_by_itself_until_it_is_switched_on():
    repository = defs.get_repository_def()
    instigators = [*repository.sensor_defs, *repository.schedule_defs]
    assert {"landing_sensor", "gold_sensor", "failure_sensor", "daily_gold_schedule"} <= {
        each.name for each in instigators
    }
    assert {each.default_status.value for each in instigators} == {"STOPPED"}


def test_loading_warns_of_nothing():
    code = "import warnings; warnings.simplefilter('error'); import cis_assets.definitions as d; d.defs.get_repository_def()"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert loaded.returncode == 0, loaded.stderr


def test_heavy_libraries_are_not_imported_to_load_the_definitions():
    code = "import sys, cis_assets.definitions; print([m for m in ('sklearn', 'openai', 'altair', 'vl_convert', 'duckdb', 'pyspark') if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_no_secret_is_part_of_what_the_ui_shows(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-T0KEN")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "azure-T0KEN")
    definitions = build_definitions(
        erasure_key="T0KEN" * 8,
        failure_webhook_url="https://example.com/T0KEN",
        spark_remote="sc://spark:443/;token=T0KEN",
    )
    assert definitions.resources
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shown = [repr(resource) + str(resource.__dict__) for resource in definitions.resources.values()]
    repository = definitions.get_repository_def()
    jobs = [serialize_value(job.get_job_snapshot()) for job in repository.get_all_jobs()]
    assert "T0KEN" not in " ".join([*shown, *jobs])


def test_the_definitions_are_those_of_the_stored_snapshot():
    """After an intended change: `python -m cis_assets_tests.defs.definitions_snapshot` rewrites the file."""
    assert render() == STORED.read_text()


def test_definitions_of_different_settings_stand_side_by_side(tmp_path: Path):
    definitions = {
        zone: build_definitions(
            lake_uri=str(tmp_path / zone),
            first_order_date=date(year, 5, 1),
            time_zone=zone,
            history_days=days,
        )
        for zone, year, days in (("Asia/Tokyo", 2024, 30), ("America/Lima", 2025, 90))
    }
    assert {zone: settings_shown(each) for zone, each in definitions.items()} == {
        "Asia/Tokyo": ("2024-05-01", {"Asia/Tokyo"}, -29, str(tmp_path / "Asia/Tokyo")),
        "America/Lima": ("2025-05-01", {"America/Lima"}, -89, str(tmp_path / "America/Lima")),
    }


def settings_shown(definitions: dg.Definitions) -> tuple[str | None, set[str | None], int, str]:
    """First partition, time zones of partitions and schedules, start of the trailing window, and address of the lake."""
    graph = definitions.resolve_asset_graph()
    partitions = {node.partitions_def for node in graph.asset_nodes if node.partitions_def}
    (dates,) = partitions
    assert isinstance(dates, dg.DailyPartitionsDefinition)
    spec = next(each for each in definitions.resolve_all_asset_specs() if each.key == asset_key(gold.CUSTOMER_FEATURES))
    windows = {
        dep.partition_mapping.start_offset
        for dep in spec.deps
        if isinstance(dep.partition_mapping, dg.TimeWindowPartitionMapping)
    }
    (window,) = windows
    zones = {schedule.execution_timezone for schedule in definitions.get_repository_def().schedule_defs}
    return (
        dates.get_first_partition_key(),
        zones | {dates.timezone},
        window,
        (definitions.resources or {})["lake"].uri,
    )


def test_the_same_settings_share_one_partitions_definition():
    """Dagster caches the resolved keys with the object, and resolving thousands of keys is slow."""
    settings = read_settings(first_order_date=date(2024, 5, 1))
    assert order_dates(settings) is order_dates(settings.model_copy(update={"seed": 8}))


def test_overrides_replace_single_settings():
    settings = read_settings(lake_uri="/lake", landing_uri="/landing")
    resources = build_definitions(settings, lake_uri="/other").resources or {}
    assert (resources["lake"].uri, resources["landing"].landing_uri) == ("/other", "/landing")


def test_an_override_that_is_no_setting_is_refused():
    with pytest.raises(TypeError, match="not settings: first_date"):
        build_definitions(first_date=date(2024, 5, 1))


def test_an_override_is_validated_like_a_setting():
    with pytest.raises(SettingsError, match="CIS_HISTORY_DAYS is 0"):
        build_definitions(history_days=0)


@pytest.mark.parametrize("name", ["ingest", "daily_gold", "train_segments", "promote_segments"])
def test_every_job_resolves(name: str):
    assert defs.resolve_job_def(name).name == name


@pytest.mark.parametrize(("name", "lane"), [("ingest", "ingest"), ("daily_gold", "gold")])
def test_runs_of_a_job_follow_one_another(name: str, lane: str):
    assert defs.resolve_job_def(name).tags["cis/one_at_a_time"] == lane

"""The definitions as the Dagster server loads them."""

from __future__ import annotations

import subprocess
import sys
import warnings

import dagster as dg
import pytest

from cis_assets.catalog import TABLES, gold
from cis_assets.definitions import build_definitions, defs
from cis_assets.defs.partitions import ONE_RUN
from cis_assets.defs.tables import HISTORY_POOL, asset_key

GRAPH = defs.resolve_asset_graph()


def test_all_definitions_resolve():
    dg.Definitions.validate_loadable(defs)


def test_every_table_of_the_catalog_has_an_asset_and_the_reverse():
    tables = {asset_key(table) for table in TABLES.values()}
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
    assert {
        sensor.default_status.value
        for sensor in repository.sensor_defs
        if sensor.name != "default_automation_condition_sensor"
    } == {"STOPPED"}
    assert {schedule.default_status.value for schedule in repository.schedule_defs} == {"STOPPED"}


def test_loading_warns_of_nothing():
    code = "import warnings; warnings.simplefilter('error'); import cis_assets.definitions as d; d.defs.get_repository_def()"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert loaded.returncode == 0, loaded.stderr


def test_heavy_libraries_are_not_imported_to_load_the_definitions():
    code = "import sys, cis_assets.definitions; print([m for m in ('sklearn', 'openai', 'altair', 'vl_convert', 'duckdb', 'pyspark') if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_no_secret_is_part_of_the_configuration_that_the_ui_shows(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-T0KEN")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "azure-T0KEN")
    resources = build_definitions().resources
    assert resources
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shown = " ".join(repr(resource) + str(resource.__dict__) for resource in resources.values())
    assert "T0KEN" not in shown

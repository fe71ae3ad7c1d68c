"""`cis maintain` as a person uses it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from deltalake import write_deltalake

from cis_assets.catalog import Table, silver
from cis_assets.cli import main
from cis_assets.cli.instance import dagster_instance
from cis_assets.lake.delta_table import open_or_create
from cis_assets.lake.lake import Lake
from cis_assets.settings import settings
from cis_assets_tests.frames import table_frame


@pytest.fixture(autouse=True)
def _fresh_settings() -> Iterator[None]:
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture
def lake() -> Lake:
    """Two tables with three small files each, where `cis` looks for them."""
    lake = Lake(str(Path(".cis/lake").resolve()))
    for table in (silver.ORDERS, silver.PRODUCTS):
        for _ in range(3):
            write_deltalake(
                open_or_create(table, lake.location(table)), table_frame(table, [{}]).to_arrow(), mode="append"
            )
    return lake


def cis(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["maintain", *arguments])


def files(lake: Lake, table: Table) -> int:
    return lake.figures(table).total.files


def test_all_tables_are_maintained_and_what_was_done_is_printed(lake: Lake):
    result = cis()
    assert result.exit_code == 0, result.output
    assert [files(lake, table) for table in (silver.ORDERS, silver.PRODUCTS)] == [1, 1]
    (line,) = [line for line in result.output.splitlines() if line.startswith("silver/orders")]
    assert "3 -> 1" in line
    assert "1 partition" in line


def test_it_is_recorded_as_a_run_of_the_job(lake: Lake):
    cis("--table", "silver/orders")
    with dagster_instance() as instance:
        (run,) = instance.get_runs()
    assert (run.job_name, run.is_success) == ("maintain_lake", True)


def test_only_the_named_tables_are_maintained(lake: Lake):
    (row,) = json.loads(cis("--table", "silver/orders", "--json").output)
    assert (row["table"], row["files_before"], row["files"]) == ("silver/orders", 3, 1)
    assert files(lake, silver.PRODUCTS) == 3


def test_a_lake_without_tables_has_nothing_to_maintain():
    result = cis()
    assert result.exit_code == 0
    assert result.output == "There is no table to maintain yet.\n"


def test_a_name_that_is_no_table_is_refused_before_anything_is_done(lake: Lake):
    result = cis("--table", "silver/orders", "--table", "silver/order")
    assert result.exit_code == 1
    assert "--table silver/order is no table of the lake" in result.stderr
    assert files(lake, silver.ORDERS) == 3


def test_a_short_retention_needs_force(lake: Lake):
    result = cis("--retention-hours", "1")
    assert result.exit_code == 1
    assert result.stderr.startswith("cis: A retention of 1 hour is below 24")
    assert files(lake, silver.ORDERS) == 3
    rows = json.loads(cis("--retention-hours", "0", "--force", "--json").output)
    assert {row["table"]: row["removed_files"] for row in rows} == {"silver/products": 3, "silver/orders": 3}


def test_a_table_that_cannot_be_opened_does_not_keep_the_others_from_being_maintained(lake: Lake):
    for commit in Path(lake.location(silver.ORDERS).uri, "_delta_log").glob("*.json"):
        commit.write_text("{ broken")
    result = cis()
    assert result.exit_code == 1
    assert "silver/orders is damaged" in result.stderr
    assert files(lake, silver.PRODUCTS) == 1


def test_a_file_that_cannot_be_decoded_is_named_and_the_other_tables_are_maintained(lake: Lake):
    path = min(Path(lake.location(silver.ORDERS).uri).rglob("*.parquet"))
    content = path.read_bytes()
    path.write_bytes(content[:4] + b"\xff" * (len(content) - 8) + content[-4:])
    result = cis()
    assert result.exit_code == 1
    assert re.search(
        rf"silver/orders is damaged: \S+{path.name} cannot be decoded.*--repair silver/orders", result.stderr
    )
    assert files(lake, silver.PRODUCTS) == 1

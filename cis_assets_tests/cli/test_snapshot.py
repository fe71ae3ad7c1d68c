"""`cis snapshot` as a person uses it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result
from polars.testing import assert_frame_equal

from cis_assets.catalog import Table, gold
from cis_assets.cli import main
from cis_assets.lake.lake import Lake
from cis_assets.settings import settings

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _fresh_settings() -> Iterator[None]:
    settings.cache_clear()
    yield
    settings.cache_clear()


def cis(*arguments: str) -> Result:
    settings.cache_clear()
    return CliRunner().invoke(main, list(arguments))


def rows(lake: Lake, table: Table) -> pl.DataFrame:
    """All rows of a table, in an order of their own."""
    return lake.scan(table).collect().sort(pl.struct(pl.all()).struct.json_encode())


@pytest.fixture
def lake() -> Lake:
    """Bronze and silver of a month that ends on 2025-10-31."""
    sample = ("--customers", "100", "--days", "30", "--end", "2025-10-31", "--dirty-share", "0")
    for arguments in (("land", "sample", *sample), ("backfill",)):
        result = cis(*arguments)
        assert result.exit_code == 0, result.output
    return Lake(str(Path(".cis/lake").resolve()))


def test_a_second_snapshot_keeps_the_model_and_makes_equal_tables(lake: Lake):
    first = cis("snapshot")
    assert first.exit_code == 0, first.output
    assert " for 2025-10-31 ..." in first.output
    assert Path(".cis/lake/dashboard/customers.html").exists()
    assert lake.figures(gold.NOTIFICATIONS).total.rows > 0
    before = [rows(lake, table) for table in gold.TABLES]
    trained = lake.figures(gold.SEGMENT_MODEL).version
    Path(".cis/lake/dashboard/customers.html").unlink()
    shutil.rmtree(".cis/landing")
    assert cis("snapshot", "2025-10-31").exit_code == 0
    assert lake.figures(gold.SEGMENT_MODEL).version == trained
    assert Path(".cis/lake/dashboard/customers.html").exists()
    for table, expected in zip(gold.TABLES, before, strict=True):
        assert_frame_equal(rows(lake, table), expected)
    assert cis("snapshot", "2025-10-30").exit_code == 0
    assert lake.figures(gold.SEGMENT_MODEL).version == trained
    assert [str(day) for day in lake.figures(gold.CUSTOMER_FEATURES).days] == ["2025-10-30", "2025-10-31"]


def test_customers_that_landed_after_the_last_ingest_are_read_before_messages_are_made(lake: Lake):
    (file,) = Path(".cis/landing/customers").iterdir()
    Path(".cis/landing/customers/withdrawn.csv").write_text(file.read_text().replace("true", "false"))
    result = cis("snapshot")
    assert result.exit_code == 0, result.output
    assert "Reading snapshots, because customers/withdrawn.csv is newer than what the lake has read" in result.output
    assert lake.figures(gold.NOTIFICATIONS).total.rows == 0
    assert "Reading snapshots" not in cis("snapshot").output


def test_the_snapshot_of_a_day_that_is_not_over_is_refused(lake: Lake):
    assert "cis: 2999-01-01 is not over yet" in cis("snapshot", "2999-01-01").stderr


def test_without_orders_in_silver_the_next_command_is_named():
    result = cis("snapshot")
    assert result.exit_code == 1
    assert result.stderr == "cis: silver/orders has no orders yet: run `cis backfill` first.\n"


def test_words_of_the_template_in_place_of_the_model_fail_the_run_and_the_tables_are_written(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("CIS_WRITER", "openai")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    result = cis("snapshot")
    assert result.exit_code == 1
    said = r"cis: The check few_wordings_fall_back of gold/notification_copy failed: The template writer composed (\d+) of \1 "
    assert re.match(
        said + r"wordings in place of the model\. The most frequent reason: .*could not be reached", result.stderr
    )
    assert lake.figures(gold.NOTIFICATIONS).total.rows > 0
    copy = 'key:"gold/notification_copy"'
    again = ("backfill", "--from", "2025-10-31", "--to", "2025-10-31", "--select", copy)
    assert "The check few_wordings_fall_back of" in cis(*again).stderr
    monkeypatch.setenv("CIS_COPY_FALLBACK_SEVERITY", "warn")
    warned = cis(*again)
    assert warned.exit_code == 0
    assert "Warning: The check few_wordings_fall_back failed: The template writer composed" in warned.output
    monkeypatch.setenv("CIS_COPY_FALLBACK_SHARE", "1")
    assert "few_wordings_fall_back" not in cis(*again).output


def test_a_key_with_a_line_end_is_refused_before_the_run(lake: Lake, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CIS_WRITER", "openai")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret\n")
    result = cis("snapshot")
    assert result.exit_code == 1
    assert result.stderr == "cis: OPENAI_API_KEY has a line end; set it to the bare value.\n"
    assert not lake.exists(gold.CUSTOMER_FEATURES)

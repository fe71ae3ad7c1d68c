"""`cis evaluate` as a person and a program use it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cis_assets.cli import main
from cis_assets.settings import settings

KEYS = ["task", "method", "slice", "context", "served", "metric", "value", "low", "high", "baseline", "n"]


@pytest.fixture(autouse=True)
def _fresh_settings():
    settings.cache_clear()
    yield
    settings.cache_clear()


def cis(*arguments: str) -> Result:
    settings.cache_clear()
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture
def silver() -> None:
    landed = cis("land", "sample", "--customers", "30", "--days", "60", "--end", "2025-10-31", "--dirty-share", "0")
    assert landed.exit_code == 0, landed.output
    assert cis("backfill").exit_code == 0


def files() -> dict[str, int]:
    return {str(file): file.stat().st_mtime_ns for file in Path(".cis/lake").rglob("*") if file.is_file()}


def test_a_lake_without_silver_is_told_what_to_run():
    result = cis("evaluate")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == ["cis: silver/orders does not exist yet: run `cis backfill` first."]


@pytest.mark.slow
def test_an_evaluation_prints_tables_or_json_and_writes_nothing(silver: None):
    before = files()
    result = cis("evaluate", "--json", "--as-of", "2025-10-30")
    assert result.exit_code == 0, result.output
    assert result.stderr == "Evaluating on the orders up to 2025-10-30 ...\n"
    rows = json.loads(result.stdout)
    assert {tuple(row) for row in rows} == {tuple(KEYS)}
    assert {(row["task"], row["context"]) for row in rows} == {
        ("next_basket", "given"),
        ("next_basket", "expected"),
        ("next_order", "expected"),
    }
    told = cis("evaluate", "--as-of", "2025-10-30")
    for row in rows:
        if row["slice"] == "all" and row["metric"] in ("recall@10", "brier") and row["low"] is not None:
            sign = "+" if row["baseline"] else ""
            assert f"{row['value']:{sign}.3f} ({row['low']:.3f} to {row['high']:.3f})" in told.stdout
    assert "serves" in told.stdout
    early = cis("evaluate", "--as-of", "2025-01-01")
    assert early.stderr.splitlines()[-1] == "cis: silver/orders has no order up to 2025-01-01: give a later day."
    assert files() == before

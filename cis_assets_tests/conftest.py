"""Fixtures that several folders of tests share.

The settings of the machine that runs the tests must not reach them: every CIS_ variable is removed before the first
import, and no `.env` file is read, since tests run in a folder of their own.
"""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import hypothesis
import polars as pl
import pytest

for _name in [name for name in os.environ if name.startswith(("CIS_", "OPENAI_", "AZURE_", "DAGSTER_", "DATABRICKS_"))]:
    del os.environ[_name]

# A busy machine may take longer than the default deadline of an example.
hypothesis.settings.register_profile("cis", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("cis")

REAL_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # `cis` sets this variable for what it starts; empty counts as not set.
    monkeypatch.setenv("DAGSTER_HOME", "")
    # So does this one; set first, so that it is put back whatever a test makes of it.
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "0")
    monkeypatch.delenv("DAGSTER_EVENT_BATCH_SIZE")


@pytest.fixture(scope="session")
def instacart_release() -> Path:
    """The first 64 customers of the public Instacart release, where that folder is present."""
    return _present("instacart_64_customers")


@pytest.fixture(scope="session")
def online_retail_files() -> Path:
    """30 daily files of UCI Online Retail, where that folder is present."""
    return _present("online_retail_30_days")


def _present(name: str) -> Path:
    folder = REAL_DATA / name
    if not folder.is_dir():
        pytest.skip(f"needs the files in {folder}")
    return folder


def day(text: str) -> date:
    return date.fromisoformat(text)


def rows_of(frame: pl.LazyFrame | pl.DataFrame, *columns: str) -> list[tuple]:
    """Rows of the named columns, sorted, for comparisons that do not depend on row order."""
    return sorted(frame.lazy().select(columns).collect().rows())

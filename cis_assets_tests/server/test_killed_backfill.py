"""A backfill killed with SIGKILL in the middle of a range: run again, it gives what an undisturbed one gives."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from datetime import date
from pathlib import Path

import pytest

from cis_assets.catalog import TABLES, Table, bronze, quality, silver
from cis_assets.lake.delta_table import open_table
from cis_assets.lake.lake import Lake
from cis_assets_tests.defs.pipeline import Shop, land_sample, shop_at
from cis_assets_tests.server.dagster_server import CIS

pytestmark = pytest.mark.slow

END = date(2025, 3, 31)
INGESTED = [table for table in TABLES.values() if table.layer in ("bronze", "silver", "quality")]


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample") / "landing"
    land_sample(folder, end=END, customers=60, days=20)
    return folder


@pytest.fixture(scope="module")
def undisturbed(landing: Path, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    folder = tmp_path_factory.mktemp("undisturbed")
    with backfill(folder, landing) as process:
        assert process.wait(timeout=120) == 0
    return shop_at(folder, landing)


def backfill(folder: Path, landing: Path) -> subprocess.Popen[bytes]:
    """`cis backfill` in a session of its own, so that it can be killed with all that it started."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CIS_", "DAGSTER_"))}
    places = {
        "CIS_LAKE_URI": str(folder / "lake"),
        "CIS_LANDING_URI": str(landing),
        "DAGSTER_HOME": str(folder / "dagster"),
    }
    return subprocess.Popen(
        [CIS, "backfill"], env=environment | places, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )  # fmt: skip


def versions(lake: Lake, table: Table) -> int:
    """How many commits a table has."""
    return len(list(Path(lake.location(table).uri, "_delta_log").glob("*.json")))


@pytest.mark.parametrize(
    "reached", [bronze.LANDED_FILES, bronze.ORDER_ITEMS, silver.ORDER_ITEMS], ids=lambda table: table.path
)
def test_a_killed_backfill_that_is_run_again_gives_the_tables_of_an_undisturbed_one(
    landing: Path, undisturbed: Shop, tmp_path: Path, reached: Table
):
    shop = shop_at(tmp_path, landing)
    # The first commit makes a table, the second brings its rows.
    with backfill(tmp_path, landing) as process:
        deadline = time.monotonic() + 120
        while versions(shop.lake, reached) < 2:
            assert process.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.005)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert not shop.lake.exists(quality.DATE_CHECKS)
    with backfill(tmp_path, landing) as process:
        assert process.wait(timeout=120) == 0
    for table in INGESTED:
        assert shop.rows(table).equals(undisturbed.rows(table)), table.path


def test_a_range_of_which_a_backfill_was_killed_keeps_the_former_rows_until_the_new_ones_are_whole(
    landing: Path, undisturbed: Shop, tmp_path: Path
):
    """Killed while it writes over tables that are there: each of them holds all of the old rows or all of the new."""
    shutil.copytree(undisturbed.lake.uri, tmp_path / "lake")
    shop = shop_at(tmp_path, landing)
    before = {table.path: open_table(table, shop.lake.location(table)).version() for table in INGESTED}
    with backfill(tmp_path, landing) as process:
        deadline = time.monotonic() + 120
        while (
            open_table(bronze.ORDER_ITEMS, shop.lake.location(bronze.ORDER_ITEMS)).version()
            == before["bronze/order_items"]
        ):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.005)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for table in INGESTED:
        assert shop.rows(table).equals(undisturbed.rows(table)), table.path

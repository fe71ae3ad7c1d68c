"""Power cuts at random moments of commands: the lake has the old rows or the new ones after at most one command.

Lake and landing folder lie on a disk of their own, and what was not synced when its power is cut is gone.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from cis_assets.catalog import SYSTEM_TABLES, TABLES, Table
from cis_assets.lake.lake import Lake
from cis_assets.lake.table_versions import TableDamagedError
from cis_assets_tests.lake.ext4_disk import Ext4Disk, ext4_disk

pytestmark = pytest.mark.slow

CUTS = int(os.environ.get("CUTS", "1"))
CUSTOMER = 7
_SECONDS = 300


@dataclass
class Shop:
    """A lake on a disk, with commands as an operator gives them."""

    disk: Ext4Disk
    folder: Path

    @property
    def lake(self) -> Lake:
        return Lake(str(self.disk.root / "lake"))

    def start(self, *arguments: str, landing: str = "landing") -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", "from cis_assets.cli import main; main()", *arguments],
            cwd=self.folder,
            env={
                **os.environ,
                "PYTHONPATH": str(Path(__file__).parents[2]),
                "CIS_LAKE_URI": self.lake.uri,
                "CIS_LANDING_URI": str(self.disk.root / landing),
                "CIS_FIRST_ORDER_DATE": "2025-10-01",
                "CIS_ERASURE_KEY": "k" * 64,
                "DAGSTER_HOME": str(self.folder / "home"),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str, landing: str = "landing") -> str:
        process = self.start(*arguments, landing=landing)
        said, _ = process.communicate(timeout=_SECONDS)
        assert process.returncode == 0, said
        return said

    def rows(self) -> dict[str, list[tuple]]:
        """The rows of each table with orders or customers, by the columns of its key."""
        tables = [table for table in (TABLES | SYSTEM_TABLES).values() if table.key and self.lake.exists(table)]
        return {table.path: self._read(table) for table in tables}

    def refusal(self) -> str | None:
        """What a reader says of the lake if it refuses a table."""
        try:
            self.rows()
        except TableDamagedError as error:
            return str(error)
        return None

    def _read(self, table: Table) -> list[tuple]:
        columns = list(dict.fromkeys((*table.partition_by, *table.key)))
        return sorted(self.lake.scan(table, columns=columns).collect().rows(), key=str)

    def customers(self) -> dict[str, int]:
        """The number of rows of the customer in each table that has any."""
        tables = [table for table in TABLES.values() if "customer_id" in table.columns and self.lake.exists(table)]
        of = pl.col("customer_id") == CUSTOMER
        counts = {table.path: self.lake.scan(table).filter(of).collect().height for table in tables}
        return {path: count for path, count in counts.items() if count}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    with ext4_disk(folder) as disk:
        shop = Shop(disk, folder)
        for landing, seed in (("landing", "1"), ("later", "2")):
            shop.run(
                "land",
                "sample",
                "--customers",
                "40",
                "--days",
                "4",
                "--end",
                "2025-10-04",
                "--seed",
                seed,
                landing=landing,
            )
        shop.run("backfill")
        disk.unmount()
        disk.keep("base")
        yield shop


@pytest.mark.parametrize(
    "command",
    [("backfill",), ("maintain", "--retention-hours", "0", "--force"), ("forget", "--yes", str(CUSTOMER))],
    ids=lambda command: command[0],
)
def test_a_power_cut_leaves_old_or_new_rows_after_at_most_one_command(shop: Shop, command: tuple[str, ...]):
    landing = "later" if command[0] == "backfill" else "landing"
    old, new, work = calm_run(shop, command, landing)
    moments = random.Random(command[0])
    met: Counter[str] = Counter()
    for _ in range(CUTS):
        restore(shop)
        before = files(shop)
        process = shop.start(*command, landing=landing)
        # The first cut falls into the work of the command on any machine; later ones may also come after its end.
        wait_for_progress(shop, process, before, moments.uniform(0, 1.15 if met["cut off"] else 0.95) * work)
        said_done = process.poll() == 0
        shop.disk.cut_power()
        process.kill()
        process.communicate()
        shop.disk.unmount()
        shop.disk.mount()
        met["done" if said_done else "cut off"] += 1
        refusal = shop.refusal()
        if refusal:
            assert not said_done, refusal
            assert "cis maintain" in refusal
            assert shop.start("doctor").wait(_SECONDS), "The doctor calls a lake fit that has a refused table."
            shop.run("maintain")
            met["rolled back"] += 1
        rows = shop.rows()
        for path in old | new:
            allowed = [new.get(path)] if said_done else [old.get(path), new.get(path)]
            assert rows.get(path, []) in [expected or [] for expected in allowed], path
        if said_done and command[0] == "forget":
            assert not shop.customers()
            Path(shop.lake.uri).rename(shop.disk.root / "aside")
            shop.run("backfill")
            assert not shop.customers(), "A new lake brings the erased customer back."
            continue
        shop.run(*command, landing=landing)
        assert shop.rows() == new
        assert command[0] != "forget" or not shop.customers()
        shop.run("doctor")
    assert met["cut off"], met


def calm_run(shop: Shop, command: tuple[str, ...], landing: str) -> tuple[dict, dict, int]:
    """The rows before and after the command, and how many files it makes and removes."""
    restore(shop)
    old, before = shop.rows(), files(shop)
    shop.run(*command, landing=landing)
    return old, shop.rows(), len(before ^ files(shop))


def restore(shop: Shop) -> None:
    shop.disk.unmount()
    shop.disk.restore("base")
    shop.disk.mount()
    # Dagster would still take the run that was cut off for running.
    shutil.rmtree(shop.folder / "home")
    (shop.folder / "home").mkdir()


def wait_for_progress(shop: Shop, process: subprocess.Popen[str], before: set[str], wanted: float) -> None:
    """Wait until the command has made and removed that many files, or has ended."""
    until = time.monotonic() + _SECONDS
    while process.poll() is None and len(before ^ files(shop)) < wanted:
        assert time.monotonic() < until, "The command does not end."
        time.sleep(0.005)


def files(shop: Shop) -> set[str]:
    """The files of the disk."""
    return {str(Path(folder, name)) for folder, _, names in os.walk(shop.disk.root) for name in names}

"""Commands on a lake with a damaged table: each names the table, and `cis doctor --repair` brings it back."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cis_assets.cli import main
from cis_assets.settings import settings

pytestmark = pytest.mark.slow

CIS = [sys.executable, "-c", "from cis_assets.cli import main; main()"]
FOLDER = Path(".cis/lake/silver/order_items")
LOG = FOLDER / "_delta_log"


@pytest.fixture(autouse=True)
def _fresh_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CIS_FIRST_ORDER_DATE", "2025-10-27")
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    sample = ("land", "sample", "--customers", "20", "--days", "5", "--end", "2025-10-31")
    for arguments in (sample, ("backfill",)):
        done = subprocess.run([*CIS, *arguments], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def made(made_once: Path) -> None:
    shutil.copytree(made_once, ".", dirs_exist_ok=True)


def cis(*arguments: str) -> Result:
    settings.cache_clear()
    return CliRunner().invoke(main, list(arguments))


def data_file() -> Path:
    return next(FOLDER.glob("order_date=2025-10-30/*.parquet"))


def lose_log() -> None:
    shutil.rmtree(LOG)


def empty_commit() -> None:
    max(LOG.glob("*.json")).write_bytes(b"")


def shorten_file() -> None:
    data_file().write_bytes(data_file().read_bytes()[:100])


def garble_file() -> None:
    content = data_file().read_bytes()
    data_file().write_bytes(content[:4] + b"\xff" * (len(content) - 8) + content[-4:])


DAMAGE = [lose_log, empty_commit, shorten_file, garble_file]


@pytest.mark.parametrize("damage", DAMAGE)
def test_every_command_names_the_damaged_table_until_it_is_repaired(made: None, damage: Callable[[], None]):
    before = json.loads(cis("show", "tables", "--json").output)
    damage()
    deep = ["--deep"] if damage is garble_file else []
    doctor = cis("doctor", *deep)
    assert doctor.exit_code == 1
    assert "can be used" not in doctor.output
    (line,) = [line for line in doctor.output.splitlines() if line.startswith("FAILED")]
    assert "silver/order_items" in line
    assert "cis doctor --repair silver/order_items" in line
    for command in (("snapshot", "2025-10-31"), ("show", "reconciliation")):
        result = cis(*command)
        assert result.exit_code == 1
        assert "silver/order_items" in result.stderr, (command, result.output, result.exception)
    if damage is not garble_file:
        result = cis("backfill", "--from", "2025-10-28", "--to", "2025-10-28")
        assert result.exit_code == 1
        assert "silver/order_items" in result.stderr
    repaired = cis("doctor", "--repair", "silver/order_items", *deep)
    assert repaired.exit_code == 0, repaired.output
    assert "cis backfill" in repaired.stderr
    assert cis("backfill").exit_code == 0
    after = json.loads(cis("show", "tables", "--json").output)
    assert rows_behind_gold(after) == rows_behind_gold(before)
    assert cis("show", "reconciliation").exit_code == 0


def rows_behind_gold(tables: list[dict]) -> dict[str, int]:
    """Rows by table. Gold of the refused snapshot has the tables that do not read the damaged one."""
    return {row["table"]: row["rows"] for row in tables if not row["table"].startswith("gold/")}


def test_all_tables_are_listed_and_each_damaged_one_is_named(made: None):
    empty_commit()
    shutil.rmtree(".cis/lake/bronze/orders/_delta_log")
    result = cis("show", "tables")
    assert result.exit_code == 1
    assert "silver/products" in result.stdout
    assert [line.split()[1] for line in result.stderr.splitlines()] == ["bronze/orders", "silver/order_items"]
    assert all("cis doctor" in line for line in result.stderr.splitlines())
    rows = cis("show", "tables", "--json")
    assert rows.exit_code == 1
    assert sum(row["damage"] is not None for row in json.loads(rows.stdout)) == 2


def test_dates_that_are_not_in_silver_yet_are_pending_and_no_failure(made: None):
    for table in ("orders", "order_items", "returned_items", "rejected_rows"):
        shutil.rmtree(f".cis/lake/silver/{table}")
        assert cis("doctor", "--accept", f"silver/{table}").exit_code == 0
    shutil.rmtree(".cis/lake/quality/date_checks")
    assert cis("doctor", "--accept", "quality/date_checks").exit_code == 0
    result = cis("show", "reconciliation")
    assert result.exit_code == 0
    assert "2025-10-31 is read and not yet in silver. Run `cis backfill` for it." in result.output
    assert cis("backfill").exit_code == 0
    assert "Pending" not in cis("show", "reconciliation").output


def test_a_table_with_a_gap_is_not_accepted_but_repaired(made: None):
    sorted(LOG.glob("*.json"))[-2].unlink()
    result = cis("doctor", "--accept", "silver/order_items")
    assert result.exit_code == 1
    assert "silver/order_items cannot be accepted" in result.stderr
    assert "cis doctor --repair silver/order_items" in result.stderr
    assert cis("doctor", "--repair", "silver/order_items").exit_code == 0


def test_rows_that_are_not_accounted_for_are_named(made: None):
    assert cis("show", "reconciliation").exit_code == 0
    shorten_file()
    assert cis("doctor", "--repair", "silver/order_items").exit_code == 0
    result = cis("show", "reconciliation")
    assert result.exit_code == 1
    (line,) = [line for line in result.output.splitlines() if line.startswith("Not accounted for")]
    assert "2025-10-30 order_items" in line
    assert json.loads(cis("show", "reconciliation", "--json").output)["not_accounted_for"]


def test_a_table_that_is_moved_aside_on_purpose_is_accepted(made: None):
    FOLDER.rename("elsewhere")
    assert cis("doctor").exit_code == 1
    assert "is accepted as it is" in cis("doctor", "--accept", "silver/order_items").stderr
    assert cis("doctor").exit_code == 0
    assert cis("backfill").exit_code == 0


def test_an_unknown_table_is_refused(made: None):
    result = cis("doctor", "--repair", "silver/nothing")
    assert result.exit_code == 1
    assert "silver/nothing is no table of the lake" in result.stderr

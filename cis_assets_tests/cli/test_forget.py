"""`cis forget` as a person uses it, and as a script does."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cis_assets.cli import main
from cis_assets.settings import settings

pytestmark = pytest.mark.slow

SECRET = "a secret of the tests that is long enough"
UNKNOWN = "7316502948117"
CIS = [sys.executable, "-c", "from cis_assets.cli import main; main()"]


@pytest.fixture(autouse=True)
def _fresh_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CIS_ERASURE_KEY", SECRET)
    settings.cache_clear()
    yield
    settings.cache_clear()


def cis(*arguments: str, given: str | None = None) -> Result:
    settings.cache_clear()
    return CliRunner().invoke(main, list(arguments), input=given)


def refusal(result: Result) -> str:
    assert result.exit_code == 1, result.output
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("cis: ")]
    return line


def row_counts() -> dict[str, int]:
    return {row["table"]: row["rows"] for row in json.loads(cis("show", "tables", "--json").output)}


def receipts() -> list[dict]:
    return [json.loads(path.read_text()) for path in sorted(Path(".cis/lake/system/erasure_receipts").glob("*.json"))]


@pytest.fixture(scope="session")
def ingested_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ingested")
    sample = ("land", "sample", "--customers", "20", "--days", "5", "--end", "2025-10-31", "--dirty-share", "0.02")
    for arguments in (sample, ("backfill",)):
        done = subprocess.run([*CIS, *arguments], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def ingested(ingested_once: Path) -> None:
    shutil.copytree(ingested_once, ".", dirs_exist_ok=True)


@pytest.fixture
def customer(ingested: None) -> str:
    """One who ordered."""
    orders = Path(".cis/landing/orders/order_date=2025-10-31/orders.csv").read_text().splitlines()
    return orders[1].split(",")[1]


def test_a_customer_is_gone_stays_out_and_a_receipt_says_so(customer: str):
    before = row_counts()
    result = cis("forget", customer, "--yes")
    assert result.exit_code == 0, result.output
    after = row_counts()
    removed = {table: before[table] - after[table] for table in before if before[table]}
    (receipt,) = receipts()
    assert {
        table["table"]: table["rows_removed"] for table in receipt["tables"] if table["table"] in removed
    } == removed
    assert removed["bronze/orders"] > 0
    assert removed["silver/customers"] == 1
    assert f"{sum(removed.values()):,} rows removed from {sum(map(bool, removed.values()))} tables" in result.output
    held = receipt["landing_files"]["holding"]
    assert "customers/customers.csv" in held
    assert all(path in result.output for path in held)
    assert "No row is left." in result.output
    assert cis("backfill").exit_code == 0
    assert row_counts() == after


def test_numbers_that_nobody_has_are_named_and_change_the_exit_status(customer: str):
    given = f"customer_id\n{UNKNOWN}\n\n {UNKNOWN[::-1]} \n{customer}\n"
    for options in (["--dry-run"], ["--yes"]):
        result = cis("forget", "--from-file", "-", *options, given=given)
        assert result.exit_code == 3, result.output
        named = ", ".join(sorted([UNKNOWN, UNKNOWN[::-1]], key=int))
        assert f"Found in no table and in no landing file: {named}. Check these numbers" in result.output
    (receipt,) = receipts()
    assert len(receipt["customer_hashes"]) == 3
    assert len(receipt["hashes_found_nowhere"]) == 2
    assert sum(table["rows_removed"] for table in receipt["tables"]) > 0
    assert UNKNOWN not in json.dumps(receipts())
    assert SECRET not in result.output + json.dumps(receipts())


def test_an_erasure_of_a_number_that_nobody_has_says_that_it_removed_nothing(ingested: None):
    result = cis("forget", UNKNOWN, "--yes")
    assert result.exit_code == 3, result.output
    assert "0 rows removed from 0 tables" in result.output
    assert "No row is left." not in result.output


def test_a_file_with_two_numbers_on_a_line_erases_nobody(ingested: None):
    refused = refusal(cis("forget", "--from-file", "-", "--yes", given="17\n1,2\n3,42\n"))
    assert "Lines 2, 3 of the file given are not customer numbers" in refused
    assert not receipts()


def test_customers_are_taken_from_a_file_beside_those_named(ingested: None):
    Path("leavers.csv").write_text("\ufeffcustomer_id\r\n901\r\n902\r\n", encoding="utf-8")
    result = cis("forget", "902", "903", "--from-file", "leavers.csv", "--yes")
    assert result.exit_code == 3, result.output
    assert len(receipts()[0]["customer_hashes"]) == 3


def test_a_dry_run_shows_what_would_go_and_changes_nothing(customer: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("CIS_ERASURE_KEY")
    before = row_counts()
    result = cis("forget", customer, "--dry-run")
    assert result.exit_code == 0, result.output
    assert re.search(r"silver/customers +1\n", result.output)
    assert "customers/customers.csv" in result.output
    assert "The erasure will need a key. CIS_ERASURE_KEY is not set" in result.output
    assert result.output.endswith("Nothing was changed.\n")
    assert row_counts() == before
    assert not Path(".cis/lake/system/erased_customers").exists()


def test_a_lake_that_is_moved_aside_does_not_bring_a_customer_back(customer: str):
    assert cis("forget", customer, "--yes").exit_code == 0
    after = row_counts()
    Path(".cis/lake").rename("aside")
    assert cis("backfill").exit_code == 0
    counts = row_counts()
    assert {table: counts[table] for table in ("silver/orders", "silver/customers")} == {
        table: after[table] for table in ("silver/orders", "silver/customers")
    }


def test_without_a_terminal_it_must_be_told_not_to_ask(customer: str):
    assert "confirm it with --yes" in refusal(cis("forget", customer))
    assert not Path(".cis/lake/system/erased_customers").exists()


@pytest.mark.parametrize("answer", ["n", "y"])
def test_on_a_terminal_it_asks_first(customer: str, answer: str):
    terminal, ours = pty.openpty()
    asked = subprocess.Popen([*CIS, "forget", customer], stdin=ours, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    os.write(terminal, f"{answer}\n".encode())
    output = asked.communicate(timeout=120)[0].decode()
    os.close(terminal)
    os.close(ours)
    assert "This cannot be undone. [y/N]" in output
    assert asked.returncode == (0 if answer == "y" else 1), output
    assert Path(".cis/lake/system/erased_customers").exists() is (answer == "y")


@pytest.mark.parametrize(
    ("arguments", "given", "words"),
    [
        ([], None, "Name at least one customer"),
        (["--from-file", "-"], "customer_id\n", "Name at least one customer"),
        (["17", "Jane Doe"], None, "CUSTOMER_ID 2 is not a customer number"),
        (["--from-file", "-"], "17\nJane Doe\n", "Line 2 of the file given is not a customer number"),
        (["9223372036854775808"], None, "CUSTOMER_ID 1 is not a customer number"),
    ],
)
def test_what_names_no_customer_is_refused_and_not_repeated(arguments: list[str], given: str | None, words: str):
    refused = refusal(cis("forget", *arguments, "--yes", given=given))
    assert words in refused
    assert "Jane" not in refused


def test_without_a_key_it_says_how_to_make_one(customer: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("CIS_ERASURE_KEY")
    before = row_counts()
    assert "CIS_ERASURE_KEY is not set: make one with" in refusal(cis("forget", customer, "--yes"))
    assert row_counts() == before


def test_nothing_is_read_from_landing_without_the_key(customer: str, monkeypatch: pytest.MonkeyPatch):
    assert cis("forget", customer, "--yes").exit_code == 0
    after = row_counts()
    monkeypatch.delenv("CIS_ERASURE_KEY")
    assert "1 customer was erased in" in refusal(cis("backfill"))
    monkeypatch.setenv("CIS_ERASURE_KEY", SECRET[::-1])
    assert "with another CIS_ERASURE_KEY" in refusal(cis("backfill"))
    assert row_counts() == after


def test_a_run_that_has_not_ended_is_in_the_way_unless_it_is_named(customer: str):
    from dagster import DagsterRunStatus, job

    from cis_assets.cli.instance import dagster_instance

    @job
    def loading() -> None: ...

    with dagster_instance() as instance:
        run = instance.create_run_for_job(loading, status=DagsterRunStatus.STARTED)
    before = row_counts()
    refused = refusal(cis("forget", customer, "--yes"))
    assert f"{run.run_id} (loading, STARTED)" in refused
    assert row_counts() == before
    assert cis("forget", customer, "--yes", "--despite-run", run.run_id).exit_code == 0


def test_an_erasure_that_is_killed_is_completed_by_the_next(customer: str):
    killed = subprocess.Popen([*CIS, "forget", customer, "--yes"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    log = Path(".cis/lake/silver/orders/_delta_log")
    commits = len(list(log.iterdir()))
    deadline = time.monotonic() + 120
    while len(list(log.iterdir())) == commits and time.monotonic() < deadline:
        time.sleep(0.005)
    killed.send_signal(signal.SIGKILL)
    output = killed.communicate()[0].decode()
    assert killed.returncode == -signal.SIGKILL, output
    assert not receipts()
    assert Path(".cis/lake/system/erasure_in_progress.json").exists()
    result = cis("forget", customer, "--yes")
    assert result.exit_code == 0, result.output
    assert not Path(".cis/lake/system/erasure_in_progress.json").exists()
    shown = cis("forget", customer, "--dry-run").output
    assert re.findall(r"/\w+ +([1-9])", shown) == []

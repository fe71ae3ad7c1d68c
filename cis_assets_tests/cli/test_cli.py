"""`cis` as a person uses it: through the command line, in a folder of their own."""

from __future__ import annotations

import json
import re
import shutil
import socket
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cis_assets.cli import main
from cis_assets.settings import settings


@pytest.fixture(autouse=True)
def _fresh_settings():
    settings.cache_clear()
    yield
    settings.cache_clear()


def cis(*arguments: str) -> Result:
    settings.cache_clear()
    return CliRunner().invoke(main, list(arguments))


def refusal(result: Result) -> str:
    assert result.exit_code == 1, result.output
    lines = [line for line in result.stderr.splitlines() if line.startswith("cis: ")]
    assert len(lines) == 1, result.output
    return lines[0]


def row_counts() -> dict[str, int]:
    return {row["table"]: row["rows"] for row in json.loads(cis("show", "tables", "--json").output)}


@pytest.fixture
def landed() -> None:
    result = cis("land", "sample", "--customers", "40", "--days", "8", "--end", "2025-10-31", "--dirty-share", "0")
    assert result.exit_code == 0, result.output


def test_landing_says_what_landed_and_where(landed: None):
    folders = sorted(path.name for path in Path(".cis/landing/orders").iterdir())
    assert folders[0] == "order_date=2025-10-24"
    assert folders[-1] == "order_date=2025-10-31"


def test_generated_orders_end_yesterday_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("cis_assets.cli.land.today", lambda time_zone: date(2025, 3, 2))
    assert cis("land", "sample", "--customers", "20", "--days", "3").exit_code == 0
    folders = sorted(path.name for path in Path(".cis/landing/orders").iterdir())
    assert folders == ["order_date=2025-02-27", "order_date=2025-02-28", "order_date=2025-03-01"]


def test_tables_of_an_empty_lake_are_said_to_be_absent():
    result = cis("show", "tables")
    assert result.exit_code == 0
    assert "never materialized" in result.output


def test_show_tables_prints_json_for_programs(landed: None):
    assert cis("backfill").exit_code == 0
    rows = {row["table"]: row for row in json.loads(cis("show", "tables", "--json").output)}
    assert rows["silver/orders"]["rows"] > 0
    assert rows["silver/orders"]["days"] == 8
    assert rows["gold/notifications"]["rows"] is None


def test_a_backfill_is_recorded_in_the_instance_that_the_ui_shows(landed: None, monkeypatch: pytest.MonkeyPatch):
    from dagster import DagsterInstance

    result = cis("backfill", "--from", "2025-10-25", "--to", "2025-10-27", "--select", 'key:"bronze/orders"')
    assert result.exit_code == 0, result.output
    with DagsterInstance.get() as instance:
        (run,) = instance.get_runs()
    assert run.is_success
    assert run.tags["dagster/asset_partition_range_start"] == "2025-10-25"
    assert Path(".cis/dagster/dagster.yaml").exists()


def test_nothing_landed_is_one_sentence_that_names_the_folder(tmp_path: Path):
    assert f"No order date has landed under {tmp_path}/.cis/landing" in refusal(cis("backfill"))


def test_a_folder_that_is_no_date_is_named_and_nothing_is_written(landed: None):
    stray = Path(".cis/landing/orders/order_date=yesterday")
    stray.mkdir()
    (stray / "orders.csv").write_text("order_id,customer_id,order_hour\n")
    assert "Landing folder orders/order_date=yesterday is not an order date" in refusal(cis("backfill"))
    assert not Path(".cis/lake").exists()


@pytest.mark.slow
def test_an_empty_folder_is_named_and_the_tables_stay_as_they_were(landed: None):
    assert cis("backfill").exit_code == 0
    before = row_counts()
    Path(".cis/landing/orders/order_date=2025-10-31/orders.csv").unlink()
    Path(".cis/landing/order_items/order_date=2025-10-31/order_items.csv").unlink()
    words = refusal(cis("backfill", "--from", "2025-10-31", "--to", "2025-10-31"))
    assert "orders/order_date=2025-10-31 is empty or absent" in words
    assert row_counts() == before


@pytest.mark.slow
def test_a_file_with_a_missing_column_is_named_and_the_tables_stay_as_they_were(landed: None):
    assert cis("backfill").exit_code == 0
    before = row_counts()
    Path(".cis/landing/orders/order_date=2025-10-30/orders.csv").write_text("order_id,order_hour\n1,2\n")
    words = refusal(cis("backfill"))
    assert "orders/order_date=2025-10-30/orders.csv has no column customer_id" in words
    assert row_counts() == before


def test_a_wrong_setting_is_one_sentence_that_names_the_variable(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CIS_LAKE_URI", " ")
    assert refusal(cis("show", "tables")).startswith("cis: CIS_LAKE_URI is ' ': ")


def test_wrong_options_of_the_sample_are_one_sentence():
    assert "customers must be a whole number" in refusal(
        cis("land", "sample", "--customers", "0", "--end", "2025-10-31")
    )


def test_a_folder_without_the_release_is_one_sentence(tmp_path: Path):
    words = refusal(cis("land", "instacart", "--source", str(tmp_path), "--end", "2025-10-31"))
    assert f"{tmp_path} has no " in words


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        ("2022-12-31", "2023-01-02", "set CIS_FIRST_ORDER_DATE=2022-12-31 or earlier"),
        ("2025-10-31", "2999-01-01", "2999-01-01 is not over yet"),
        ("2025-10-31", "2025-10-20", "--to 2025-10-20 is before --from 2025-10-31"),
    ],
)
def test_dates_outside_the_partitions_are_refused(landed: None, first: str, last: str, words: str):
    assert words in refusal(cis("backfill", "--from", first, "--to", last))


def test_a_selection_that_names_nothing_is_refused(landed: None):
    assert "names no asset" in refusal(cis("backfill", "--select", "group:platinum"))


def test_an_unknown_customer_is_one_sentence(landed: None):
    assert cis("backfill").exit_code == 0
    assert "gold/customer_features" in refusal(cis("show", "customer", "1"))


def test_a_customer_is_shown_whole():
    assert cis("land", "sample", "--customers", "60", "--days", "15", "--end", "2025-10-31").exit_code == 0
    assert cis("backfill").exit_code == 0
    made = cis("snapshot")
    assert made.exit_code == 0, made.output
    notified = json.loads(cis("show", "notifications", "--limit", "1", "--json").output)[0]["customer_id"]
    shown = json.loads(cis("show", "customer", str(notified), "--json").output)
    assert shown["features"]["customer_id"] == notified
    assert shown["features"]["favourite_product"]
    assert shown["segment"]["segment_name"]
    assert shown["orders"][0]["products"]
    assert len(shown["notifications"]) == 1
    words = cis("show", "customer", str(notified)).output
    assert shown["notifications"][0]["body"] in words.replace("\n", " ").replace("  ", " ")
    assert "Customer segments as of 2025-10-31" in cis("show", "segments").output
    assert "RFM segments as of 2025-10-31" in cis("show", "rfm").output
    assert sum(row["customers"] for row in json.loads(cis("show", "rfm", "--json").output)) > 0
    assert cis("dashboard").output.splitlines()[-1].startswith("Dashboard: file://")


def test_the_demo_ends_with_what_a_person_wants_to_see():
    result = cis("demo", "--customers", "100", "--days", "40", "--end", "2025-10-31")
    assert result.exit_code == 0, result.output
    for words in (
        "Customer segments as of 2025-10-31",
        "what marks it",
        "Five notifications and the facts behind them",
        "gold/notifications",
        str(Path(".cis/lake").resolve()),
        "make ui",
        "cis snapshot",
    ):
        assert words in result.output
    assert result.output.count("because: customer ") == 5


@pytest.mark.slow
def test_what_a_run_warns_of_is_said(landed: None):
    for table in ("orders", "order_items"):
        shutil.rmtree(f".cis/landing/{table}/order_date=2025-10-28")
    result = cis("backfill")
    assert result.exit_code == 0, result.output
    assert "Warning: 1 of the dates have no landing files, so no orders: 2025-10-28." in result.output


def test_looking_at_an_absent_landing_folder_does_not_create_it(tmp_path: Path):
    assert cis("backfill").exit_code == 1
    assert not Path(".cis/landing").exists()


@pytest.mark.slow
def test_a_gold_day_needs_no_landing_files(landed: None):
    assert cis("backfill").exit_code == 0
    shutil.rmtree(".cis/landing")
    day = ("--from", "2025-10-31", "--to", "2025-10-31")
    assert cis("backfill", *day, "--select", 'key:"gold/customer_features"').exit_code == 0


def test_the_default_range_leaves_days_that_are_not_over_for_later(landed: None):
    for table in ("orders", "order_items"):
        shutil.copytree(f".cis/landing/{table}/order_date=2025-10-31", f".cis/landing/{table}/order_date=2999-01-01")
    newest = (datetime.now(tz=UTC).date() - timedelta(days=1)).isoformat()
    result = cis("backfill", "--from", newest)
    assert f"Left for later: dates after {newest}" in result.output


def test_storage_that_refuses_is_one_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CIS_LAKE_URI", "abfss://lake@account.dfs.core.windows.net/lake")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "bm90LWEta2V5")
    monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", "http://127.0.0.1:9/account")
    monkeypatch.setenv("AZURE_STORAGE_ALLOW_HTTP", "true")
    monkeypatch.setenv("CIS_STORE_RETRY_SECONDS", "1")
    named = "cis: Reading bronze/landed_files at abfss://lake@account.dfs.core.windows.net/lake/bronze/landed_files failed: "
    assert refusal(cis("show", "tables")).startswith(named)


def test_a_run_that_fails_before_its_first_step_is_not_reported_as_done(landed: None, monkeypatch: pytest.MonkeyPatch):
    from cis_assets.lake.io_manager import LakeIOManager

    def fail(*_: object) -> None:
        raise RuntimeError("no IO manager today")

    monkeypatch.setattr(LakeIOManager, "create_io_manager", fail)
    assert "failed" in refusal(cis("backfill"))


def test_rejected_rows_are_shown_with_their_reasons():
    assert (
        cis(
            "land", "sample", "--customers", "40", "--days", "8", "--end", "2025-10-31", "--dirty-share", "0.1"
        ).exit_code
        == 0
    )
    assert cis("backfill").exit_code == 0
    shown = json.loads(cis("show", "rejected", "--json").output)["rejected"]
    stored = row_counts()
    counted = {name: sum(row["rows"] for row in shown if row["table"] == name) for name in stored}
    for table in ("bronze/rejected_rows", "silver/rejected_rows"):
        assert counted[table] == stored[table] > 0
    assert all(row["where"] and row["row"] for row in shown)
    assert "fields where the header has" in cis("show", "rejected").output


def test_a_lake_without_tables_has_no_rejected_rows():
    assert cis("show", "rejected").output == "No row was rejected.\n"


@pytest.mark.slow
def test_a_snapshot_of_a_day_without_orders_warns(landed: None):
    assert cis("backfill").exit_code == 0
    later = cis("backfill", "--from", "2025-11-03", "--to", "2025-11-03", "--select", 'key:"gold/customer_features"')
    assert later.exit_code == 0, later.output
    assert "Warning: silver/orders has no order after 2025-10-31" in later.output


@pytest.mark.slow
def test_an_earlier_snapshot_can_be_shown(landed: None):
    assert cis("backfill").exit_code == 0
    for day in ("2025-10-31", "2025-10-30"):
        assert cis("backfill", "--from", day, "--to", day, "--select", "group:gold").exit_code == 0
    assert "Customer segments as of 2025-10-31" in cis("show", "segments").output
    assert "Customer segments as of 2025-10-30" in cis("show", "segments", "--as-of", "2025-10-30").output


@pytest.mark.slow
def test_a_training_on_the_same_snapshot_makes_no_challenger_and_promotes_nothing(landed: None):
    assert cis("backfill").exit_code == 0
    assert cis("snapshot").exit_code == 0
    trained = cis("train")
    assert trained.exit_code == 0, trained.output
    assert "version 1 is the champion" in trained.output
    promoted = cis("train", "--promote")
    assert promoted.exit_code == 1
    assert "nothing to promote" in promoted.output


@pytest.mark.slow
def test_the_model_can_be_kept_when_gold_is_made_again(landed: None):
    assert cis("backfill").exit_code == 0
    day = ("--from", "2025-10-31", "--to", "2025-10-31", "--select")
    trained = cis("backfill", *day, "group:gold")
    assert trained.exit_code == 0, trained.output
    kept = cis("backfill", *day, 'group:gold and not key:"gold/segment_model"')
    assert kept.exit_code == 0, kept.output
    steps = int(re.findall(r"of (\d+)\n", trained.output)[-1])
    assert f"of {steps - 1}\n" in kept.output


@pytest.mark.slow
def test_the_reconciliation_counts_each_landed_row_and_names_unreadable_dates(landed: None):
    assert cis("backfill").exit_code == 0
    reconciliation = json.loads(cis("show", "reconciliation", "--json").output)["reconciliation"]
    assert (
        sum(row["landed"] for row in reconciliation)
        == sum(row["typed"] + row["unparsed"] for row in reconciliation)
        > 0
    )
    shown = cis("show", "reconciliation").output
    assert cis("show", "books").output == shown
    assert "books" not in cis("show", "--help").output
    assert "0 quarantined dates" in shown
    bad = reconciliation[-1]["order_date"]
    (file,) = Path(f".cis/landing/orders/order_date={bad}").iterdir()
    file.write_text("nonsense\n")
    assert cis("backfill").exit_code == 1
    shown = cis("show", "reconciliation").output
    assert f"without {bad}, which cannot be read" in shown
    assert "1 quarantined date\n" in shown
    assert "has no column order_id" in shown


@pytest.mark.slow
def test_messages_of_a_day_without_a_snapshot_are_refused(landed: None):
    assert cis("backfill").exit_code == 0
    assert cis("backfill", "--from", "2025-10-31", "--to", "2025-10-31", "--select", "group:gold").exit_code == 0
    for command in ("notifications", "segments"):
        assert "There is no snapshot as of 2025-10-01" in refusal(cis("show", command, "--as-of", "2025-10-01"))


@pytest.mark.slow
def test_the_openai_writer_without_a_key_is_refused_before_the_run(landed: None, monkeypatch: pytest.MonkeyPatch):
    assert cis("backfill").exit_code == 0
    monkeypatch.setenv("CIS_WRITER", "openai")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    words = refusal(cis("backfill", "--from", "2025-10-31", "--to", "2025-10-31", "--select", "group:gold"))
    assert "OPENAI_API_KEY" in words
    assert row_counts()["gold/customer_features"] is None


def test_a_taken_port_is_one_sentence():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert f"Port {port} of 127.0.0.1 is in use" in refusal(cis("ui", "--port", port))

"""The job that forgets customers keeps their numbers out of everything that Dagster stores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from cis_assets.definitions import build_definitions
from cis_assets.erasure.receipt import Receipt
from cis_assets_tests.defs.pipeline import GOLD, INGEST
from cis_assets_tests.erasure.byte_search import traces_of
from cis_assets_tests.erasure.conftest import CUSTOMER, END, SECRET, ShopWithCustomer

pytestmark = pytest.mark.slow


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    home = tmp_path / "dagster"
    home.mkdir()
    with dg.DagsterInstance.local_temp(str(home)) as instance:
        yield instance


@pytest.fixture
def requests(with_customer: ShopWithCustomer) -> Path:
    folder = with_customer.landing / "erasure_requests"
    folder.mkdir()
    return folder


def run_job(shop: ShopWithCustomer, instance: dg.DagsterInstance, **overrides: object) -> dg.ExecuteInProcessResult:
    job = build_definitions(shop.shop.settings, **overrides).get_job_def("erase_customers")
    return job.execute_in_process(instance=instance, raise_on_error=False)


def failure(result: dg.ExecuteInProcessResult) -> str:
    (failed,) = [event for event in result.all_events if event.is_step_failure]
    error = failed.step_failure_data.error
    while error.cause is not None:
        error = error.cause
    return error.message


def metadata(result: dg.ExecuteInProcessResult) -> dict:
    (output,) = [event for event in result.all_events if event.is_successful_output]
    return {name: value.value for name, value in output.step_output_data.metadata.items()}


def test_a_request_is_carried_out_and_deleted_and_no_number_enters_dagster(
    with_customer: ShopWithCustomer,
    requests: Path,
    instance: dg.DagsterInstance,
    tmp_path: Path,
):
    (requests / "2025-11-01.csv").write_text(f"customer_id\n{CUSTOMER}\n")
    _run(with_customer, instance, INGEST)
    _run(with_customer, instance, GOLD)
    result = run_job(with_customer, instance)
    assert result.success
    _run(with_customer, instance, INGEST)
    assert traces_of(with_customer.numbers, with_customer.lake) == {}
    assert traces_of(with_customer.numbers, tmp_path / "dagster") == {}
    assert not list(requests.iterdir())
    told = metadata(result)
    assert told["customers"] == 1
    assert told["rows_removed"] > 50
    assert told["landing_files_still_holding_them"] == len(with_customer.holding)
    receipt = Path(told["receipt"]).read_text()
    assert "erasure_requests" not in receipt
    assert SECRET.encode() not in b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def _run(shop: ShopWithCustomer, instance: dg.DagsterInstance, selection: dg.AssetSelection) -> None:
    """Materialize assets of the last day, recorded in the instance."""
    definitions = build_definitions(shop.shop.settings)
    keys = selection.required_multi_asset_neighbors().resolve(definitions.resolve_asset_graph())
    job = definitions.resolve_implicit_global_asset_job_def().get_subset(asset_selection=keys)
    assert job.execute_in_process(instance=instance, partition_key=str(END)).success


def test_a_request_that_changed_meanwhile_is_left_for_another_run(
    with_customer: ShopWithCustomer,
    requests: Path,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
):
    request = requests / "all.csv"
    request.write_text(f"customer_id\n{CUSTOMER}\n")
    write = Receipt.write

    def write_as_somebody_adds_a_line(receipt: Receipt, lake_uri: str) -> str:
        request.write_text(f"customer_id\n{CUSTOMER}\n18\n")
        return write(receipt, lake_uri)

    monkeypatch.setattr(Receipt, "write", write_as_somebody_adds_a_line)
    result = run_job(with_customer, instance)
    assert result.success
    assert request.exists()
    warnings = [entry.user_message for entry in instance.all_logs(result.run_id) if entry.level == 30]
    assert any("erasure_requests/all.csv" in words for words in warnings)


def test_nothing_happens_without_a_request(with_customer: ShopWithCustomer, instance: dg.DagsterInstance):
    result = run_job(with_customer, instance)
    assert result.success
    assert not (with_customer.lake / "system/erased_customers").exists()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"customer_id\n17\nJane Doe\n", "Line 3 of erasure_requests/a.csv is not a customer number"),
        ("a.csv", b"customer_id,name\n17,Jane\n", "Lines 1, 2 of erasure_requests/a.csv are not customer numbers"),
        ("a.csv", b"\xff\xfe1\x007\x00", "erasure_requests/a.csv is not UTF-8"),
        ("a.xlsx", b"PK", "erasure_requests/a.xlsx below the landing folder is not a .csv file"),
    ],
)
def test_a_request_that_is_none_fails_the_run_without_being_shown(
    with_customer: ShopWithCustomer,
    requests: Path,
    instance: dg.DagsterInstance,
    name: str,
    content: bytes,
    words: str,
):
    (requests / name).write_bytes(content)
    result = run_job(with_customer, instance)
    assert not result.success
    assert words in failure(result)
    assert "Jane" not in str([entry.to_json() for entry in instance.all_logs(result.run_id)])
    assert (requests / name).exists()
    assert not (with_customer.lake / "system/erased_customers").exists()


def test_without_the_key_the_request_stays(
    with_customer: ShopWithCustomer,
    requests: Path,
    instance: dg.DagsterInstance,
):
    (requests / "a.csv").write_text(f"{CUSTOMER}\n")
    result = run_job(with_customer, instance, erasure_key="")
    assert "CIS_ERASURE_KEY is not set" in failure(result)
    assert (requests / "a.csv").exists()


def test_other_runs_that_have_not_ended_fail_the_job(
    with_customer: ShopWithCustomer,
    requests: Path,
    instance: dg.DagsterInstance,
):
    @dg.job
    def loading() -> None: ...

    (requests / "a.csv").write_text(f"{CUSTOMER}\n")
    run = instance.create_run_for_job(loading, status=dg.DagsterRunStatus.STARTING)
    result = run_job(with_customer, instance)
    assert f"{run.run_id} (loading, STARTING)" in failure(result)
    assert (requests / "a.csv").exists()

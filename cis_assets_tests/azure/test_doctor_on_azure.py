"""What a doctor says of a store that judges signatures and rights as Azure does."""

from __future__ import annotations

from collections.abc import Iterator

import obstore
import pytest
from click.testing import CliRunner, Result

from cis_assets.cli import main
from cis_assets.settings import settings
from cis_assets.storage.addresses import object_store
from cis_assets_tests.azure.conftest import ACCOUNT, CONTAINER, KEY
from cis_assets_tests.azure.sas_tokens import of_another_key, sas_token, use_sas_token

pytestmark = pytest.mark.azure


@pytest.fixture(autouse=True)
def _places(azure_uri: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CIS_LAKE_URI", f"{azure_uri}/doctor/lake")
    monkeypatch.setenv("CIS_LANDING_URI", f"{azure_uri}/doctor/landing")
    settings.cache_clear()
    obstore.put(
        object_store(f"{azure_uri}/doctor/landing"), "orders/order_date=2025-10-31/orders.csv", b"order_id\n1\n"
    )
    yield
    settings.cache_clear()


@pytest.fixture
def container(azurite: str) -> Iterator:
    """The container as its owner sees it; a doctor leaves nothing in it."""
    from azure.storage.blob import BlobServiceClient

    service = BlobServiceClient(azurite, credential={"account_name": ACCOUNT, "account_key": KEY})
    client = service.get_container_client(CONTAINER)
    yield client
    assert [name for name in client.list_blob_names() if "_cis_doctor" in name] == []


def doctor() -> Result:
    settings.cache_clear()
    return CliRunner().invoke(main, ["doctor"])


def failed(result: Result) -> list[str]:
    assert result.exit_code == 1, result.output
    return [line.removeprefix("FAILED").strip() for line in result.output.splitlines() if line.startswith("FAILED")]


def test_the_key_of_the_account_is_fit_for_everything(container):
    result = doctor()
    assert result.exit_code == 0, result.output
    assert result.output.count("ok ") == 19
    assert "orders/order_date=2025-10-31/orders.csv can be read." in result.output


def test_a_sas_token_with_the_permissions_of_the_docs_is_fit_for_everything(container, monkeypatch: pytest.MonkeyPatch):
    use_sas_token(monkeypatch, sas_token("rcwdl"))
    result = doctor()
    assert result.exit_code == 0, result.output
    assert "remark" not in result.output
    assert "sig=" not in result.output


def test_a_sas_token_to_read_is_fit_for_landing_alone(container, monkeypatch: pytest.MonkeyPatch):
    use_sas_token(monkeypatch, sas_token("rl"))
    result = doctor()
    (line,) = failed(result)
    assert line.startswith(
        "write          The SAS token has no permission to delete files: make one for the container shop"
    )
    assert [line.split()[1] for line in result.output.splitlines() if line.startswith("remark")] == ["write"]


@pytest.mark.parametrize(
    ("permissions", "check", "doing"),
    [("rcwd", "list", "list files"), ("rdl", "write", "create files"), ("cwdl", "read", "read files")],
)
def test_the_right_that_is_missing_is_named(
    container, permissions: str, check: str, doing: str, monkeypatch: pytest.MonkeyPatch
):
    use_sas_token(monkeypatch, sas_token(permissions))
    lines = failed(doctor())
    assert any(line.startswith(check) and f"has no permission to {doing}" in line for line in lines), lines


def test_a_token_that_has_expired_is_told_by_its_date(container, monkeypatch: pytest.MonkeyPatch):
    use_sas_token(monkeypatch, sas_token("rcwdl", hours=-2))
    assert all("It expired at" in line for line in failed(doctor()))


def test_a_token_of_a_rotated_key_is_not_accepted(container, monkeypatch: pytest.MonkeyPatch):
    use_sas_token(monkeypatch, of_another_key(sas_token("rcwdl")))
    lines = failed(doctor())
    assert len(lines) == 2
    assert all("does not accept the SAS token" in line for line in lines)


def test_a_wrong_key_is_not_accepted(container, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "a2V5")
    lines = failed(doctor())
    assert len(lines) == 2
    assert all("does not accept the key" in line for line in lines)


def test_a_container_that_is_missing_is_named(container, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CIS_LAKE_URI", f"abfss://elsewhere@{ACCOUNT}.dfs.core.windows.net/lake")
    (line,) = failed(doctor())
    assert line.startswith(f"container      The account {ACCOUNT} has no container elsewhere: create it")

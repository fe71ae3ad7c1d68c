"""`cis doctor` as a person and a program see it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cis_assets.cli import main
from cis_assets.settings import settings
from cis_assets_tests.storage.azure_server import KEY, SAS, AzureServer, azure_server, refusal

_ADDRESS = "abfss://lake@shop.dfs.core.windows.net"


@pytest.fixture(autouse=True)
def _fresh_settings() -> Iterator[None]:
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[AzureServer]:
    """A store that `cis` finds in the environment, with a key."""
    with azure_server() as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", KEY)
        monkeypatch.setenv("CIS_LAKE_URI", f"{_ADDRESS}/lake")
        monkeypatch.setenv("CIS_LANDING_URI", f"{_ADDRESS}/landing")
        yield running


def doctor(*arguments: str) -> Result:
    settings.cache_clear()
    return CliRunner().invoke(main, ["doctor", *arguments])


def test_new_folders_are_fine_and_not_made():
    result = doctor()
    assert result.exit_code == 0, result.output
    assert f"lake: {Path.cwd()}/.cis/lake" in result.output
    assert result.output.count("remark") == 2
    assert not Path(".cis").exists()


def test_names_and_links_in_landing_that_cannot_be_read_are_to_be_renamed_or_removed():
    offers = Path(".cis/landing/offers")
    offers.mkdir(parents=True)
    (offers / "week\t23.csv").write_text("")
    (offers / "current").symlink_to(".")
    result = doctor()
    assert result.exit_code == 1
    (line,) = [line for line in result.output.splitlines() if line.startswith("FAILED")]
    assert "offers/week\\t23.csv has a name with characters that storage does not allow: rename or remove it." in line
    assert "offers/current is a link into its own folder: rename or remove it." in line
    assert "permission" not in line


def test_each_check_is_one_line(server: AzureServer):
    result = doctor()
    assert result.exit_code == 0, result.output
    lines = [line for line in result.output.splitlines() if line]
    assert lines[0] == f"lake: {_ADDRESS}/lake"
    assert lines[12] == f"landing: {_ADDRESS}/landing"
    checks = lines[1:12] + lines[13:-1]
    assert all(line.startswith("ok ") for line in checks)
    assert lines[-1] == "The lake and the landing folder can be used."
    assert server.blobs == {}


def test_what_fails_is_counted_and_ends_with_status_1(server: AzureServer):
    server.rule = lambda request: refusal(403, "AuthenticationFailed") if "landing/" in str(request) else None
    result = doctor()
    assert result.exit_code == 1
    (line,) = [line for line in result.output.splitlines() if line.startswith("FAILED")]
    assert "The account shop does not accept the key" in line
    assert result.output.splitlines()[-1] == "1 check failed."
    assert "can be used" not in result.output


def test_programs_get_a_list_and_the_same_status(server: AzureServer):
    result = doctor("--json")
    assert result.exit_code == 0, result.output
    checks = json.loads(result.output)
    assert [check["check"] for check in checks if check["place"] == "lake"][:3] == ["address", "credential", "store"]
    assert {check["place"] for check in checks} == {"lake", "landing"}
    assert {check["status"] for check in checks} == {"ok"}
    assert checks[1] == {
        "place": "lake",
        "uri": f"{_ADDRESS}/lake",
        "check": "credential",
        "status": "ok",
        "sentence": "Account key (AZURE_STORAGE_ACCOUNT_KEY).",
    }
    server.rule = lambda _: refusal(404, "ContainerNotFound")
    result = doctor("--json")
    assert result.exit_code == 1
    failed = [check for check in json.loads(result.output) if check["status"] == "failed"]
    assert [(check["place"], check["check"]) for check in failed] == [("lake", "container"), ("landing", "container")]


def test_no_secret_is_printed(server: AzureServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", SAS)
    server.rule = lambda request: refusal(409, "Odd", f"asked at {server.url}/lake?{SAS} with {KEY}")
    for arguments in ((), ("--json",)):
        result = doctor(*arguments)
        assert "Odd" in result.output
        assert KEY not in result.output
        assert "sig=c2ln" not in result.output


def test_a_wrong_setting_is_one_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CIS_LAKE_URI", "s3://bucket/lake")
    result = doctor()
    assert result.exit_code == 1
    assert result.stderr.startswith("cis: CIS_LAKE_URI is 's3://bucket/lake'")


def test_without_a_model_nothing_is_said_of_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "")
    assert "writer" not in doctor().output


def test_what_no_request_to_the_model_could_be_made_with_is_named_and_not_shown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CIS_WRITER", "openai")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret\n")
    monkeypatch.setenv("HTTPS_PROXY", "foo://secret")
    result = doctor()
    assert result.exit_code == 1
    assert (
        "FAILED  environment    OPENAI_API_KEY has a line end; set it to the bare value. HTTPS_PROXY does not begin"
        in result.output
    )
    assert "secret" not in result.output
    (row,) = (row for row in json.loads(doctor("--json").output) if row["place"] == "writer")
    assert row["status"] == "failed"


def test_a_model_that_requests_can_be_made_to_is_not_asked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CIS_WRITER", "openai")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    result = doctor()
    assert result.exit_code == 0, result.output
    assert "Requests to gpt-5-mini can be made. None was sent." in result.output

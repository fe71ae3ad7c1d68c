"""Every kind of credential, with every client: what is asked of whom, and what the store is then shown."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cis_assets.settings import settings
from cis_assets.storage.credentials import CredentialError, credential, redacted
from cis_assets_tests.storage.azure_server import ACCOUNT, KEY, SAS, TOKEN, URI, AzureServer, azure_server, closed_port
from cis_assets_tests.storage.store_clients import CONTENT, FILE, Ask, every_client

_SCOPE = "https://storage.azure.com/.default"


@pytest.fixture
def server() -> Iterator[AzureServer]:
    with azure_server() as running:
        running.blobs[f"orders/{FILE}"] = CONTENT
        yield running


@pytest.fixture(autouse=True)
def _no_way_to_the_cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A client that finds no credential falls back to the address of a virtual machine's identity: not in tests."""
    monkeypatch.setenv("AZURE_MSI_ENDPOINT", f"http://127.0.0.1:{closed_port()}/token")
    monkeypatch.setenv("CIS_STORE_RETRY_SECONDS", "0")
    settings.cache_clear()
    yield
    settings.cache_clear()


def shown_to_the_store(server: AzureServer) -> set[str | None]:
    assert server.store_requests
    return {request.headers.get("authorization") for request in server.store_requests}


@every_client
def test_an_account_key_signs_every_request(server: AzureServer, ask: Ask):
    ask(URI, server.environment | {"AZURE_STORAGE_ACCOUNT_KEY": KEY})
    assert all(str(shown).startswith(f"SharedKey {ACCOUNT}:") for shown in shown_to_the_store(server))
    assert not server.token_requests


@every_client
def test_a_sas_token_goes_along_with_every_request(server: AzureServer, ask: Ask):
    ask(URI, server.environment | {"AZURE_STORAGE_SAS_TOKEN": f"?{SAS}"})
    assert {request.query.get("sig") for request in server.store_requests} == {"c2lnbmF0dXJlLW9mLXRoZS10ZXN0"}
    assert {request.query.get("se") for request in server.store_requests} == {"2999-01-01T00:00:00Z"}
    assert shown_to_the_store(server) == {None}


@every_client
@pytest.mark.parametrize("slash", ["", "/"], ids=["bare", "with a slash, as clusters set it"])
def test_a_client_secret_is_changed_into_a_token_by_the_authority(server: AzureServer, ask: Ask, slash: str):
    service = {"AZURE_CLIENT_ID": "an-app", "AZURE_CLIENT_SECRET": "a-secret", "AZURE_TENANT_ID": "a-tenant"}
    ask(URI, server.environment | service | {"AZURE_AUTHORITY_HOST": server.url + slash})
    (request,) = server.token_requests
    assert (request.method, request.path) == ("POST", "/a-tenant/oauth2/v2.0/token")
    assert request.form == {
        "grant_type": "client_credentials",
        "client_id": "an-app",
        "client_secret": "a-secret",
        "scope": _SCOPE,
    }
    assert shown_to_the_store(server) == {f"Bearer {TOKEN}"}


@every_client
def test_a_federated_token_is_read_from_its_file_and_changed_into_a_token(
    server: AzureServer, ask: Ask, tmp_path: Path
):
    (tmp_path / "token").write_text("signed-by-the-cluster")
    workload = {"AZURE_CLIENT_ID": "an-app", "AZURE_TENANT_ID": "a-tenant", "AZURE_AUTHORITY_HOST": f"{server.url}/"}
    ask(URI, server.environment | workload | {"AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / "token")})
    (request,) = server.token_requests
    assert (request.method, request.path) == ("POST", "/a-tenant/oauth2/v2.0/token")
    assert request.form == {
        "grant_type": "client_credentials",
        "client_id": "an-app",
        "client_assertion": "signed-by-the-cluster",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "scope": _SCOPE,
    }
    assert shown_to_the_store(server) == {f"Bearer {TOKEN}"}


@every_client
@pytest.mark.parametrize("variable", ["IDENTITY_ENDPOINT", "MSI_ENDPOINT"])
def test_a_managed_identity_asks_the_endpoint_of_its_host(
    server: AzureServer, ask: Ask, variable: str, monkeypatch: pytest.MonkeyPatch
):
    # The client itself takes this header's value from the environment, as App Service sets it.
    monkeypatch.setenv("IDENTITY_HEADER", "of-the-host")
    ask(URI, server.environment | {variable: f"{server.url}/msi/token"})
    (request,) = server.token_requests
    assert (request.method, request.path) == ("GET", "/msi/token")
    assert request.query == {"api-version": "2019-08-01", "resource": "https://storage.azure.com"}
    assert (request.headers["metadata"], request.headers["x-identity-header"]) == ("true", "of-the-host")
    assert shown_to_the_store(server) == {f"Bearer {TOKEN}"}


@every_client
def test_a_managed_identity_that_is_named_is_asked_for_by_its_client_id(server: AzureServer, ask: Ask):
    identity = {"IDENTITY_ENDPOINT": f"{server.url}/msi/token", "AZURE_CLIENT_ID": "an-identity"}
    ask(URI, server.environment | identity)
    (request,) = server.token_requests
    assert request.query["client_id"] == "an-identity"
    assert shown_to_the_store(server) == {f"Bearer {TOKEN}"}


@every_client
def test_the_azure_cli_is_asked_for_a_token(
    server: AzureServer, ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    az = tmp_path / "az"
    az.write_text(
        f"#!{sys.executable}\n"
        "import json, pathlib, sys\n"
        f"pathlib.Path({str(tmp_path / 'asked')!r}).write_text(' '.join(sys.argv[1:]))\n"
        "expires = '2999-01-01 00:00:00.000000'\n"
        f"print(json.dumps({{'accessToken': {TOKEN!r}, 'expiresOn': expires, 'tokenType': 'Bearer'}}))\n"
    )
    az.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    ask(URI, server.environment | {"AZURE_STORAGE_USE_AZURE_CLI": "true"})
    assert (tmp_path / "asked").read_text() == f"account get-access-token --output json --scope {_SCOPE}"
    assert shown_to_the_store(server) == {f"Bearer {TOKEN}"}


@every_client
def test_the_kind_that_is_named_is_the_one_that_every_client_uses(
    server: AzureServer, ask: Ask, monkeypatch: pytest.MonkeyPatch
):
    """With variables of several kinds in the environment, where the clients look too."""
    service = {"AZURE_CLIENT_ID": "an-app", "AZURE_CLIENT_SECRET": "a-secret", "AZURE_TENANT_ID": "a-tenant"}
    everything = service | {"AZURE_AUTHORITY_HOST": server.url, "AZURE_STORAGE_SAS_TOKEN": SAS}
    for name, value in everything.items():
        monkeypatch.setenv(name, value)
    found = credential(everything)
    assert (found.kind.name, found.unused) == ("client secret", ("AZURE_STORAGE_SAS_TOKEN",))
    ask(URI, server.environment | everything)
    assert shown_to_the_store(server) == {f"Bearer {TOKEN}"}
    assert {request.query.get("sig") for request in server.store_requests} == {None}


@pytest.mark.parametrize(
    ("environment", "kind", "variables"),
    [
        ({}, "managed identity", ()),
        ({"AZURE_CLIENT_ID": "an-identity"}, "managed identity", ("AZURE_CLIENT_ID",)),
        ({"IDENTITY_ENDPOINT": "a", "MSI_ENDPOINT": "b"}, "managed identity", ("IDENTITY_ENDPOINT",)),
        ({"AZURE_STORAGE_ACCOUNT_KEY": " "}, "managed identity", ()),
        ({"AZURE_STORAGE_USE_AZURE_CLI": "false"}, "managed identity", ()),
        ({"AZURE_STORAGE_USE_AZURE_CLI": "True"}, "Azure CLI", ("AZURE_STORAGE_USE_AZURE_CLI",)),
        (
            {"AZURE_STORAGE_ACCOUNT_KEY": KEY, "AZURE_STORAGE_SAS_TOKEN": SAS},
            "account key",
            ("AZURE_STORAGE_ACCOUNT_KEY",),
        ),
        ({"AZURE_STORAGE_SAS_TOKEN": SAS, "AZURE_CLIENT_SECRET": "alone"}, "SAS token", ("AZURE_STORAGE_SAS_TOKEN",)),
    ],
)
def test_the_credential_is_named_by_its_kind_and_variables(
    environment: dict[str, str], kind: str, variables: tuple[str, ...]
):
    found = credential(environment)
    assert (found.kind.name, found.variables) == (kind, variables)


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        (
            {"AZURE_CLIENT_SECRET": "s3cret", "AZURE_CLIENT_ID": "an-app"},
            "AZURE_CLIENT_SECRET is set without AZURE_TENANT_ID: ",
        ),
        (
            {"AZURE_FEDERATED_TOKEN_FILE": "/token"},
            "AZURE_FEDERATED_TOKEN_FILE is set without AZURE_CLIENT_ID and AZURE_TENANT_ID: ",
        ),
    ],
)
def test_half_a_credential_is_refused_and_the_missing_variables_named(environment: dict[str, str], sentence: str):
    with pytest.raises(CredentialError) as refused:
        credential(environment)
    assert str(refused.value).startswith(sentence)
    assert "s3cret" not in str(refused.value)


def test_a_credential_does_not_show_its_values():
    assert KEY not in repr(credential({"AZURE_STORAGE_ACCOUNT_KEY": KEY}))


@pytest.mark.parametrize(
    "text",
    [
        f"Error performing POST https://shop.blob.core.windows.net/lake?restype=container&{SAS} in 5s - HTTP error",
        f"uri: Some(\n https://shop.blob.core.windows.net/lake?{SAS},\n)",
        "the signature 'sig=c2lnbmF0dXJlLW9mLXRoZS10ZXN0' did not match",
        "decoded c2lnbmF0dXJlLW9mLXRoZS10ZXN0 alone",
        "the key a2V5LW9mLXRoZS10ZXN0 is not base64",
        "client_secret s3cret-of-the-test was refused",
        "Authorization: Bearer eyJ0eXAi.c2VjcmV0.c2ln",
    ],
)
def test_a_value_of_the_environment_or_a_signature_does_not_stay_in_a_text(text: str):
    secrets = {
        "AZURE_STORAGE_ACCOUNT_KEY": KEY,
        "AZURE_STORAGE_SAS_TOKEN": SAS,
        "AZURE_CLIENT_SECRET": "s3cret-of-the-test",
    }
    shown = redacted(text, secrets)
    assert "..." in shown
    for secret in (KEY, SAS, "c2lnbmF0dXJlLW9mLXRoZS10ZXN0", "s3cret-of-the-test", "c2VjcmV0"):
        assert secret not in shown
    assert text.split("?")[0].split()[0] in shown


def test_the_query_of_an_address_does_not_stay_in_a_text():
    said = "Error performing GET https://shop.blob.core.windows.net/lake?restype=container&token=unheard-of in 5s"
    assert redacted(said, {}) == "Error performing GET https://shop.blob.core.windows.net/lake?... in 5s"

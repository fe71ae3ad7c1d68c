"""What a doctor says of folders, and of a store whose answers a test writes itself."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from cis_assets.settings import settings
from cis_assets.storage.doctor import Check, Place, examine
from cis_assets_tests.storage.azure_server import (
    KEY,
    SAS,
    URI,
    AzureServer,
    Reply,
    Request,
    azure_server,
    closed_port,
    refusal,
    silent_port,
    unreachable_port,
)

_LAKE = ["address", "credential", "store", "container", "list", "write", "put-if-absent", "read", "delete", "tables"]
_DENIED = refusal(403, "AuthorizationPermissionMismatch", "This request is not authorized to perform this operation.")


@pytest.fixture
def server() -> Iterator[AzureServer]:
    with azure_server() as running:
        yield running


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("CIS_STORE_TIMEOUT_SECONDS", "CIS_STORE_CONNECT_TIMEOUT_SECONDS"):
        monkeypatch.setenv(name, "0.3")
    monkeypatch.setenv("CIS_STORE_RETRY_SECONDS", "0")
    settings.cache_clear()
    yield
    settings.cache_clear()


def lake(uri: str = URI) -> Place:
    return Place("lake", "CIS_LAKE_URI", uri, to_write=True)


def landing(uri: str = URI) -> Place:
    return Place("landing", "CIS_LANDING_URI", uri, to_write=False)


def examined(place: Place, environment: dict[str, str] | None = None) -> dict[str, Check]:
    checks = list(examine(place, environment or {}))
    found = {check.name: check for check in checks}
    assert len(found) == len(checks), "one line per check"
    assert all(check.sentence.endswith(".") or ": " in check.sentence for check in checks)
    return found


def failures(checks: dict[str, Check]) -> dict[str, str]:
    return {name: check.sentence for name, check in checks.items() if check.status == "failed"}


def with_key(server: AzureServer) -> dict[str, str]:
    return server.environment | {"AZURE_STORAGE_ACCOUNT_KEY": KEY}


def of_identity(server: AzureServer) -> dict[str, str]:
    return server.environment | {"IDENTITY_ENDPOINT": f"{server.url}/msi/token"}


def denying(*denied: str) -> Callable[[Request], Reply | None]:
    """A store that lets nobody do what is named: list, create, read or delete."""

    def rule(request: Request) -> Reply | None:
        if request.asks_for_a_token:
            return None
        if request.query.get("comp") == "list":
            doing = "list"
        elif request.method == "POST":
            if "delete" not in denied:
                return None
            part = (
                "--b\r\nContent-Type: application/http\r\nContent-ID: 0\r\n\r\n"
                "HTTP/1.1 403 Not authorized\r\n\r\n\r\n--b--\r\n"
            )
            return Reply(202, part.encode(), {"Content-Type": "multipart/mixed; boundary=b"})
        else:
            doing = "create" if request.method == "PUT" else "read"
        return _DENIED if doing in denied else None

    return rule


def test_a_store_that_does_everything_is_fine_and_left_as_it_was(server: AzureServer):
    server.blobs["orders/orders.csv"] = b"order_id\n1\n"
    before = dict(server.blobs)
    checks = examined(lake(), with_key(server))
    assert list(checks) == _LAKE
    assert {check.status for check in checks.values()} == {"ok"}
    assert checks["address"].sentence == "Container lake of the account shop, folder orders."
    assert checks["credential"].sentence == "Account key (AZURE_STORAGE_ACCOUNT_KEY)."
    assert checks["list"].sentence == "1 file."
    assert server.blobs == before
    assert [request.method for request in server.requests].count("PUT") == 2


def test_of_landing_a_file_is_read_and_no_commit_asked_for(server: AzureServer):
    server.blobs["orders/orders.csv"] = b"order_id\n1\n"
    checks = examined(landing(), with_key(server))
    assert list(checks) == ["address", "credential", "store", "container", "list", "read", "write", "delete"]
    assert {check.status for check in checks.values()} == {"ok"}
    assert checks["read"].sentence == "orders.csv can be read."
    assert list(server.blobs) == ["orders/orders.csv"]


def test_folders_that_a_store_lists_among_the_files_are_none(server: AzureServer):
    """As accounts with a hierarchical namespace do."""
    server.blobs |= {"orders/a-folder": b"", "orders/a-folder/orders.csv": b"order_id\n1\n"}
    checks = examined(landing(), with_key(server))
    assert checks["list"].sentence == "1 file."
    assert checks["read"].sentence == "a-folder/orders.csv can be read."


def test_reading_an_empty_landing_folder_is_tried_on_a_file_of_the_doctor(server: AzureServer):
    checks = examined(landing(), with_key(server))
    assert checks["read"].sentence == "The same bytes are read back."
    assert server.blobs == {}


def test_landing_that_may_only_be_read_is_fine_with_a_remark(server: AzureServer):
    server.blobs["orders/orders.csv"] = b"order_id\n1\n"
    server.rule = denying("create", "delete")
    checks = examined(landing(), of_identity(server))
    assert not failures(checks)
    assert checks["write"].status == "remark"
    assert "Storage Blob Data Contributor" in checks["write"].sentence
    assert "`cis land`" in checks["write"].sentence


def test_a_lake_that_may_only_be_read_is_not_and_the_role_is_named(server: AzureServer):
    server.rule = denying("create")
    failed = failures(examined(lake(), of_identity(server)))
    assert list(failed) == ["write"]
    assert failed["write"].startswith(
        "The managed identity has no permission to create files: give it the role Storage Blob Data Contributor on lake"
    )


def test_nothing_is_written_where_nothing_may_be_deleted(server: AzureServer):
    server.rule = denying("delete")
    failed = failures(examined(lake(), server.environment | {"AZURE_STORAGE_SAS_TOKEN": SAS}))
    assert list(failed) == ["write"]
    assert failed["write"].startswith(
        "The SAS token has no permission to delete files: make one for the container lake"
    )
    assert "the permissions rcwdl" in failed["write"]
    assert not [request for request in server.requests if request.method == "PUT"]


def test_each_missing_right_is_told_of(server: AzureServer):
    server.rule = denying("list", "create")
    failed = failures(examined(lake(), of_identity(server)))
    assert list(failed) == ["list", "write", "tables"]
    assert all("Storage Blob Data Contributor" in sentence for sentence in failed.values())
    server.rule = denying("list")
    failed = failures(examined(landing(), of_identity(server)))
    assert list(failed) == ["list"]
    assert "Storage Blob Data Reader" in failed["list"]


@pytest.mark.parametrize("broken", ["GET", "PUT"])
def test_a_file_that_was_written_is_deleted_if_the_next_step_fails(server: AzureServer, broken: str):
    """Also if the store made the file and said that it did not."""

    def break_down(request: Request) -> Reply | None:
        if request.method == broken and "_cis_doctor_" in request.path and "_delta_log" not in request.path:
            server.blobs[request.path.removeprefix("/lake/")] = request.body
            return refusal(500, "InternalError")
        return None

    server.rule = break_down
    failed = failures(examined(lake(), with_key(server)))
    assert {"GET": "read", "PUT": "write"}[broken] in failed
    assert server.blobs == {}


def test_a_file_that_was_written_is_deleted_if_the_doctor_is_interrupted(
    server: AzureServer, monkeypatch: pytest.MonkeyPatch
):
    def interrupted(*_: object) -> None:
        assert server.blobs
        raise KeyboardInterrupt

    monkeypatch.setattr("cis_assets.storage.doctor.obstore.get", interrupted)
    with pytest.raises(KeyboardInterrupt):
        examined(lake(), with_key(server))
    assert server.blobs == {}


def test_deleting_the_file_goes_on_through_an_outage(server: AzureServer):
    failures_left = [refusal(503, "ServerBusy")]
    server.rule = lambda request: (
        failures_left.pop() if failures_left and server.blobs and request.query.get("comp") == "batch" else None
    )
    assert not failures(examined(lake(), with_key(server)))
    assert (server.blobs, failures_left) == ({}, [])


def test_a_file_that_cannot_be_deleted_again_is_named(server: AzureServer, impatient: None):
    server.rule = lambda request: (
        refusal(500, "InternalError") if server.blobs and request.query.get("comp") == "batch" else None
    )
    for place in (lake(), landing()):
        failed = failures(examined(place, with_key(server)))
        assert list(failed) == ["delete"]
        (left,) = server.blobs
        assert failed["delete"].startswith(f"abfss://lake@shop.dfs.core.windows.net/{left} may have stayed behind")
        server.blobs.clear()


def test_a_store_that_creates_a_file_twice_holds_no_tables(server: AzureServer):
    def careless(request: Request) -> Reply | None:
        return Reply(201, headers={"ETag": '"0x1"'}) if "if-none-match" in request.headers else None

    server.rule = careless
    assert "put-if-absent" in failures(examined(lake(), with_key(server)))


def test_other_bytes_than_written_are_noticed(server: AzureServer):
    headers = {"ETag": '"0x1"', "Last-Modified": "Wed, 01 Oct 2025 10:00:00 GMT"}
    server.rule = lambda request: (
        Reply(200, b"of yesterday", headers) if request.method == "GET" and "_cis_doctor_" in request.path else None
    )
    assert "read" in failures(examined(lake(), with_key(server)))
    assert server.blobs == {}


def test_delta_rs_is_asked_too(server: AzureServer):
    server.rule = lambda request: (
        refusal(401, "InvalidAuthenticationInfo") if "object_store/0.13" in request.headers["user-agent"] else None
    )
    failed = failures(examined(lake(), with_key(server)))
    assert list(failed) == ["tables"]
    assert "does not accept the key" in failed["tables"]


@pytest.mark.parametrize(
    ("answer", "check", "words"),
    [
        (refusal(404, "ContainerNotFound"), "container", "The account shop has no container lake: create it"),
        (refusal(400, "InvalidResourceName"), "container", "No container can be called lake"),
        (refusal(403, "AuthenticationFailed"), "store", "does not accept the key: copy key1 or key2 again"),
        (refusal(403, "KeyBasedAuthenticationNotPermitted"), "store", "allows neither keys nor SAS tokens"),
        (refusal(403, "AuthorizationFailure", "Not authorized."), "store", "network rules of the account shop"),
        (refusal(409, "AccountIsDisabled"), "store", "AccountIsDisabled"),
        (refusal(503, "ServerBusy"), "store", "503 Service Unavailable"),
        (Reply(200, b"<html>Please sign in</html>"), "store", "The storage failed to list files"),
    ],
)
def test_an_answer_of_the_store_is_explained(server: AzureServer, answer: Reply, check: str, words: str):
    server.rule = lambda _: answer
    failed = failures(examined(lake(), with_key(server)))
    assert list(failed) == [check]
    assert words in failed[check]


@pytest.mark.parametrize("kind", ["SAS token", "managed identity"])
def test_a_credential_that_is_not_accepted_is_called_by_its_kind(server: AzureServer, kind: str):
    server.rule = lambda request: None if request.asks_for_a_token else refusal(403, "AuthenticationFailed")
    sas = server.environment | {"AZURE_STORAGE_SAS_TOKEN": SAS}
    failed = failures(examined(lake(), sas if kind == "SAS token" else of_identity(server)))
    assert f"does not accept the {kind if kind == 'SAS token' else f'token of the {kind}'}" in failed["store"]


@pytest.mark.parametrize("credential", [{"AZURE_STORAGE_ACCOUNT_KEY": KEY}, {"AZURE_STORAGE_SAS_TOKEN": SAS}])
def test_a_store_that_cannot_be_reached_is_explained(impatient: None, credential: dict[str, str]):
    def why(endpoint: str, http: str = "true") -> str:
        environment = {"AZURE_STORAGE_ENDPOINT": endpoint, "AZURE_STORAGE_ALLOW_HTTP": http} | credential
        failed = failures(examined(lake(), environment))
        assert list(failed) == ["store"]
        return failed["store"]

    closed = f"http://127.0.0.1:{closed_port()}"
    assert why(closed).startswith(f"{closed} refuses connections")
    assert why("http://no-such-account.invalid").startswith("http://no-such-account.invalid is not known to DNS")
    assert "without encryption" in why(closed, http="false")
    with silent_port() as port:
        assert why(f"http://127.0.0.1:{port}").startswith(f"http://127.0.0.1:{port} does not answer (waited 0.3 s")
    with unreachable_port() as port:
        assert why(f"http://127.0.0.1:{port}").startswith(f"http://127.0.0.1:{port} does not answer")


def test_an_encrypted_endpoint_whose_certificate_is_unknown_is_explained(server: AzureServer):
    # A server that speaks no TLS at all stands for every handshake that fails.
    environment = {"AZURE_STORAGE_ENDPOINT": server.url.replace("http:", "https:"), "AZURE_STORAGE_ACCOUNT_KEY": KEY}
    assert "cannot be reached" in failures(examined(lake(), environment))["store"]


_SERVICE = {"AZURE_CLIENT_ID": "an-app", "AZURE_CLIENT_SECRET": "s3cret-of-the-test", "AZURE_TENANT_ID": "a-tenant"}


def test_a_token_that_is_not_given_is_explained(server: AzureServer, impatient: None, tmp_path: Path):
    def why(environment: dict[str, str], answer: Reply | None = None) -> str:
        server.rule = lambda request: answer if request.asks_for_a_token else None
        failed = failures(examined(lake(), server.environment | environment))
        assert list(failed) == ["store"]
        return failed["store"]

    service = _SERVICE | {"AZURE_AUTHORITY_HOST": server.url}
    wrong = b'{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided."}'
    said = why(service, Reply(401, wrong))
    assert said.startswith("The authority gives no token for the client secret (AADSTS7000215): correct AZURE_CLIENT_S")
    closed = f"http://127.0.0.1:{closed_port()}"
    assert f"no token: {closed} refuses connections" in why(_SERVICE | {"AZURE_AUTHORITY_HOST": closed})
    assert "does not answer" in why(service, Reply(200, wait=1))
    workload = {"AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / "absent"), "AZURE_CLIENT_ID": "a", "AZURE_TENANT_ID": "b"}
    assert "AZURE_FEDERATED_TOKEN_FILE names cannot be read" in why(workload)
    identity = {"IDENTITY_ENDPOINT": f"{server.url}/msi/token"}
    assert "(status 400): assign one to it" in why(identity, Reply(400, b'{"error":"invalid_request"}'))
    said = why({"IDENTITY_ENDPOINT": f"{closed}/token"})
    assert said.startswith(f"The endpoint of the managed identity gives no token: {closed} refuses")


def test_an_azure_cli_that_gives_no_token_is_explained(
    server: AzureServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PATH", str(tmp_path))
    environment = server.environment | {"AZURE_STORAGE_USE_AZURE_CLI": "true"}
    assert "no command az" in failures(examined(lake(), environment))["store"]
    (tmp_path / "az").write_text("#!/bin/sh\necho 'ERROR: Please run az login to setup account.' >&2\nexit 1\n")
    (tmp_path / "az").chmod(0o755)
    assert "run `az login`" in failures(examined(lake(), environment))["store"]


def test_what_is_wrong_with_the_variables_is_said_before_anybody_is_asked(server: AzureServer):
    def why(**variables: str) -> dict[str, str]:
        failed = failures(examined(lake(), server.environment | variables))
        assert server.requests == []
        return failed

    assert "is set without AZURE_TENANT_ID" in why(AZURE_CLIENT_ID="a", AZURE_CLIENT_SECRET="s")["credential"]
    expired = SAS.replace("2999-01-01T00%3A00%3A00Z", "2020-01-01T00%3A00%3A00Z")
    assert "It expired at 2020-01-01 00:00 UTC" in why(AZURE_STORAGE_SAS_TOKEN=expired)["credential"]
    assert "is no account key" in why(AZURE_STORAGE_ACCOUNT_KEY="not base64!")["store"]
    assert "is no SAS token" in why(AZURE_STORAGE_SAS_TOKEN="not a token")["store"]
    failed = failures(examined(lake("abfss://lake@shop.dfs.core.chinacloudapi.cn/cis"), with_key(server)))
    assert "AZURE_STORAGE_ENDPOINT" in failed["address"]


def test_variables_that_are_not_used_are_remarked_on(server: AzureServer):
    more = {"AZURE_STORAGE_SAS_TOKEN": SAS, "AZURE_STORAGE_ACCOUNT_NAME": "another"}
    checks = examined(lake(), with_key(server) | more)
    assert not failures(checks)
    assert checks["credential"].status == "remark"
    assert checks["credential"].sentence.endswith("Set too, and not used: AZURE_STORAGE_SAS_TOKEN.")
    assert checks["address"].status == "remark"


@pytest.mark.parametrize(
    "leak",
    [
        f"<Message>Server used following string to sign: {SAS}</Message>",
        f"<Message>https://shop.blob.core.windows.net/lake?{SAS}</Message>",
        f"<Message>SharedKey shop:{KEY}</Message>",
        "<Message>client_secret=s3cret-of-the-test</Message>",
        "<Message>Authorization: Bearer token-of-the-test</Message>",
    ],
)
@pytest.mark.parametrize("used", ["AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_ACCOUNT_KEY"])
def test_no_secret_is_shown_even_if_the_store_repeats_it(server: AzureServer, leak: str, used: str):
    # Half a client secret is not used, but must not be shown either.
    values = {"AZURE_STORAGE_SAS_TOKEN": SAS, "AZURE_STORAGE_ACCOUNT_KEY": KEY}
    known = {used: values[used], "AZURE_STORAGE_SAS_TOKEN": SAS, "AZURE_CLIENT_SECRET": "s3cret-of-the-test"}
    server.rule = lambda _: Reply(409, f"<Error><Code>Odd</Code>{leak}</Error>".encode())
    shown = " ".join(check.sentence for check in examine(lake(), server.environment | known))
    assert "Odd" in shown
    for secret in (*known.values(), "c2lnbmF0dXJlLW9mLXRoZS10ZXN0", "token-of-the-test"):
        assert secret not in shown


def test_a_folder_is_fine_and_left_as_it_was(tmp_path: Path):
    (tmp_path / "orders.csv").write_text("order_id\n")
    for place, names in (
        (lake(str(tmp_path)), ["folder", "list", "write", "put-if-absent", "read", "delete"]),
        (landing(str(tmp_path)), ["folder", "list", "read", "write", "delete"]),
    ):
        checks = examined(place)
        assert list(checks) == names
        assert {check.status for check in checks.values()} == {"ok"}
    assert [path.name for path in tmp_path.iterdir()] == ["orders.csv"]


def test_a_folder_that_is_still_to_be_made_is_fine_and_not_made(tmp_path: Path):
    for place in (lake(str(tmp_path / "a" / "lake")), landing(str(tmp_path / "a" / "landing"))):
        checks = examined(place)
        assert (list(checks), checks["folder"].status) == (["folder"], "remark")
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_folder(tmp_path: Path):
    (tmp_path / "lake").write_text("")
    for uri in (tmp_path / "lake", tmp_path / "lake" / "below"):
        failed = failures(examined(lake(str(uri))))
        assert failed["folder"] == f"{tmp_path / 'lake'} is a file: name a folder in CIS_LAKE_URI."


def test_a_folder_that_may_not_be_written_to_is_for_reading_alone():
    with _foreign_folder() as folder:
        (failed,) = failures(examined(lake(str(folder)))).items()
        assert failed[0] == "write"
        assert failed[1].startswith("This user cannot create files there (Permission denied): ")
        assert failed[1].endswith("CIS_LAKE_URI.")
        checks = examined(landing(str(folder)))
        assert not failures(checks)
        assert checks["write"].status == "remark"
        assert checks["read"].sentence == "orders.csv can be read."
        below = failures(examined(lake(str(folder / "below"))))
        assert below["folder"].startswith(f"{folder / 'below'} does not exist, and {folder} may not be written to")


@contextmanager
def _foreign_folder() -> Iterator[Path]:
    """A folder with one file that this process may read and not write, also if root runs it."""
    nobody = 65534
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "orders.csv").write_text("order_id\n1\n")
        folder.chmod(0o555)
        root = os.geteuid() == 0
        if root:
            os.seteuid(nobody)
        try:
            yield folder
        finally:
            if root:
                os.seteuid(0)
            with suppress(PermissionError):
                folder.chmod(stat.S_IRWXU)


def test_files_that_the_reader_of_landing_ignores_are_not_counted(tmp_path: Path):
    for name in ("_erased_customers/1.csv", "_landed_by", "orders/.hidden.csv", "_a/b.csv"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    assert examined(landing(str(tmp_path)))["list"].sentence == "No file yet."
    (tmp_path / "orders/1.csv").write_text("x")
    checks = examined(landing(str(tmp_path)))
    assert checks["list"].sentence == "1 file."
    assert checks["read"].sentence == "orders/1.csv can be read."
    assert examined(lake(str(tmp_path)))["list"].sentence == "5 files."

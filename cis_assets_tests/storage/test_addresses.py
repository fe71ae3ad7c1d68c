from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import obstore
import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from cis_assets.settings import settings
from cis_assets.storage.addresses import (
    AzureAddress,
    StorageAddressError,
    azure_address,
    is_local,
    join,
    object_store,
    polars_options,
    put_text,
    storage_options,
)
from cis_assets_tests.storage.azure_server import (
    ACCOUNT,
    CONTAINER,
    KEY,
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
from cis_assets_tests.storage.store_clients import CONTENT, FILE, Ask, every_client

# What each client raises when a store cannot be used; all three call it by names of their own.
_FAILURE = (OSError, obstore.exceptions.BaseError)

Patience = Callable[..., None]


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> Iterator[Patience]:
    """Sets how long clients wait and go on."""

    def set_to(*, timeout: float = 5, connect: float = 5, retry: float = 0) -> None:
        monkeypatch.setenv("CIS_STORE_TIMEOUT_SECONDS", str(timeout))
        monkeypatch.setenv("CIS_STORE_CONNECT_TIMEOUT_SECONDS", str(connect))
        monkeypatch.setenv("CIS_STORE_RETRY_SECONDS", str(retry))
        settings.cache_clear()

    yield set_to
    settings.cache_clear()


@pytest.fixture
def server() -> Iterator[AzureServer]:
    with azure_server() as running:
        running.blobs[f"orders/{FILE}"] = CONTENT
        yield running


def environment(port: int) -> dict[str, str]:
    return {
        "AZURE_STORAGE_ENDPOINT": f"http://127.0.0.1:{port}",
        "AZURE_STORAGE_ALLOW_HTTP": "true",
        "AZURE_STORAGE_ACCOUNT_KEY": KEY,
    }


def seconds_to_fail(ask: Ask, port: int) -> float:
    begun = time.monotonic()
    with pytest.raises(_FAILURE):
        ask(URI, environment(port))
    return time.monotonic() - begun


@every_client
def test_a_store_that_never_answers_is_given_up(ask: Ask, patience: Patience):
    patience(timeout=0.3)
    with silent_port() as port:
        # Polars goes through a request up to four times.
        assert 0.3 <= seconds_to_fail(ask, port) < 3


@every_client
def test_a_store_that_never_answers_is_asked_again_until_the_time_for_retries_is_over(ask: Ask, patience: Patience):
    patience(timeout=0.3, retry=1.5)
    with silent_port() as port:
        assert 1.2 <= seconds_to_fail(ask, port) < 6


@every_client
def test_a_connection_that_does_not_come_about_is_given_up(ask: Ask, patience: Patience):
    patience(timeout=30, connect=0.3)
    with unreachable_port() as port:
        assert 0.3 <= seconds_to_fail(ask, port) < 3


@every_client
def test_refused_connections_are_survived_while_there_is_time_for_retries(ask: Ask, patience: Patience):
    patience(retry=8)
    port = closed_port()
    begun = time.monotonic()
    ended = threading.Event()

    def come_back() -> None:
        time.sleep(1)
        with azure_server(port) as server:
            server.blobs[f"orders/{FILE}"] = CONTENT
            ended.wait()

    returning = threading.Thread(target=come_back)
    returning.start()
    try:
        ask(URI, environment(port))
    finally:
        ended.set()
        returning.join()
    assert time.monotonic() - begun >= 1


@every_client
def test_a_busy_store_is_asked_again(server: AzureServer, ask: Ask, patience: Patience):
    patience(retry=8)
    arrived: list[float] = []

    def busy_for_a_second(_: Request) -> Reply | None:
        arrived.append(time.monotonic())
        return refusal(503, "ServerBusy") if arrived[-1] - arrived[0] < 1 else None

    server.rule = busy_for_a_second
    ask(URI, environment(server.port))
    # The first pause is longer than any client's own.
    assert arrived[1] - arrived[0] >= 0.4


@every_client
def test_without_time_for_retries_a_busy_store_is_an_error(server: AzureServer, ask: Ask, patience: Patience):
    patience(retry=0)
    server.rule = lambda _: refusal(503, "ServerBusy")
    assert seconds_to_fail(ask, server.port) < 2


@every_client
def test_the_time_for_retries_ends_them_and_not_their_number(server: AzureServer, ask: Ask, patience: Patience):
    patience(retry=0.6)
    server.rule = lambda _: refusal(503, "ServerBusy")
    with pytest.raises(_FAILURE) as failure:
        ask(URI, environment(server.port))
    # Half of it for polars, which goes through a request twice.
    said = re.sub(r"[^\w,.:]+", " ", str(failure.value).replace("[31m", "").replace("[0m", ""))
    assert re.search(r"max_retries:? 10000, retry_timeout:? (600|300)ms", said)


@every_client
def test_http_without_encryption_must_be_allowed(server: AzureServer, ask: Ask):
    with pytest.raises(_FAILURE):
        ask(URI, environment(server.port) | {"AZURE_STORAGE_ALLOW_HTTP": "false"})
    assert server.requests == []


@pytest.mark.parametrize("client", ["polars", "obstore"])
def test_a_download_may_last_longer_than_the_wait_for_an_answer(server: AzureServer, client: str, patience: Patience):
    patience(timeout=0.4)
    content = CONTENT + b"2,13\n" * 2000
    server.blobs[f"orders/{FILE}"] = content
    server.rule = _slowly(content)
    if client == "polars":
        options = polars_options(URI, environment(server.port))
        frame = pl.scan_csv(join(URI, FILE), storage_options=options, glob=False).collect()
        assert frame.height == 2001
    else:
        store = object_store(URI, environment(server.port))
        assert bytes(obstore.get(store, FILE).bytes()) == content


def test_a_table_that_polars_scans_is_read_with_the_patience_of_polars(server: AzureServer, patience: Patience):
    """And not with that of the DeltaTable, which limits a whole request."""
    patience(timeout=0.4)
    options = storage_options(URI, environment(server.port))
    table = pa.table({"value": pa.array(range(20_000))})
    write_deltalake(join(URI, "table"), table, storage_options=options)
    (name,) = [name for name in server.blobs if name.endswith(".parquet")]
    server.rule = _slowly(server.blobs[name])
    stored = DeltaTable(join(URI, "table"), storage_options=options)
    frame = pl.scan_delta(stored, storage_options=polars_options(URI, environment(server.port)))
    assert frame.select(pl.col("value").sum()).collect().item() == sum(range(20_000))


def _slowly(content: bytes) -> Callable[[Request], Reply | None]:
    """Lets the larger part of a file trickle for a second."""

    def rule(request: Request) -> Reply | None:
        if request.method != "GET" or not request.path.endswith((FILE, ".parquet")):
            return None
        headers = {"ETag": '"0x1"', "Last-Modified": "Wed, 01 Oct 2025 10:00:00 GMT"}
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
        if asked is None:
            return Reply(200, content, headers, trickle=1)
        first, last = int(asked[1]), min(int(asked[2] or len(content)), len(content) - 1)
        headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
        trickle = 1 if last - first > len(content) / 2 else 0
        return Reply(206, content[first : last + 1], headers, trickle=trickle)

    return rule


def test_the_address_names_the_account_whatever_the_variable_says():
    names = {"AZURE_STORAGE_ACCOUNT_NAME": "another", "AZURE_STORAGE_ACCOUNT_KEY": KEY}
    assert storage_options(URI, names)["account_name"] == ACCOUNT


@every_client
def test_an_address_of_a_container_alone_lies_in_the_account_of_the_variable(server: AzureServer, ask: Ask):
    uri = f"az://{CONTAINER}/orders"
    ask(uri, environment(server.port) | {"AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT})
    assert all(request.headers["authorization"].startswith("SharedKey shop:") for request in server.requests)
    with pytest.raises(StorageAddressError, match="AZURE_STORAGE_ACCOUNT_NAME"):
        ask(uri, environment(server.port))


def test_an_address_names_account_container_and_path():
    assert azure_address("abfss://lake@shop.dfs.core.windows.net/cis/a", {}) == AzureAddress("shop", "lake", "cis/a")
    assert azure_address("abfs://lake@shop.blob.core.windows.net", {}) == AzureAddress("shop", "lake", "")
    names = {"AZURE_STORAGE_ACCOUNT_NAME": "shop"}
    assert azure_address("az://lake/cis/", names) == AzureAddress("shop", "lake", "cis")


@pytest.mark.parametrize(
    "uri",
    [
        "ftp://host/lake",
        "s3://bucket/lake",
        "abfss://lake@shop.dfs.core.chinacloudapi.cn/cis",
        "abfss://lake@shop/cis",
        "abfss://lake/cis",
        "abfss://@shop.dfs.core.windows.net/cis",
        "az://lake@shop.dfs.core.windows.net/cis",
    ],
)
@pytest.mark.parametrize("of", [storage_options, polars_options, object_store])
def test_an_address_that_no_client_understands_is_refused(uri: str, of: Callable):
    with pytest.raises(StorageAddressError, match=re.escape(uri)):
        of(uri, {"AZURE_STORAGE_ACCOUNT_NAME": "shop", "AZURE_STORAGE_ACCOUNT_KEY": KEY})


def test_a_local_folder_needs_no_options():
    assert storage_options("/data/lake", {"AZURE_STORAGE_ACCOUNT_KEY": KEY}) == {}
    assert polars_options("/data/lake", {"AZURE_STORAGE_ACCOUNT_KEY": KEY}) == {}


def test_addresses_are_joined_by_their_kind():
    assert join("/data/lake", "gold/segments") == "/data/lake/gold/segments"
    assert join("abfss://c@a.dfs.core.windows.net/cis", "gold") == "abfss://c@a.dfs.core.windows.net/cis/gold"
    assert is_local("/data/lake")
    assert not is_local("abfss://c@a.dfs.core.windows.net/cis")


def test_a_text_is_replaced_whole(tmp_path: Path):
    for text in ("a long first version", "short"):
        address = put_text(str(tmp_path), "dashboard/page.html", text)
    assert Path(address).read_text() == "short"
    assert [path.name for path in (tmp_path / "dashboard").iterdir()] == ["page.html"]

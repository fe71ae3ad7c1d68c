"""How long each client waits for a store that hangs, and which outages it survives, with the settings as they are.

`python -m cis_assets_tests.storage.measure_patience` prints the figures of docs/azure.md; it takes about a minute.
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import obstore
import polars as pl
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from cis_assets.cli.console import print_table
from cis_assets.storage.addresses import join, polars_options, storage_options
from cis_assets_tests.storage.azure_server import (
    KEY,
    URI,
    AzureServer,
    Reply,
    Request,
    azure_server,
    closed_port,
    refusal,
    silent_port,
)
from cis_assets_tests.storage.store_clients import CONTENT, FILE, Ask, ask_with_delta_rs, ask_with_obstore

_OUTAGE_SECONDS = 8.0


def ask_for_rows(uri: str, environment: Mapping[str, str]) -> None:
    """Read the rows of a table with polars."""
    table = DeltaTable(join(uri, "rows"), storage_options=storage_options(uri, environment))
    pl.scan_delta(table, storage_options=polars_options(uri, environment)).collect()


def ask_for_csv(uri: str, environment: Mapping[str, str]) -> None:
    """Read a CSV file with polars, as landing does."""
    columns = {"order_id": pl.Int64, "order_hour": pl.Int64}
    options = polars_options(uri, environment)
    pl.scan_csv(join(uri, FILE), schema=columns, glob=False, storage_options=options).collect()


def ask_for_parquet(uri: str, environment: Mapping[str, str]) -> None:
    """Read a Parquet file with polars, as landing does."""
    pl.scan_parquet(join(uri, "orders.parquet"), storage_options=polars_options(uri, environment), glob=False).collect()


def hung(ask: Ask) -> str:
    if ask is not ask_for_rows:
        with silent_port() as port:
            return _timed(ask, port)
    with azure_server() as server:
        _fill(server)
        server.rule = _silent_on_rows
        return _timed(ask, server.port)


def _silent_on_rows(request: Request) -> Reply | None:
    return Reply(500, wait=1000) if request.path.endswith(".parquet") else None


def refused(ask: Ask) -> str:
    port = closed_port()
    over = threading.Event()

    def come_back() -> None:
        time.sleep(_OUTAGE_SECONDS)
        with azure_server(port) as server:
            _fill(server)
            over.wait()

    threading.Thread(target=come_back, daemon=True).start()
    try:
        return _timed(ask, port)
    finally:
        over.set()


def busy(ask: Ask) -> str:
    with azure_server() as server:
        _fill(server)
        end = time.monotonic() + _OUTAGE_SECONDS
        server.rule = lambda _: refusal(503, "ServerBusy") if time.monotonic() < end else None
        return _timed(ask, server.port)


def _fill(server: AzureServer) -> None:
    parquet = io.BytesIO()
    pl.DataFrame({"order_id": [1]}).write_parquet(parquet)
    server.blobs |= {f"orders/{FILE}": CONTENT, "orders/orders.parquet": parquet.getvalue()}
    write_deltalake(
        join(URI, "rows"), pa.table({"a": [1]}), storage_options=storage_options(URI, _environment(server.port))
    )


def _environment(port: int) -> dict[str, str]:
    return {
        "AZURE_STORAGE_ENDPOINT": f"http://127.0.0.1:{port}",
        "AZURE_STORAGE_ALLOW_HTTP": "true",
        "AZURE_STORAGE_ACCOUNT_KEY": KEY,
    }


def _timed(ask: Ask, port: int) -> str:
    begun = time.monotonic()
    try:
        ask(URI, _environment(port))
        outcome = "works after"
    except (OSError, obstore.exceptions.BaseError):
        outcome = "fails after"
    return f"{outcome} {time.monotonic() - begun:.0f} s"


def main() -> None:
    situations: dict[str, Callable[[Ask], str]] = {
        "hangs": hung,
        f"refuses for {_OUTAGE_SECONDS:.0f} s": refused,
        f"503 for {_OUTAGE_SECONDS:.0f} s": busy,
    }
    clients: dict[str, Ask] = {
        "delta-rs": ask_with_delta_rs,
        "polars, rows of a table": ask_for_rows,
        "polars, CSV file of landing": ask_for_csv,
        "polars, Parquet file of landing": ask_for_parquet,
        "obstore": ask_with_obstore,
    }
    # A process for each, since polars slows down all its requests after a failure.
    with ProcessPoolExecutor(4, get_context("spawn"), max_tasks_per_child=1) as pool:
        found = [
            (client, *(pool.submit(situation, ask) for situation in situations.values()))
            for client, ask in clients.items()
        ]
        print_table(["client", *situations], [(client, *(figure.result() for figure in row)) for client, *row in found])


if __name__ == "__main__":
    main()

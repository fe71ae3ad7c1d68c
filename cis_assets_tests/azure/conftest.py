"""Azurite, Microsoft's emulator of Azure Storage, as a real server on loopback.

AZURITE names the folder that `npm install azurite` was run in.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cis_assets_tests.azure.fault_proxy import FaultProxy, proxy_to

# The emulator's published account, which exists nowhere else.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
CONTAINER = "shop"


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a running emulator with one empty container."""
    from azure.storage.blob import BlobServiceClient

    main = Path(os.environ.get("AZURITE", "."), "node_modules/azurite/dist/src/blob/main.js")
    if not main.is_file():
        pytest.fail(f"{main} is missing: npm install azurite@3.37.0 in a folder, and name that folder in AZURITE.")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = tmp_path_factory.mktemp("azurite")
    command = ["node", str(main), "--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", str(data)]
    process = subprocess.Popen([*command, "--silent", "--skipApiVersionCheck", "--disableTelemetry"])
    endpoint = f"http://127.0.0.1:{port}/{ACCOUNT}"
    try:
        _wait_for(port, process)
        service = BlobServiceClient(endpoint, credential={"account_name": ACCOUNT, "account_key": KEY})
        service.create_container(CONTAINER)
        yield endpoint
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(port: int, process: subprocess.Popen, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process.poll() is None, "Azurite ended at once."
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail("Azurite did not start.")


@pytest.fixture
def azure_uri(azurite: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An abfss:// address below which a test may write, with the variables that lead to the emulator."""
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", KEY)
    monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", azurite)
    monkeypatch.setenv("AZURE_STORAGE_ALLOW_HTTP", "true")
    return f"abfss://{CONTAINER}@{ACCOUNT}.dfs.core.windows.net"


@pytest.fixture(scope="session")
def fault_proxy(azurite: str) -> Iterator[FaultProxy]:
    """A proxy in front of the emulator; nothing goes through it unless a test leads it there."""
    with proxy_to(azurite) as proxy:
        yield proxy

"""The real web server and daemon, as `make ui` starts them, driven through GraphQL as the UI does."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.server

CIS = str(Path(sys.executable).with_name("cis"))
LOCATION = {
    "repositoryLocationName": "cis_assets.definitions",
    "repositoryName": "__repository__",
}
DAY_ASSETS = [{"path": ["bronze", name]} for name in ("orders", "order_items", "rejected_rows")]
SNAPSHOT_ASSETS = [
    {"path": [layer, name]}
    for layer, names in {
        "bronze": ("products", "aisles", "departments", "customers", "offers", "rejected_snapshot_rows"),
        "silver": ("products",),
    }.items()
    for name in names
]
SILVER_ASSETS = [{"path": ["silver", name]} for name in ("order_items", "orders", "rejected_rows")]


class Server:
    """A running `cis ui`."""

    def __init__(self, port: int, process: subprocess.Popen, log: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.process = process
        self.log = log

    def ask(self, query: str, **variables) -> dict:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as response:
            answer = json.load(response)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def wait_until_ready(self, seconds: float = 180) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()
            try:
                if self.ask("{ workspaceOrError { ... on Workspace { locationEntries { loadStatus } } } }")[
                    "workspaceOrError"
                ]["locationEntries"] == [{"loadStatus": "LOADED"}]:
                    return
            except (urllib.error.URLError, ConnectionError):
                pass
            time.sleep(1)
        pytest.fail(f"Dagster was not ready: {self.log.read_text()}")

    def materialized(self, layer: str, table: str) -> int:
        query = """query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) {
            ... on AssetNode { partitionStats { numMaterialized numFailed } } } }"""
        stats = self.ask(query, key={"path": [layer, table]})["assetNodeOrError"]["partitionStats"]
        assert stats["numFailed"] == 0
        return stats["numMaterialized"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("server")
    command = ["land", "sample", "--customers", "40", "--days", "30", "--end", "2025-10-31"]
    subprocess.run([CIS, *command], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def server(shop: Path) -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = shop / "ui.log"
    environment = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    with log.open("w") as output:
        process = subprocess.Popen(
            [CIS, "ui", "--port", str(port)],
            cwd=shop, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    running = Server(port, process, log)
    try:
        running.wait_until_ready()
        yield running
    finally:
        # Asked alone, Dagster stops its own processes; what is left of the group then must not outlive the test.
        process.terminate()
        try:
            process.wait(timeout=30)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def wait_for(check, seconds: float = 180):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = check()
        if value is not None:
            return value
        time.sleep(1)
    return pytest.fail("it did not end in time")


def test_the_graph_has_its_groups_and_the_log_no_warning_of_ours(server: Server):
    nodes = server.ask("{ assetNodes { groupName } }")["assetNodes"]
    assert {node["groupName"] for node in nodes} == {"landing", "bronze", "silver", "gold", "dashboard"}
    assert "cis_assets" not in "".join(line for line in server.log.read_text().splitlines() if "arning" in line)


def test_one_day_is_materialized(server: Server):
    query = """mutation($params: ExecutionParams!) { launchRun(executionParams: $params) {
        __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
    selector = {**LOCATION, "pipelineName": "__ASSET_JOB", "assetSelection": [*DAY_ASSETS, *SNAPSHOT_ASSETS]}
    tags = [{"key": "dagster/partition", "value": "2025-10-31"}]
    launched = server.ask(
        query,
        params={"selector": selector, "executionMetadata": {"tags": tags}, "runConfigData": "{}", "mode": "default"},
    )["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    run_id = launched["run"]["runId"]

    def status() -> str | None:
        run = server.ask("query($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }", id=run_id)[
            "runOrError"
        ]
        return run["status"] if run["status"] in ("SUCCESS", "FAILURE", "CANCELED") else None

    assert wait_for(status) == "SUCCESS"
    assert server.materialized("bronze", "orders") == 1


def test_a_range_is_backfilled_in_one_run(server: Server):
    query = """mutation($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
        __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
    days = [f"2025-10-{number:02}" for number in range(5, 25)]
    launched = server.ask(
        query, params={"assetSelection": [*DAY_ASSETS, *SILVER_ASSETS], "partitionNames": days, "fromFailure": False}
    )["launchPartitionBackfill"]
    assert launched["__typename"] == "LaunchBackfillSuccess", launched

    def backfill() -> dict | None:
        answer = server.ask(
            """query($id: String!) { partitionBackfillOrError(backfillId: $id) {
                ... on PartitionBackfill { status numCancelable runs: unfinishedRuns { id } } } }""",
            id=launched["backfillId"],
        )["partitionBackfillOrError"]
        return answer if answer["status"].startswith(("COMPLETED", "FAILED", "CANCELED")) else None

    assert wait_for(backfill)["status"] == "COMPLETED_SUCCESS"
    assert server.materialized("silver", "orders") == len(days)
    runs = server.ask(
        """query($filter: RunsFilter) { runsOrError(filter: $filter) { ... on Runs { results { status } } } }""",
        filter={"tags": [{"key": "dagster/backfill", "value": launched["backfillId"]}]},
    )["runsOrError"]["results"]
    assert runs == [{"status": "SUCCESS"}]


def test_a_run_of_the_command_line_is_seen_here(server: Server, shop: Path):
    command = [CIS, "backfill", "--from", "2025-10-26", "--to", "2025-10-28"]
    environment = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    subprocess.run(command, cwd=shop, env=environment, check=True, capture_output=True)
    runs = server.ask(
        """query($filter: RunsFilter) { runsOrError(filter: $filter) { ... on Runs { results {
            status assetSelection { path } } } } }""",
        filter={"tags": [{"key": "dagster/asset_partition_range_start", "value": "2025-10-26"}]},
    )["runsOrError"]["results"]
    assert [run["status"] for run in runs] == ["SUCCESS"]
    assert {"path": ["silver", "orders"]} in runs[0]["assetSelection"]
    assert server.materialized("silver", "orders") == 23

"""A running `cis ui`, web server and daemon, driven through GraphQL as the UI does."""

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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

CIS = str(Path(sys.executable).with_name("cis"))
LOCATION = {
    "repositoryLocationName": "cis_assets.definitions",
    "repositoryName": "__repository__",
}
DAY_ASSETS = [{"path": ["bronze", name]} for name in ("landed_files", "orders", "order_items", "rejected_rows")]
SILVER_ASSETS = [{"path": ["silver", name]} for name in ("order_items", "orders", "returned_items", "rejected_rows")]
QUALITY_ASSETS = [{"path": ["quality", "date_checks"]}]
FEATURES = [{"path": ["gold", "customer_features"]}]
_ENDED = ("SUCCESS", "FAILURE", "CANCELED")

Value = TypeVar("Value")


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
        """How many partitions of a table are materialized, none having failed."""
        stats = self.partition_stats(layer, table)
        assert stats["numFailed"] == 0
        return stats["numMaterialized"]

    def partition_stats(self, layer: str, table: str) -> dict[str, int]:
        """How many partitions of a table are materialized, and of how many the last attempt failed."""
        query = """query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) {
            ... on AssetNode { partitionStats { numMaterialized numFailed } } } }"""
        return self.ask(query, key={"path": [layer, table]})["assetNodeOrError"]["partitionStats"]

    def check(self, layer: str, table: str, name: str) -> dict:
        """The last evaluation of a check as the UI shows it: success, severity, description, and what it shows by label."""
        query = """query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode {
            assetChecksOrError { ... on AssetChecks { checks { name executionForLatestMaterialization { evaluation {
            success severity description metadataEntries { label
            ... on IntMetadataEntry { intValue } ... on TableMetadataEntry { table { records } } } } } } } } } } }"""
        checks = self.ask(query, key={"path": [layer, table]})["assetNodeOrError"]["assetChecksOrError"]["checks"]
        (found,) = (check for check in checks if check["name"] == name)
        evaluation = found["executionForLatestMaterialization"]["evaluation"]
        shown = {
            entry["label"]: entry.get(
                "intValue", [json.loads(record) for record in entry.get("table", {}).get("records", [])]
            )
            for entry in evaluation["metadataEntries"]
        }
        return {**evaluation, "shown": shown}

    def materializations(self, layer: str, table: str) -> list[str]:
        """The partition of each materialization of a table, sorted."""
        query = """query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) {
            ... on AssetNode { assetMaterializations(limit: 1000) { partition } } } }"""
        found = self.ask(query, key={"path": [layer, table]})["assetNodeOrError"]["assetMaterializations"]
        return sorted(materialization["partition"] for materialization in found)

    def launch(self, job: str, partition: str, assets: list[dict] | None = None) -> str:
        """Launch a run of a job for a partition (of chosen assets); its id."""
        query = """mutation($params: ExecutionParams!) { launchRun(executionParams: $params) {
            __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
        selector = {**LOCATION, "pipelineName": job, "assetSelection": assets}
        tags = [{"key": "dagster/partition", "value": partition}]
        launched = self.ask(
            query,
            params={
                "selector": selector,
                "executionMetadata": {"tags": tags},
                "runConfigData": "{}",
                "mode": "default",
            },
        )["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return launched["run"]["runId"]

    def wait_for_run(self, run_id: str) -> str:
        """How a run ended."""

        def ended() -> str | None:
            query = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
            status = self.ask(query, id=run_id)["runOrError"]["status"]
            return status if status in _ENDED else None

        return wait_for(ended)

    def runs(self, **tags: str) -> list[dict]:
        """Id, job, status, assets and tags of the runs with these tags."""
        query = """query($filter: RunsFilter) { runsOrError(filter: $filter) { ... on Runs { results {
            id jobName status assetSelection { path } tags { key value } } } } }"""
        wanted = [{"key": key, "value": value} for key, value in tags.items()]
        found = self.ask(query, filter={"tags": wanted})["runsOrError"]["results"]
        return [{**run, "tags": {tag["key"]: tag["value"] for tag in run["tags"]}} for run in found]

    def backfill(self, assets: list[dict], days: list[str]) -> tuple[str, list[str]]:
        """Backfill assets as the UI does; how it ended, and how each of its runs did."""
        query = """mutation($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
            __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
        launched = self.ask(query, params={"assetSelection": assets, "partitionNames": days, "fromFailure": False})[
            "launchPartitionBackfill"
        ]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched

        def ended() -> str | None:
            query = """query($id: String!) { partitionBackfillOrError(backfillId: $id) {
                ... on PartitionBackfill { status } } }"""
            status = self.ask(query, id=launched["backfillId"])["partitionBackfillOrError"]["status"]
            return status if status.startswith(("COMPLETED", "FAILED", "CANCELED")) else None

        return wait_for(ended), [run["status"] for run in self.runs(**{"dagster/backfill": launched["backfillId"]})]

    def switch(self, sensor: str, *, on: bool) -> None:
        if on:
            query = """mutation($sensor: SensorSelector!) { startSensor(sensorSelector: $sensor) {
                __typename ... on Sensor { sensorState { status } } ... on PythonError { message } } }"""
            answer = self.ask(query, sensor={**LOCATION, "sensorName": sensor})["startSensor"]
            assert answer["sensorState"]["status"] == "RUNNING", answer
            return
        query = """query($sensor: SensorSelector!) { sensorOrError(sensorSelector: $sensor) {
            ... on Sensor { sensorState { id } } } }"""
        state = self.ask(query, sensor={**LOCATION, "sensorName": sensor})["sensorOrError"]["sensorState"]
        query = """mutation($id: String!) { stopSensor(id: $id) { __typename
            ... on StopSensorMutationResult { instigationState { status } } ... on PythonError { message } } }"""
        answer = self.ask(query, id=state["id"])["stopSensor"]
        assert answer["instigationState"]["status"] == "STOPPED", answer

    def ticks(self, sensor: str) -> list[dict]:
        """The sensor's ticks that have ended, newest first."""
        query = """query($sensor: SensorSelector!) { sensorOrError(sensorSelector: $sensor) { ... on Sensor {
            sensorState { ticks(limit: 20) { status skipReason runIds error { message } } } } } }"""
        found = self.ask(query, sensor={**LOCATION, "sensorName": sensor})["sensorOrError"]["sensorState"]["ticks"]
        return [tick for tick in found if tick["status"] != "STARTED"]


@contextmanager
def running_server(folder: Path, **variables: str) -> Iterator[Server]:
    """Start `cis ui` in a folder, with extra environment variables."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = folder / "ui.log"
    environment = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"} | variables
    with log.open("w") as output:
        process = subprocess.Popen(
            [CIS, "ui", "--port", str(port)],
            cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
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


def wait_for(check: Callable[[], Value | None], seconds: float = 180) -> Value:
    """What `check` gives as soon as that is not None."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = check()
        if value is not None:
            return value
        time.sleep(1)
    return pytest.fail("it did not end in time")

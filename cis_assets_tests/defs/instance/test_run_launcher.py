"""The launcher asks the code server of a run whether it still runs it."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path

import dagster as dg
import grpc
import pytest
from dagster._core.launcher import WorkerStatus
from dagster._grpc.__generated__ import dagster_api_pb2
from dagster._grpc.__generated__.dagster_api_pb2_grpc import DagsterApiServicer, add_DagsterApiServicer_to_server
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster._serdes import deserialize_value, serialize_value

from cis_assets.defs.instance.run_launcher import WatchedRunLauncher
from cis_assets_tests.defs.stub_runs import SILVER, note_run, stub_job


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """With the project's own dagster.yaml."""
    (tmp_path / "dagster.yaml").write_text(files("cis_assets").joinpath("dagster.yaml").read_text())
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        yield instance


class CodeServer(DagsterApiServicer):
    """A server that runs nothing and claims some runs as its own."""

    def __init__(self) -> None:
        self.running: set[str] = set()

    def CanCancelExecution(self, request, context):
        asked = deserialize_value(request.serialized_can_cancel_execution_request, CanCancelExecutionRequest)
        known = CanCancelExecutionResult(can_cancel=asked.run_id in self.running)
        return dagster_api_pb2.CanCancelExecutionReply(serialized_can_cancel_execution_result=serialize_value(known))


def health(instance: dg.DagsterInstance, run: dg.DagsterRun) -> WorkerStatus:
    assert isinstance(instance.run_launcher, WatchedRunLauncher)
    assert instance.run_launcher.supports_check_run_worker_health
    return instance.run_launcher.check_run_worker_health(run).status


def started_by(instance: dg.DagsterInstance, server: dict | None) -> dg.DagsterRun:
    tags = {".dagster/grpc_info": json.dumps({"host": "localhost", **server})} if server else {}
    return note_run(instance, stub_job("ingest", SILVER), dg.DagsterRunStatus.STARTED, tags)


def test_a_run_is_there_as_long_as_its_server_knows_it(instance: dg.DagsterInstance):
    code_server = CodeServer()
    server = grpc.server(ThreadPoolExecutor(2))
    add_DagsterApiServicer_to_server(code_server, server)
    port = server.add_insecure_port("localhost:0")
    server.start()
    run = started_by(instance, {"port": port})
    code_server.running.add(run.run_id)
    assert health(instance, run) is WorkerStatus.RUNNING
    code_server.running.clear()
    assert health(instance, run) is WorkerStatus.NOT_FOUND
    server.stop(None).wait()
    assert health(instance, run) is WorkerStatus.NOT_FOUND


def test_a_run_whose_servers_socket_is_gone_has_ended(instance: dg.DagsterInstance, tmp_path: Path):
    run = started_by(instance, {"socket": str(tmp_path / "gone")})
    assert health(instance, run) is WorkerStatus.NOT_FOUND


def test_a_server_that_is_too_busy_to_answer_has_not_lost_its_run(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(WatchedRunLauncher, "answer_seconds", 1)
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        run = started_by(instance, {"host": "127.0.0.1", "port": busy.getsockname()[1]})
        assert health(instance, run) is WorkerStatus.RUNNING


def test_a_run_of_the_command_line_is_left_alone(instance: dg.DagsterInstance):
    assert health(instance, started_by(instance, None)) is WorkerStatus.RUNNING

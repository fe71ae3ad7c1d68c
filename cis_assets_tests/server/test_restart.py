"""The server is killed during a run and started again: no date is lost, and no date runs twice."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from cis_assets_tests.server.dagster_server import CIS, Server, running_server, wait_for

pytestmark = pytest.mark.server


def test_a_run_that_went_down_with_the_server_is_started_once_more(tmp_path: Path):
    command = ["land", "sample", "--customers", "40", "--days", "6", "--end", "2025-10-31"]
    subprocess.run([CIS, *command], cwd=tmp_path, check=True, capture_output=True)
    with running_server(tmp_path) as server:
        server.switch("landing_sensor", on=True)
        (killed,) = wait_for(lambda: in_status(server, "STARTED"))
        os.killpg(server.process.pid, signal.SIGKILL)
    with running_server(tmp_path) as server:
        (made,) = wait_for(lambda: in_status(server, "SUCCESS"))
        assert made["tags"]["dagster/parent_run_id"] == killed["id"]
        assert [run["id"] for run in server.runs()] == [made["id"], killed["id"]]
        (killed,) = in_status(server, "FAILURE") or []
        days = [f"2025-10-{number}" for number in range(26, 32)]
        assert server.materializations("silver", "orders") == days
        said = wait_for(lambda: next((tick["skipReason"] for tick in server.ticks("landing_sensor")), None))
        assert said.startswith("6 order dates have landed, none of them new or changed.")


def in_status(server: Server, status: str) -> list[dict] | None:
    return [run for run in server.runs() if run["status"] == status] or None

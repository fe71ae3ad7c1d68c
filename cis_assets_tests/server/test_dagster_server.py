"""The real web server and daemon, as `make ui` starts them, driven through GraphQL as the UI does."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cis_assets_tests.server.dagster_server import CIS, DAY_ASSETS, SILVER_ASSETS, Server, running_server

pytestmark = pytest.mark.server

SNAPSHOT_ASSETS = [
    {"path": [layer, name]}
    for layer, names in {
        "bronze": (
            *("products", "aisles", "departments", "customers", "offers", "offer_audience"),
            *("rejected_snapshot_rows", "landed_snapshots"),
        ),
        "silver": ("products",),
    }.items()
    for name in names
]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("server")
    command = ["land", "sample", "--customers", "40", "--days", "30", "--end", "2025-10-31"]
    subprocess.run([CIS, *command], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def server(shop: Path) -> Iterator[Server]:
    with running_server(shop) as running:
        yield running


def test_the_graph_has_its_groups_and_the_log_no_warning_of_ours(server: Server):
    nodes = server.ask("{ assetNodes { groupName } }")["assetNodes"]
    assert {node["groupName"] for node in nodes} == {"landing", "bronze", "silver", "quality", "gold", "dashboard"}
    assert "cis_assets" not in "".join(line for line in server.log.read_text().splitlines() if "arning" in line)


def test_one_day_is_materialized(server: Server):
    run_id = server.launch("__ASSET_JOB", "2025-10-31", [*DAY_ASSETS, *SNAPSHOT_ASSETS])
    assert server.wait_for_run(run_id) == "SUCCESS"
    assert server.materialized("bronze", "orders") == 1


def test_a_range_is_backfilled_in_one_run(server: Server):
    days = [f"2025-10-{number:02}" for number in range(5, 25)]
    assert server.backfill([*DAY_ASSETS, *SILVER_ASSETS], days) == ("COMPLETED_SUCCESS", ["SUCCESS"])
    assert server.materialized("silver", "orders") == len(days)


def test_a_run_of_the_command_line_is_seen_here(server: Server, shop: Path):
    command = [CIS, "backfill", "--from", "2025-10-26", "--to", "2025-10-28"]
    environment = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    subprocess.run(command, cwd=shop, env=environment, check=True, capture_output=True)
    (run,) = server.runs(**{"dagster/asset_partition_range_start": "2025-10-26"})
    assert run["status"] == "SUCCESS"
    assert {"path": ["silver", "orders"]} in run["assetSelection"]
    assert server.materialized("silver", "orders") == 23

"""A long history lands at once under a running server; how long the tick took is printed (`pytest -s`), not judged."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import date

import pytest

from cis_assets.dates import DateRange
from cis_assets_tests.server.dagster_server import CIS, LOCATION, Server, running_server, wait_for

pytestmark = pytest.mark.server

DATES = 1000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("history")
    command = ["land", "sample", "--customers", "60", "--days", str(DATES), "--end", "2025-10-31"]
    subprocess.run([CIS, *command], cwd=folder, check=True, capture_output=True)
    with running_server(folder) as running:
        yield running


def first_tick(server: Server) -> dict | None:
    """When the landing sensor's first tick began and ended, and the runs that it asked for; None before its end."""
    query = """query($sensor: SensorSelector!) { sensorOrError(sensorSelector: $sensor) { ... on Sensor {
        sensorState { ticks(limit: 20) { status timestamp endTimestamp runIds } } } } }"""
    sensor = {**LOCATION, "sensorName": "landing_sensor"}
    ticks = server.ask(query, sensor=sensor)["sensorOrError"]["sensorState"]["ticks"]
    return ticks[-1] if ticks and ticks[-1]["status"] != "STARTED" else None


def days_of(run: dict) -> DateRange:
    first, last = (run["tags"][f"dagster/asset_partition_range_{end}"] for end in ("start", "end"))
    return DateRange(date.fromisoformat(first), date.fromisoformat(last))


def dates_noted(server: Server, run_id: str) -> dict[str, list[str]]:
    """For each asset, the dates that a run noted down as materialized."""
    query = """query($id: ID!) { runOrError(runId: $id) { ... on Run { assetMaterializations {
        partition assetKey { path } } } } }"""
    found: dict[str, list[str]] = {}
    for noted in server.ask(query, id=run_id)["runOrError"]["assetMaterializations"]:
        found.setdefault("/".join(noted["assetKey"]["path"]), []).append(noted["partition"])
    return found


def test_the_first_tick_asks_for_all_of_a_thousand_dates_in_a_handful_of_runs(server: Server):
    server.switch("landing_sensor", on=True)
    tick = wait_for(lambda: first_tick(server), seconds=600)
    print(f"The first tick took {tick['endTimestamp'] - tick['timestamp']:.1f} s.")  # noqa: T201
    assert tick["status"] == "SUCCESS"
    runs = server.runs(**{"dagster/sensor_name": "landing_sensor"})
    assert {run["id"] for run in runs} == set(tick["runIds"])
    assert 1 < len(runs) <= 10
    days = sorted(day for run in runs for day in days_of(run))
    assert days == list(DateRange(days[0], days[-1]))
    assert len(days) == DATES


def test_a_run_of_a_server_notes_down_each_of_its_dates_once(server: Server):
    made = wait_for(lambda: next((run for run in server.runs() if run["status"] in ("SUCCESS", "FAILURE")), None))
    assert made["status"] == "SUCCESS"
    days = [str(day) for day in days_of(made)]
    noted = dates_noted(server, made["id"])
    assert noted["bronze/orders"] == days
    assert noted["silver/orders"] == days

"""Dagster's sensor daemon is stopped during a tick of the landing sensor and started again.

The daemon is run in this process, so that it can be stopped at a chosen point: an interrupt leaves what it had written
until then, as a kill does. Runs are queued, and nobody takes them from the queue. Dagster's modules for that are private.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_representation.external import RemoteSensor
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, SensorInstigatorData
from dagster._core.test_utils import create_test_daemon_workspace_context
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import ModuleTarget
from dagster._daemon import sensor as sensor_daemon

pytestmark = pytest.mark.server

RANGES = [("2025-01-01", "2025-01-02"), ("2025-01-05", "2025-01-05"), ("2025-01-07", "2025-01-08")]


class Daemon:
    """The sensor daemon over the platform's definitions, with the landing sensor switched on."""

    def __init__(self, instance: dg.DagsterInstance, workspace: WorkspaceProcessContext) -> None:
        self.instance = instance
        self.workspace = workspace
        state = InstigatorState(
            self._sensor().get_remote_origin(),
            InstigatorType.SENSOR,
            InstigatorStatus.RUNNING,
            SensorInstigatorData(min_interval=30),
        )
        instance.add_instigator_state(state)

    def tick(self) -> None:
        list(sensor_daemon.execute_sensor_iteration(self.workspace, logging.getLogger("daemon"), None, None))

    def ranges(self) -> list[tuple[str, str]]:
        return sorted(
            (run.tags["dagster/asset_partition_range_start"], run.tags["dagster/asset_partition_range_end"])
            for run in self.instance.get_runs()
        )

    def cursor(self) -> str | None:
        sensor = self._sensor()
        state = self.instance.get_instigator_state(sensor.get_remote_origin_id(), sensor.selector_id)
        data = state.instigator_data if state else None
        return data.cursor if isinstance(data, SensorInstigatorData) else None

    def _sensor(self) -> RemoteSensor:
        (entry,) = self.workspace.create_request_context().get_code_location_entries().values()
        assert entry.code_location, entry.load_error
        (repository,) = entry.code_location.get_repositories().values()
        return repository.get_sensor("landing_sensor")


@contextmanager
def daemon(folder: Path) -> Iterator[Daemon]:
    """With the project's own dagster.yaml."""
    home = folder / "dagster"
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text(files("cis_assets").joinpath("dagster.yaml").read_text())
    with dg.DagsterInstance.from_config(str(home)) as instance:
        target = ModuleTarget("cis_assets.definitions", None, str(folder), "cis_assets.definitions")
        with create_test_daemon_workspace_context(target, instance) as workspace:
            yield Daemon(instance, workspace)


@pytest.mark.parametrize("point", ["TICK_HELD", "RUN_IDS_RESERVED", "RUN_CREATED", "RUN_LAUNCHED"])
def test_a_tick_that_is_stopped_anywhere_loses_and_repeats_no_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str
):
    for day in sorted({day for days in RANGES for day in days}):
        for table in ("orders", "order_items"):
            folder = tmp_path / "landing" / table / f"order_date={day}"
            folder.mkdir(parents=True)
            (folder / "part.csv").write_text("order_id\n1\n")
    monkeypatch.setenv("CIS_LANDING_URI", str(tmp_path / "landing"))
    monkeypatch.setenv("CIS_LAKE_URI", str(tmp_path / "lake"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    monkeypatch.setattr(sensor_daemon, "is_under_min_interval", lambda *_: False)
    stopped: list[str] = []

    def stop_once(_: object, reached: str) -> None:
        if reached == point and not stopped:
            stopped.append(reached)
            raise KeyboardInterrupt

    monkeypatch.setattr(sensor_daemon, "check_for_debug_crash", stop_once)
    with daemon(tmp_path) as running:
        with pytest.raises(KeyboardInterrupt):
            running.tick()
        assert running.cursor() is None
        assert len(running.ranges()) <= 1
        running.tick()
        assert running.ranges() == RANGES
        assert running.cursor()
        running.tick()
        assert running.ranges() == RANGES

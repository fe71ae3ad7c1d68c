"""What there is to switch on."""

from __future__ import annotations

import pytest

from cis_assets.definitions import defs


@pytest.mark.parametrize("name", ["ingest", "daily_gold", "train_segments"])
def test_every_job_resolves(name: str):
    assert defs.resolve_job_def(name).name == name


def test_sensors_and_schedules_are_off_until_they_are_switched_on():
    repository = defs.get_repository_def()
    instigators = [*repository.sensor_defs, *repository.schedule_defs]
    assert {"landing_sensor", "gold_sensor", "failure_sensor", "daily_gold_schedule"} <= {
        one.name for one in instigators
    }
    assert {one.default_status.value for one in instigators} == {"STOPPED"}


@pytest.mark.parametrize(("name", "lane"), [("ingest", "ingest"), ("daily_gold", "gold")])
def test_runs_of_a_job_follow_one_another(name: str, lane: str):
    assert defs.resolve_job_def(name).tags["cis/one_at_a_time"] == lane

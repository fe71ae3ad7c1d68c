"""What `cis` sets for Dagster before it starts anything, and what it leaves to the user."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

import pytest

from cis_assets.cli.instance import DagsterHomeError, dagster_home, dagster_instance
from cis_assets.defs.instance.event_log import BatchedEventLogStorage
from cis_assets.defs.instance.run_launcher import WatchedRunLauncher


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch) -> None:
    # Set first, so that it is put back after the test whatever was set before.
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "")


def test_dagster_hands_over_events_in_batches_unless_the_user_says_otherwise(monkeypatch: pytest.MonkeyPatch):
    dagster_home()
    assert int(os.environ["DAGSTER_EVENT_BATCH_SIZE"]) > 100
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "0")
    dagster_home()
    assert os.environ["DAGSTER_EVENT_BATCH_SIZE"] == "0"


def test_a_new_home_stores_them_together():
    with dagster_instance() as instance:
        assert isinstance(instance.event_log_storage, BatchedEventLogStorage)
    assert Path(".cis/dagster/history/runs/index.db").exists()


def test_a_dagster_yaml_of_the_user_stays_and_so_does_its_storage():
    home = Path(".cis/dagster")
    home.mkdir(parents=True)
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    with dagster_instance() as instance:
        assert not isinstance(instance.event_log_storage, BatchedEventLogStorage)
    assert (home / "dagster.yaml").read_text() == "telemetry:\n  enabled: false\n"


def test_a_dagster_yaml_of_an_earlier_version_goes_on_with_the_moved_modules():
    home = Path(".cis/dagster")
    home.mkdir(parents=True)
    current = files("cis_assets").joinpath("dagster.yaml").read_text()
    mine = current.replace("max_concurrent_runs: 2", "max_concurrent_runs: 7  # mine")
    former = mine.replace("cis_assets.defs.instance", "cis_assets.automation")
    assert "module: cis_assets.automation.event_log" in former
    assert "module: cis_assets.automation.run_launcher" in former
    (home / "dagster.yaml").write_text(former)
    with dagster_instance() as instance:
        assert isinstance(instance.event_log_storage, BatchedEventLogStorage)
        assert isinstance(instance.run_launcher, WatchedRunLauncher)
    assert (home / "dagster.yaml").read_text() == mine


@pytest.mark.parametrize(("name", "named"), [("a?b", r"'\?'"), ("a%20b", "'%20'"), ("not text \udcff", r"'\\udcff'")])
def test_a_home_that_dagster_would_not_find_again_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, named: str
):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / name))
    with pytest.raises(DagsterHomeError, match=rf"because the path has {named}: rename that folder"):
        dagster_home()
    assert list(tmp_path.iterdir()) == []


def test_a_home_may_have_any_other_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "My Shöp #1 100% [a]*=\\ 😀"))
    with dagster_instance() as instance:
        assert instance.get_runs_count() == 0
    assert (tmp_path / "My Shöp #1 100% [a]*=\\ 😀" / "history").is_dir()

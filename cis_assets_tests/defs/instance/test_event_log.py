"""Events in batches leave the same rows as Dagster's own storage, with other writers at work and after a kill."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationPlanned
from dagster._core.events import (
    AssetMaterializationPlannedData,
    AssetObservationData,
    DagsterEvent,
    StepMaterializationData,
)
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from sqlalchemy.exc import OperationalError

from cis_assets.catalog import silver
from cis_assets.cli.instance import dagster_instance
from cis_assets.defs.instance import event_log
from cis_assets.defs.instance.event_log import BatchedEventLogStorage, BatchedSqliteStorage
from cis_assets_tests.defs.stub_runs import SILVER, run
from cis_assets_tests.partitions import ORDER_DATES

ORDERS = dg.AssetKey(["silver", "orders"])
DAYS = ("2025-01-01", "2025-01-02")
FIRST_DAYS = ORDER_DATES.subset_with_partition_keys(DAYS).to_serializable_subset()
KINDS = (
    "ASSET_MATERIALIZATION_PLANNED",
    "ASSET_MATERIALIZATION",
    "ASSET_OBSERVATION",
    "ASSET_CHECK_EVALUATION_PLANNED",
    "PIPELINE_START",
)


def event(kind: str, asset: str, day: str, run_id: str = "a run", moment: float = 1.0) -> dg.EventLogEntry:
    """An event as a run reports it; a materialization carries a tag of the kind that Dagster indexes."""
    key = dg.AssetKey(["silver", asset])
    about = {"asset_key": key, "partition": day, "metadata": {"rows": len(day)}}
    tags = {"dagster/data_version": f"{asset} {day}", "not": "indexed"}
    said = {
        "ASSET_MATERIALIZATION_PLANNED": lambda: AssetMaterializationPlannedData(key, partition=day),
        "ASSET_MATERIALIZATION": lambda: StepMaterializationData(dg.AssetMaterialization(**about, tags=tags)),
        "ASSET_OBSERVATION": lambda: AssetObservationData(dg.AssetObservation(**about, tags=tags)),
        "ASSET_CHECK_EVALUATION_PLANNED": lambda: AssetCheckEvaluationPlanned(
            asset_key=key, check_name=f"check {moment}", partitions_subset=FIRST_DAYS if day == DAYS[0] else None
        ),
        "PIPELINE_START": lambda: None,
    }[kind]()
    reported = DagsterEvent(kind, "ingest", step_key=asset, event_specific_data=said)
    return dg.EventLogEntry(None, "debug", "", run_id, moment, asset, "ingest", reported)


def materializations(days: int, run_id: str = "a run") -> list[dg.EventLogEntry]:
    return [event("ASSET_MATERIALIZATION", "orders", f"day {number}", run_id) for number in range(days)]


# The present time; and the place of an asset's record, which nothing refers to.
LEFT_OUT = {"create_timestamp", "migration_completed", "asset_keys.id"}


def content(folder: Path) -> dict[str, list[tuple]]:
    """Every row of every table under `folder`."""
    found = {}
    for file in sorted(folder.rglob("*.db")):
        with closing(sqlite3.connect(file)) as database:
            for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                columns = [name for _, name, *_ in database.execute(f"PRAGMA table_info({table})")]
                kept = ", ".join(f'"{name}"' for name in columns if not {name, f"{table}.{name}"} & LEFT_OUT)
                rows = database.execute(f"SELECT {kept} FROM {table}").fetchall()
                found[f"{file.relative_to(folder)} {table}"] = sorted(rows, key=repr)
    return found


def rows(folder: Path, shard: str) -> int:
    with closing(sqlite3.connect(folder / "history" / "runs" / f"{shard}.db")) as database:
        return database.execute("SELECT count(*) FROM event_logs").fetchone()[0]


@pytest.mark.parametrize("seed", range(3))
def test_a_batch_leaves_exactly_the_rows_that_its_events_leave_one_by_one(tmp_path: Path, seed: int):
    choose = random.Random(seed)
    dagsters = SqliteEventLogStorage(str(tmp_path / "one_by_one"))
    ours = BatchedEventLogStorage(str(tmp_path / "together"))
    for run_id in ("a run", "another", "a run"):
        # Mostly asset events, which go together until another kind comes between.
        kinds = choose.choices(KINDS, weights=(8, 8, 8, 4, 1), k=25)
        assets = choose.choices(["orders", "order_items"], k=25)
        batch = [
            event(kind, asset, choose.choice(DAYS), run_id, choose.uniform(1, 9))
            for kind, asset in zip(kinds, assets, strict=True)
        ]
        dagsters.store_event_batch(batch)
        ours.store_event_batch(batch)
    assert content(tmp_path / "together") == content(tmp_path / "one_by_one")


@contextmanager
def instance_in(home: Path, batch_size: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """As `cis` opens it, with the project's own dagster.yaml."""
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", str(batch_size))
    with dagster_instance() as instance:
        yield instance


def what_dagster_knows(instance: dg.DagsterInstance) -> dict[str, object]:
    status = get_and_update_asset_status_cache_value(instance, ORDERS, ORDER_DATES)
    assert status
    planned = instance.get_latest_planned_materialization_info(ORDERS)
    assert planned
    (record,) = instance.get_asset_records([ORDERS])
    last = record.asset_entry.last_materialization
    assert last
    (newest,) = instance.get_runs(limit=1)
    assert planned.run_id == newest.run_id
    return {
        "materialized": instance.get_materialized_partitions(ORDERS),
        "in the status cache": status.deserialize_materialized_partition_subsets(ORDER_DATES).get_partition_keys(),
        "failed": status.deserialize_failed_partition_subsets(ORDER_DATES).get_partition_keys(),
        "planned last": planned.storage_id,
        "materialized last": last.asset_materialization and last.asset_materialization.partition,
        "versions": instance.event_log_storage.get_latest_tags_by_partition(
            ORDERS, dg.DagsterEventType.ASSET_MATERIALIZATION, ["dagster/data_version"]
        ).keys(),
        "shown by each run": [
            [
                (event.event_type_value, event.asset_key, event.partition)
                for event in _about_assets(instance, made.run_id)
            ]
            for made in instance.get_runs()
        ],
    }


def _about_assets(instance: dg.DagsterInstance, run_id: str) -> list[DagsterEvent]:
    return [
        entry.dagster_event
        for entry in instance.all_logs(run_id)
        if entry.dagster_event and entry.dagster_event.asset_key
    ]


def test_dagster_knows_the_same_of_range_runs_that_were_stored_in_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    known = []
    for home, batch_size in (("one_by_one", 0), ("together", 25)):
        with instance_in(tmp_path / home, batch_size, monkeypatch) as instance:
            run(instance, "ingest", SILVER, "2025-01-01", "2025-02-28")
            run(instance, "ingest", SILVER, "2025-02-20", "2025-03-10", failing=[silver.ORDERS])
            known.append(what_dagster_knows(instance))
    assert known[1] == known[0]
    assert len(known[1]["materialized"]) == 59
    assert len(known[1]["failed"]) == 19


def test_a_range_run_comes_in_batches_by_the_projects_own_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    sizes: list[int] = []
    store = event_log.store_in_one_transaction

    def noted(storage: BatchedEventLogStorage, run_id: str, events: Sequence[dg.EventLogEntry]) -> None:
        sizes.append(len(events))
        store(storage, run_id, events)

    monkeypatch.setattr(event_log, "store_in_one_transaction", noted)
    monkeypatch.delenv("DAGSTER_EVENT_BATCH_SIZE", raising=False)
    with instance_in(tmp_path, 1000, monkeypatch) as instance:
        run(instance, "ingest", SILVER, "2025-01-01", "2025-02-28")
    assert sizes == [2 * 59, 59, 59]


def test_an_instance_that_was_written_in_batches_can_go_back_to_dagsters_own_storage(tmp_path: Path):
    BatchedSqliteStorage(str(tmp_path)).event_log_storage.store_event_batch(materializations(3))
    dagsters = DagsterSqliteStorage(str(tmp_path)).event_log_storage
    dagsters.store_event(event("ASSET_MATERIALIZATION", "orders", "day 3"))
    assert dagsters.get_materialized_partitions(ORDERS) == {f"day {number}" for number in range(4)}
    assert len(dagsters.get_logs_for_run("a run")) == 4


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold a write lock on a file of the event log."""
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@pytest.mark.parametrize("busy", ["index", "a run"])
def test_a_batch_waits_for_another_writer(tmp_path: Path, busy: str):
    storage = BatchedSqliteStorage(str(tmp_path)).event_log_storage
    storage.store_event_batch(materializations(1))
    with ThreadPoolExecutor(1) as writer:
        with locked(tmp_path / "history" / "runs" / f"{busy}.db"):
            batch = writer.submit(storage.store_event_batch, materializations(5))
            time.sleep(0.5)
            assert not batch.done()
        batch.result()
    assert rows(tmp_path, "index") == rows(tmp_path, "a run") == 6


@pytest.mark.parametrize("busy", ["index", "a run"])
def test_a_batch_that_waited_in_vain_leaves_nothing_so_that_dagster_can_repeat_it(
    tmp_path: Path, busy: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sqlite_event_log, "SQLITE_BUSY_TIMEOUT_SECONDS", 0.2)
    storage = BatchedSqliteStorage(str(tmp_path)).event_log_storage
    storage.store_event_batch(materializations(1))
    with locked(tmp_path / "history" / "runs" / f"{busy}.db"), pytest.raises(OperationalError, match="locked"):
        storage.store_event_batch(materializations(5))
    assert rows(tmp_path, "index") == rows(tmp_path, "a run") == 1
    storage.store_event_batch(materializations(5))
    assert rows(tmp_path, "index") == rows(tmp_path, "a run") == 6


def test_runs_that_write_at_once_lose_and_mix_up_nothing(tmp_path: Path):
    """Each through a storage of its own, as processes do; two of them write to the same run."""
    names = ["first", "second", "third", "third"]
    start = threading.Barrier(len(names))

    def write(name: str) -> None:
        storage = BatchedSqliteStorage(str(tmp_path)).event_log_storage
        start.wait()
        for _ in range(10):
            storage.store_event_batch(materializations(20, name))

    BatchedSqliteStorage(str(tmp_path))
    with ThreadPoolExecutor(len(names)) as writers:
        list(writers.map(write, names))
    assert [rows(tmp_path, name) for name in ("first", "second", "third")] == [200, 200, 400]
    with closing(sqlite3.connect(tmp_path / "history" / "runs" / "index.db")) as index:
        tagged = index.execute(
            "SELECT count(*) FROM event_logs JOIN asset_event_tags ON event_id = event_logs.id"
            " WHERE value = 'orders ' || partition"
        ).fetchone()
        ((last,),) = index.execute("SELECT last_materialization FROM asset_keys").fetchall()
    assert tagged == (800,)
    assert json.loads(last)["storage_id"] == 800


WRITER = """
import sys
from cis_assets.defs.instance import event_log
from cis_assets.defs.instance.event_log import BatchedSqliteStorage
from cis_assets_tests.defs.instance.test_event_log import materializations
storage = BatchedSqliteStorage(sys.argv[1]).event_log_storage
batch = materializations(50)
while True:
    storage.store_event_batch(batch)
    print("stored", flush=True)
"""


@pytest.mark.slow
def test_a_writer_that_is_killed_leaves_whole_batches(tmp_path: Path):
    stored = {"index": 0, "a run": 0}
    for patience in (0.0, 0.013, 0.029):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
            stdout=subprocess.PIPE,
            text=True,
        ) as writer:
            assert writer.stdout
            for _ in range(3):
                assert writer.stdout.readline() == "stored\n"
            time.sleep(patience)
            writer.send_signal(signal.SIGKILL)
            told = 3 + len(writer.stdout.readlines())
        # The batch on its way may be there, though nobody was told, in both files or in one: SQLite commits them one by one.
        for file, before in stored.items():
            stored[file] = rows(tmp_path, file)
            assert stored[file] % 50 == 0
            assert told <= (stored[file] - before) // 50 <= told + 1
    log = BatchedSqliteStorage(str(tmp_path)).event_log_storage
    log.store_event_batch(materializations(50))
    assert len(log.get_logs_for_run("a run")) == stored["a run"] + 50

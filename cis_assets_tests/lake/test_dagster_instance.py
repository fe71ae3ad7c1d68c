"""The private names of Dagster that its instance is built from still do what the platform needs."""

import ast
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import dagster as dg
import grpc
import pytest

import cis_assets
from cis_assets.lake import dagster_internals
from cis_assets.lake.dagster_internals import instance

DAYS = dg.DailyPartitionsDefinition("2025-01-01")
JANUARY = [f"2025-01-0{number}" for number in range(1, 5)]
ORDERS = dg.AssetKey(["silver", "orders"])
MATERIALIZATION = dg.DagsterEventType.ASSET_MATERIALIZATION


def test_no_other_module_imports_what_is_private_to_dagster():
    package = Path(cis_assets.__file__).parent
    importing = {
        file.relative_to(package).as_posix()
        for file in package.rglob("*.py")
        if re.search(r"(from|import) dagster\._", file.read_text())
    }
    assert importing == {"lake/dagster_internals/__init__.py", "lake/dagster_internals/instance.py"}


@pytest.fixture
def storage(tmp_path: Path) -> instance.DagsterSqliteStorage:
    return instance.DagsterSqliteStorage(str(tmp_path))


def test_sqlite_storage_takes_its_configuration_and_serves_its_event_log(tmp_path: Path):
    """`DagsterSqliteStorage`, `SqliteStorageConfig`, `ConfigurableClassData`, `_event_log_storage`, `_event_logs_directory`"""

    class EventLog(instance.SqliteEventLogStorage): ...

    config: instance.SqliteStorageConfig = {"base_dir": str(tmp_path)}
    data = instance.ConfigurableClassData("a.module", "AClass", "base_dir: here")
    storage = instance.DagsterSqliteStorage(inst_data=data, **config)
    assert storage.inst_data is data
    before = storage.event_log_storage
    before.store_event(materialization("a run", JANUARY[0]))
    instance.replace_event_log(storage, EventLog)
    assert isinstance(storage.event_log_storage, EventLog)
    assert storage.event_log_storage.get_materialized_partitions(ORDERS) == {JANUARY[0]}
    (tmp_path / "other").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "other")) as other:
        storage.register_instance(other)
        assert storage.event_log_storage.has_instance


def materialization(run_id: str, day: str) -> dg.EventLogEntry:
    @dg.asset(key=ORDERS, partitions_def=DAYS)
    def orders() -> dg.MaterializeResult:
        return dg.MaterializeResult(tags={"dagster/data_version": f"version of {day}"})

    with dg.DagsterInstance.ephemeral() as made:
        assert dg.materialize([orders], partition_key=day, instance=made).success
        (record,) = made.fetch_materializations(ORDERS, limit=1).records
    return record.event_log_entry._replace(run_id=run_id)


def rows_of(storage: instance.DagsterSqliteStorage, shard: str, columns: str, table: str) -> list[tuple]:
    with closing(sqlite3.connect(Path(storage.base_dir, "history", "runs", f"{shard}.db"))) as database:
        return database.execute(f"SELECT {columns} FROM {table}").fetchall()


def test_asset_events_are_those_that_the_index_mirrors():
    """`ASSET_EVENTS`"""
    kinds = {kind.value for kind in instance.ASSET_EVENTS}
    assert kinds == {
        "ASSET_MATERIALIZATION",
        "ASSET_MATERIALIZATION_PLANNED",
        "ASSET_FAILED_TO_MATERIALIZE",
        "ASSET_OBSERVATION",
        "FRESHNESS_STATE_CHANGE",
    }


def test_the_event_log_keeps_a_row_for_each_event_in_the_runs_file_and_in_the_index(
    storage: instance.DagsterSqliteStorage,
):
    """`SqliteEventLogStorage._event_to_row`, `run_connection`, `index_connection`, `path_for_shard`, `SqlEventLogStorageTable`"""
    log = storage.event_log_storage
    assert isinstance(log, instance.SqliteEventLogStorage)
    event = materialization("a run", JANUARY[0])
    row = log._event_to_row(event)
    columns = {column.name for column in instance.SqlEventLogStorageTable.columns}
    assert columns == row.keys() | {"id"}
    log.store_event(event)
    assert Path(log.path_for_shard("a run")) == Path(storage.base_dir, "history", "runs", "a run.db")
    for shard in ("a run", "index"):
        assert rows_of(storage, shard, "run_id, event, partition", "event_logs") == [
            ("a run", row["event"], JANUARY[0])
        ]
    for connect in (lambda: log.run_connection("a run"), log.index_connection):
        with connect() as connection:
            assert rows_of_connection(connection, "partition", "event_logs") == [(JANUARY[0],)]


def test_the_event_log_rolls_a_connection_back_when_its_block_fails(storage: instance.DagsterSqliteStorage):
    """`SqliteEventLogStorage.index_connection` is one transaction."""
    log = storage.event_log_storage
    assert isinstance(log, instance.SqliteEventLogStorage)
    row = log._event_to_row(materialization("a run", JANUARY[0]))

    def write_half() -> None:
        with log.index_connection() as index:
            index.execute(instance.SqlEventLogStorageTable.insert(), [row])
            raise InterruptedError

    with pytest.raises(InterruptedError):
        write_half()
    assert rows_of(storage, "index", "*", "event_logs") == []


def test_tags_and_the_record_of_an_asset_are_written_by_two_methods(storage: instance.DagsterSqliteStorage):
    """`SqliteEventLogStorage._store_asset_event_tags(connection, events, ids)`, `_store_asset_event(connection, event, id)`"""
    log = storage.event_log_storage
    assert isinstance(log, instance.SqliteEventLogStorage)
    event = materialization("a run", JANUARY[0])
    with log.index_connection() as index:
        log._store_asset_event_tags(index, [event], [7])
        assert rows_of_connection(index, "event_id, value", "asset_event_tags") == [(7, f"version of {JANUARY[0]}")]
        assert rows_of_connection(index, "*", "asset_keys") == []
        log._store_asset_event(index, event, 7)
        ((record,),) = rows_of_connection(index, "last_materialization", "asset_keys")
    assert '"storage_id": 7' in record


def rows_of_connection(connection, columns: str, table: str) -> list[tuple]:
    return [tuple(row) for row in connection.exec_driver_sql(f"SELECT {columns} FROM {table}")]


def test_a_planned_check_has_a_row_for_each_partition():
    """`AssetCheckExecutionsTable`, `AssetCheckExecutionRecordStatus`; what goes in, Dagster reads."""
    with dg.instance_for_test() as made:
        log = made.event_log_storage
        assert isinstance(log, instance.SqliteEventLogStorage)
        columns = {column.name for column in instance.AssetCheckExecutionsTable.columns}
        written = {
            "asset_key", "check_name", "partition", "run_id", "execution_status", "evaluation_event",
            "evaluation_event_timestamp", "evaluation_event_storage_id",
        }  # fmt: skip
        assert columns - written == {"id", "materialization_event_storage_id", "create_timestamp"}
        key = dg.AssetCheckKey(ORDERS, "a check")
        row = dict.fromkeys(written, "1") | {
            "asset_key": ORDERS.to_string(),
            "check_name": key.name,
            "execution_status": instance.AssetCheckExecutionRecordStatus.PLANNED.value,
            "evaluation_event": None,
            "evaluation_event_timestamp": None,
            "evaluation_event_storage_id": 1,
        }
        with log.index_connection() as index:
            index.execute(instance.AssetCheckExecutionsTable.insert(), [row])
        (found,) = log.get_asset_check_execution_history(key, limit=2)
        assert found.status is instance.AssetCheckExecutionRecordStatus.PLANNED


@pytest.fixture
def launcher() -> Iterator[dg.DefaultRunLauncher]:
    with dg.instance_for_test(overrides={"run_launcher": {"module": "dagster", "class": "DefaultRunLauncher"}}) as made:
        assert isinstance(made.run_launcher, dg.DefaultRunLauncher)
        yield made.run_launcher


@dg.job
def idle() -> None: ...


def test_the_launcher_finds_the_code_server_of_a_run_by_its_tag(launcher: dg.DefaultRunLauncher):
    """`DefaultRunLauncher._get_grpc_client_for_termination`"""
    made = launcher._instance
    by_hand = made.create_run_for_job(idle, status=dg.DagsterRunStatus.STARTED)
    assert launcher._get_grpc_client_for_termination(by_hand.run_id) is None
    tags = {".dagster/grpc_info": '{"host": "localhost", "port": 4321}'}
    by_server = made.create_run_for_job(idle, status=dg.DagsterRunStatus.STARTED, tags=tags)
    client = launcher._get_grpc_client_for_termination(by_server.run_id)
    assert (client.host, client.port) == ("localhost", 4321)
    ended = made.create_run_for_job(idle, status=dg.DagsterRunStatus.SUCCESS, tags=tags)
    assert launcher._get_grpc_client_for_termination(ended.run_id) is None


def test_a_server_that_is_gone_is_an_error_of_its_own(launcher: dg.DefaultRunLauncher):
    """`DagsterUserCodeUnreachableError`, raised from the error of grpc that has the status"""
    tags = {".dagster/grpc_info": '{"host": "localhost", "port": 1}'}
    lost = launcher._instance.create_run_for_job(idle, status=dg.DagsterRunStatus.STARTED, tags=tags)
    with pytest.raises(instance.DagsterUserCodeUnreachableError) as error:
        instance.is_run_in_code_server(launcher, lost.run_id, timeout_seconds=5)
    assert isinstance(error.value.__cause__, grpc.Call)
    assert error.value.__cause__.code() is grpc.StatusCode.UNAVAILABLE


def test_a_server_answers_whether_it_can_cancel_a_run():
    """`CanCancelExecutionRequest`, `CanCancelExecutionResult`, `deserialize_value`: what is sent comes back."""
    request = instance.CanCancelExecutionRequest(run_id="a run")
    assert instance.deserialize_value(dg.serialize_value(request)) == request
    answer = dg.serialize_value(instance.CanCancelExecutionResult(can_cancel=True))
    assert instance.deserialize_value(answer, instance.CanCancelExecutionResult).can_cancel is True


def test_the_monitor_understands_health_as_a_status_and_a_message():
    """`CheckRunHealthResult`, `WorkerStatus`"""
    lost = instance.CheckRunHealthResult(instance.WorkerStatus.NOT_FOUND, "its process is gone")
    assert str(lost) == "NOT_FOUND: 'its process is gone'"


def test_every_private_name_has_a_test_here():
    files = [Path(__file__), Path(__file__).with_name("test_dagster_internals.py")]
    tested = set(
        re.findall(r"\w+", files[1].read_text() + " ".join(re.findall(r'    """(.*)"""', files[0].read_text())))
    )
    used: set[str] = set()
    for module in (dagster_internals, instance):
        for node in ast.walk(ast.parse(Path(str(module.__file__)).read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dagster._"):
                used |= {name.name for name in node.names}
            elif isinstance(node, ast.Attribute) and node.attr.startswith("_"):
                used.add(node.attr)
    assert len(used) > 20
    assert used - tested == set()

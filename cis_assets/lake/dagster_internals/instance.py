"""The private names of Dagster that its instance is built from: the event log in SQLite and the run launcher."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.events import ASSET_EVENTS
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage, SqliteStorageConfig, _event_logs_directory
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster._serdes import ConfigurableClassData, deserialize_value

__all__ = [
    "ASSET_EVENTS",
    "CheckRunHealthResult",
    "ConfigurableClassData",
    "DagsterSqliteStorage",
    "DagsterUserCodeUnreachableError",
    "SqliteEventLogStorage",
    "SqliteStorageConfig",
    "WorkerStatus",
    "is_run_in_code_server",
    "replace_event_log",
    "store_in_one_transaction",
]

_RUN = "run"


def replace_event_log(storage: DagsterSqliteStorage, event_log: type[SqliteEventLogStorage]) -> None:
    """Make a SQLite storage of Dagster keep its event log with another class, in the same files."""
    storage._event_log_storage = event_log(_event_logs_directory(storage.base_dir))


def store_in_one_transaction(storage: SqliteEventLogStorage, run_id: str, events: Sequence[dg.EventLogEntry]) -> None:
    """Write asset events and planned checks of a run to the run's file and to the index, or to neither of them.

    It leaves the rows that Dagster leaves when it stores the events one by one.
    """
    rows = [storage._event_to_row(event) for event in events]
    insert = SqlEventLogStorageTable.insert()
    with storage.run_connection(run_id):
        pass  # Connecting creates the run's file.
    # One transaction covers both files, because Dagster stores the events of a failed batch again one by one.
    with storage.index_connection() as index:
        index.exec_driver_sql(f"ATTACH DATABASE ? AS {_RUN}", (storage.path_for_shard(run_id),))
        index.execute(insert, rows, execution_options={"schema_translate_map": {None: _RUN}})
        in_order = insert.returning(SqlEventLogStorageTable.c.id, sort_by_parameter_order=True)
        ids = index.execute(in_order, rows).scalars().all()
        # A planned check has no row among the tags and asset records.
        assets = [
            (event, id_) for event, id_ in zip(events, ids, strict=True) if event.dagster_event_type in ASSET_EVENTS
        ]
        storage._store_asset_event_tags(index, [event for event, _ in assets], [id_ for _, id_ in assets])
        # An asset's record shows the last event of each type only.
        last = {(event.get_dagster_event().asset_key, event.dagster_event_type): (id_, event) for event, id_ in assets}
        for event_id, event in sorted(last.values(), key=lambda found: found[0]):
            storage._store_asset_event(index, event, event_id)
        checks = [
            planned
            for row, event, event_id in zip(rows, events, ids, strict=True)
            if event.dagster_event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED
            for planned in _planned_checks(row, event, event_id)
        ]
        if checks:
            index.execute(AssetCheckExecutionsTable.insert(), checks)


def _planned_checks(row: Mapping[str, Any], event: dg.EventLogEntry, event_id: int) -> list[dict[str, Any]]:
    """A row for each partition of a planned check; `row` is the row of its event."""
    planned = event.get_dagster_event().asset_check_planned_data
    partitions = planned.partitions_subset.get_partition_keys() if planned.partitions_subset else [None]
    return [
        {
            "asset_key": planned.asset_key.to_string(),
            "check_name": planned.check_name,
            "partition": partition,
            "run_id": event.run_id,
            "execution_status": AssetCheckExecutionRecordStatus.PLANNED.value,
            "evaluation_event": row["event"],
            "evaluation_event_timestamp": row["timestamp"],
            "evaluation_event_storage_id": event_id,
        }
        for partition in partitions
    ]


def is_run_in_code_server(launcher: dg.DefaultRunLauncher, run_id: str, timeout_seconds: int) -> bool | None:
    """Whether the code server that started a run still runs it; None if no code server started it.

    A server that does not answer raises DagsterUserCodeUnreachableError.
    """
    server = launcher._get_grpc_client_for_termination(run_id)
    if server is None:
        return None
    answer = server.can_cancel_execution(CanCancelExecutionRequest(run_id=run_id), timeout=timeout_seconds)
    return deserialize_value(answer, CanCancelExecutionResult).can_cancel

"""Dagster's event log in SQLite, with the events of many dates written together.

Dagster notes down each asset and date of a run twice, as planned and as materialized, and its own SQLite storage gives
each note transactions of its own. Where `DAGSTER_EVENT_BATCH_SIZE` is set, Dagster hands these notes over in batches;
each becomes one transaction here and leaves the same rows. The files are those of Dagster's own storage.

Belongs here: how events are stored. Does not belong here: when they arise.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import groupby
from typing import Any

import dagster as dg
from dagster._core.events import ASSET_EVENTS
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage, SqliteStorageConfig, _event_logs_directory
from dagster._serdes import ConfigurableClassData
from sqlalchemy.engine import Connection

_PLANNED_CHECK = dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED
_RUN = "run"


class BatchedEventLogStorage(SqliteEventLogStorage):
    """Dagster's event log in SQLite, except that a batch about assets and planned checks is one transaction."""

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        for run_id, neighbours in groupby(events, key=_run_if_together):
            if run_id is None:
                super().store_event_batch(list(neighbours))
            else:
                self._store_together(run_id, list(neighbours))

    def _store_together(self, run_id: str, events: Sequence[EventLogEntry]) -> None:
        """Write events of a run to the run's own file and to the index, or, if the writing fails, to neither."""
        rows = [self._event_to_row(event) for event in events]
        insert = SqlEventLogStorageTable.insert()
        with self.run_connection(run_id):
            pass  # Connecting makes the run's file.
        # One transaction on both files, since Dagster stores a failed batch again, event by event.
        with self.index_connection() as index:
            index.exec_driver_sql(f"ATTACH DATABASE ? AS {_RUN}", (self.path_for_shard(run_id),))
            index.execute(insert, rows, execution_options={"schema_translate_map": {None: _RUN}})
            in_order = insert.returning(SqlEventLogStorageTable.c.id, sort_by_parameter_order=True)
            ids = index.execute(in_order, rows).scalars().all()
            self._store_asset_event_tags(index, events, ids)
            for place in _last_of_each_kind(events):
                self._store_asset_event(index, events[place], ids[place])
            for row, event, event_id in zip(rows, events, ids, strict=True):
                if event.dagster_event_type is _PLANNED_CHECK:
                    _store_planned_check(index, row, event, event_id)


class BatchedSqliteStorage(DagsterSqliteStorage):
    """What Dagster keeps in SQLite in `base_dir`, as it does by itself, with the event log in batches."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        self._event_log_storage = BatchedEventLogStorage(_event_logs_directory(base_dir))

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: SqliteStorageConfig
    ) -> BatchedSqliteStorage:
        return cls(inst_data=inst_data, **config_value)


def _run_if_together(event: EventLogEntry) -> str | None:
    """The run of an event that is stored together with others; None if Dagster has a way of its own for it."""
    together = event.dagster_event_type in ASSET_EVENTS or event.dagster_event_type is _PLANNED_CHECK
    return event.run_id if together else None


def _store_planned_check(index: Connection, row: Mapping[str, Any], event: EventLogEntry, event_id: int) -> None:
    """A row for each date of the check; `row` is the event's own."""
    planned = event.get_dagster_event().asset_check_planned_data
    dates = planned.partitions_subset.get_partition_keys() if planned.partitions_subset else [None]
    index.execute(
        AssetCheckExecutionsTable.insert(),
        [
            {
                "asset_key": planned.asset_key.to_string(),
                "check_name": planned.check_name,
                "partition": day,
                "run_id": event.run_id,
                "execution_status": AssetCheckExecutionRecordStatus.PLANNED.value,
                "evaluation_event": row["event"],
                "evaluation_event_timestamp": row["timestamp"],
                "evaluation_event_storage_id": event_id,
            }
            for day in dates
        ],
    )


def _last_of_each_kind(events: Sequence[EventLogEntry]) -> Collection[int]:
    """Where the last event of each asset and type stands, in order: an asset's record shows no others."""
    last = {
        (event.get_dagster_event().asset_key, event.dagster_event_type): place for place, event in enumerate(events)
    }
    return sorted(last.values())

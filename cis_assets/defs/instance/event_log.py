"""Dagster's event log in SQLite, which writes the events of many partitions in one transaction.

Dagster records each asset and date of a run twice: as planned and as materialized. Its own SQLite storage uses several
transactions for each record. With `DAGSTER_EVENT_BATCH_SIZE` set, Dagster passes these records on in batches. The files
and rows are the same as those of Dagster's own storage.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import dagster as dg

from cis_assets.lake.dagster_internals.instance import (
    ASSET_EVENTS,
    ConfigurableClassData,
    DagsterSqliteStorage,
    SqliteEventLogStorage,
    SqliteStorageConfig,
    replace_event_log,
    store_in_one_transaction,
)

_STORED_TOGETHER = {*ASSET_EVENTS, dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED}


class BatchedEventLogStorage(SqliteEventLogStorage):
    """Dagster's event log in SQLite, with one transaction for neighboring asset events and planned checks of a run."""

    def store_event_batch(self, events: Sequence[dg.EventLogEntry]) -> None:
        for (run_id, together), neighbors in groupby(
            events, key=lambda event: (event.run_id, event.dagster_event_type in _STORED_TOGETHER)
        ):
            if together:
                store_in_one_transaction(self, run_id, list(neighbors))
            else:
                super().store_event_batch(list(neighbors))


class BatchedSqliteStorage(DagsterSqliteStorage):
    """Dagster's storage in SQLite below `base_dir`, with the event log in batches."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        replace_event_log(self, BatchedEventLogStorage)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: SqliteStorageConfig
    ) -> BatchedSqliteStorage:
        return cls(inst_data=inst_data, **config_value)

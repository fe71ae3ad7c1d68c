"""The sensor of the daily snapshot, and when a snapshot is requested.

The schedule (`schedules.py`) makes the snapshot of a day first. When late files change orders up to the day, or when the consent of
customers changes, the sensor refreshes it. It compares the current state and keeps no cursor, so it misses nothing while it is switched off.
Snapshots of earlier days stay unchanged.
"""

from dataclasses import dataclass
from datetime import date
from itertools import takewhile

import dagster as dg

from cis_assets.catalog import gold, silver
from cis_assets.dates import DateRange
from cis_assets.defs.jobs import daily_gold, ingest
from cis_assets.defs.partitions import order_dates
from cis_assets.defs.tables import asset_key
from cis_assets.settings import Settings

_PARTITION = "dagster/partition"
_DATA_VERSION = "dagster/data_version"
_EVENTS_COMPARED = 50
_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


@dataclass(frozen=True)
class Snapshot:
    """What Dagster knows of the gold tables of a day. A value is None if it never happened.

    `made` is the start of the run that made the oldest table, `tried` the start of the last run of the job. `change` is
    the last event that changed the orders up to the day, or the consent of customers.
    """

    made: float | None
    tried: float | None
    change: dg.EventLogRecord | None

    @property
    def is_current(self) -> bool:
        """Whether every table was made from silver in its present state."""
        return self.made is not None and (self.change is None or self.change.timestamp < self.made)

    @property
    def is_outdated(self) -> bool:
        """Whether silver changed after the snapshot was made, or after the job last failed to make it."""
        attempts = [moment for moment in (self.made, self.tried) if moment is not None]
        return bool(attempts) and self.change is not None and max(attempts) <= self.change.timestamp


def read_snapshot(instance: dg.DagsterInstance, day: str, first: date) -> Snapshot:
    """Read the state of the gold tables of a day from Dagster's event log."""
    starts = [_started_at(instance, asset_key(table), day) for table in gold.TABLES if table.partition_by]
    made = [start for start in starts if start is not None]
    runs = instance.get_run_records(
        dg.RunsFilter(job_name=daily_gold.name, tags={_PARTITION: day}), limit=1, order_by="id"
    )
    # Habits and cohorts look back over all orders.
    known = [str(each) for each in DateRange(first, max(first, date.fromisoformat(day)))]
    changes = [
        record
        for table in (silver.ORDERS, silver.ORDER_ITEMS)
        for record in instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key(table), asset_partitions=known), limit=1
        ).records
    ]
    changes += _find_change_of_consent(instance)
    return Snapshot(
        made=min(made) if len(made) == len(starts) else None,
        tried=runs[0].start_time if runs else None,
        change=max(changes, key=lambda record: record.storage_id, default=None),
    )


def _find_change_of_consent(instance: dg.DagsterInstance) -> list[dg.EventLogRecord]:
    """Find the event with which silver/customers got its present data version, a fingerprint of who has consent."""
    records = instance.fetch_materializations(asset_key(silver.CUSTOMERS), limit=_EVENTS_COMPARED).records
    same = takewhile(lambda record: _data_version(record) == _data_version(records[0]), records)
    return list(same)[-1:]


def _data_version(record: dg.EventLogRecord) -> str | None:
    made = record.asset_materialization
    return (made.tags or {}).get(_DATA_VERSION) if made else None


def request_first(instance: dg.DagsterInstance, day: str, first: date) -> dg.RunRequest | dg.SkipReason:
    """Request the snapshot of a day for the schedule, unless it is up to date or its run is unfinished."""
    if _count_unfinished(instance, daily_gold.name, day):
        return dg.SkipReason(f"A run for {day} is already queued or running.")
    if read_snapshot(instance, day, first).is_current:
        return dg.SkipReason(
            f"The snapshot of {day} exists, and neither an order up to that day nor the consent of a customer changed since."
        )
    return dg.RunRequest(partition_key=day, run_key=day)


def request_refresh(instance: dg.DagsterInstance, day: str, first: date) -> dg.RunRequest | dg.SkipReason:
    """Request the snapshot of a day for the sensor if silver changed since, once no run changes silver any more."""
    unfinished = _count_unfinished(instance, ingest.name) + _count_unfinished(instance, daily_gold.name, day)
    if unfinished:
        return dg.SkipReason(f"Waiting until {unfinished} runs of ingest, or of daily_gold for {day}, end.")
    snapshot = read_snapshot(instance, day, first)
    if snapshot.is_outdated and snapshot.change:
        # One attempt for each change: a failed run is not repeated until something changes.
        return dg.RunRequest(partition_key=day, run_key=f"{day} after change {snapshot.change.storage_id}")
    if snapshot.made or snapshot.tried:
        return dg.SkipReason(
            f"Neither an order up to {day} nor the consent of a customer changed since its snapshot was made."
        )
    return dg.SkipReason(f"The snapshot of {day} does not exist yet. The schedule makes it first.")


def _count_unfinished(instance: dg.DagsterInstance, job: str, day: str | None = None) -> int:
    """Count the queued and running runs of a job, for a day if one is given."""
    tags = {_PARTITION: day} if day else {}
    return instance.get_runs_count(dg.RunsFilter(job_name=job, tags=tags, statuses=_UNFINISHED))


def _started_at(instance: dg.DagsterInstance, key: dg.AssetKey, day: str) -> float | None:
    """Return when the run began that last made this table: it read silver in its state of that time or later."""
    found = instance.fetch_materializations(dg.AssetRecordsFilter(key, asset_partitions=[day]), limit=1).records
    run = instance.get_run_record_by_id(found[0].run_id) if found else None
    return run.start_time if run else None


def build_sensors(settings: Settings) -> list[dg.SensorDefinition]:
    @dg.sensor(
        job=daily_gold,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Refreshes the gold tables of the newest day when late files change orders up to it, or when "
        "the consent of customers changes.",
    )
    def gold_sensor(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        day = order_dates(settings).get_last_partition_key()
        if day is None:
            return dg.SkipReason("No order date is over yet.")
        return request_refresh(context.instance, day, settings.first_order_date)

    return [gold_sensor]

"""The newest snapshot follows what it is made from: whether it is up to date, and the sensor that makes it again.

The schedule (`schedules.py`) makes the snapshot of a day first. When silver of a day that it looks back over changes
afterwards, because files came late, this sensor has it made again. It looks at what is, not at events, so nothing is
lost while it is switched off. Snapshots of earlier days stay as they were known then.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import dagster as dg

from cis_assets.catalog import gold, silver
from cis_assets.dates import DateRange, trailing_window
from cis_assets.defs.customers.jobs import daily_gold
from cis_assets.defs.ingest.jobs import ingest
from cis_assets.defs.partitions import order_dates
from cis_assets.defs.tables import asset_key
from cis_assets.settings import Settings

_PARTITION = "dagster/partition"
_READ = (silver.ORDERS, silver.ORDER_ITEMS)
_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


@dataclass(frozen=True)
class Snapshot:
    """What Dagster knows of the gold tables of a day.

    `made` is when the run began that made its oldest part, `tried` when its job was last started, and `changed` when
    silver last changed within its window: none of them if that never happened. `change` names that last change.
    """

    made: float | None
    tried: float | None
    changed: float | None
    change: str

    @property
    def is_current(self) -> bool:
        """Whether every part of it was made from silver as it is."""
        return self.made is not None and (self.changed is None or self.changed < self.made)

    @property
    def is_overtaken(self) -> bool:
        """Whether silver changed after it was made, or after its job was tried in vain."""
        begun = max((moment for moment in (self.made, self.tried) if moment is not None), default=None)
        return begun is not None and self.changed is not None and begun <= self.changed


def snapshot_of(instance: dg.DagsterInstance, day: str, history_days: int) -> Snapshot:
    """What Dagster knows of the gold tables as of a day."""
    parts = [_made(instance, asset_key(table), day) for table in gold.TABLES if table.partition_by]
    changed, change = _last_change(instance, trailing_window(date.fromisoformat(day), history_days))
    runs = instance.get_run_records(
        dg.RunsFilter(job_name=daily_gold.name, tags={_PARTITION: day}), limit=1, order_by="id"
    )
    return Snapshot(
        made=None if None in parts else min(part for part in parts if part is not None),
        tried=runs[0].start_time if runs else None,
        changed=changed,
        change=change,
    )


def make_first(instance: dg.DagsterInstance, day: str, history_days: int) -> dg.RunRequest | dg.SkipReason:
    """What the schedule asks for: the snapshot of a day, unless it was made already or is being made."""
    if _unfinished(instance, daily_gold.name, day):
        return dg.SkipReason(f"A run for {day} is queued or under way already.")
    if snapshot_of(instance, day, history_days).is_current:
        return dg.SkipReason(f"The snapshot of {day} was made already, and no order within its window changed since.")
    return dg.RunRequest(partition_key=day, run_key=day)


def make_again(instance: dg.DagsterInstance, day: str, history_days: int) -> dg.RunRequest | dg.SkipReason:
    """What the sensor asks for: the snapshot of a day, if silver changed after it was made, and changes no more."""
    unfinished = _unfinished(instance, ingest.name) + _unfinished(instance, daily_gold.name, day)
    if unfinished:
        return dg.SkipReason(f"Waiting for the end of {unfinished} runs of ingest, or of daily_gold for {day}.")
    snapshot = snapshot_of(instance, day, history_days)
    if snapshot.is_overtaken:
        # One attempt for each change: a run that fails is not asked for again until something changes.
        return dg.RunRequest(partition_key=day, run_key=f"{day} after change {snapshot.change}")
    if snapshot.made or snapshot.tried:
        return dg.SkipReason(f"No order within the window of {day} changed since its snapshot was made.")
    return dg.SkipReason(f"The snapshot of {day} has not been made yet, which is the schedule's to do.")


def _unfinished(instance: dg.DagsterInstance, job: str, day: str | None = None) -> int:
    """How many runs of a job (for a day) are queued or under way."""
    tags = {_PARTITION: day} if day else {}
    return instance.get_runs_count(dg.RunsFilter(job_name=job, tags=tags, statuses=_UNFINISHED))


def _made(instance: dg.DagsterInstance, key: dg.AssetKey, day: str) -> float | None:
    """When the run began that made this part of the snapshot: what silver was then is what the part knows."""
    found = instance.fetch_materializations(dg.AssetRecordsFilter(key, asset_partitions=[day]), limit=1).records
    run = instance.get_run_record_by_id(found[0].run_id) if found else None
    return run.start_time if run else None


def _last_change(instance: dg.DagsterInstance, days: DateRange) -> tuple[float | None, str]:
    window = [str(each) for each in days]
    newest = [
        record
        for table in _READ
        for record in instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key(table), asset_partitions=window), limit=1
        ).records
    ]
    if not newest:
        return None, ""
    last = max(newest, key=lambda record: record.storage_id)
    return last.timestamp, str(last.storage_id)


def build_sensors(settings: Settings) -> list[dg.SensorDefinition]:
    @dg.sensor(
        job=daily_gold,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Makes the newest day's gold tables again when orders within their window changed after they were made.",
    )
    def gold_sensor(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        day = order_dates(settings).get_last_partition_key()
        return (
            make_again(context.instance, day, settings.history_days)
            if day
            else dg.SkipReason("There is no order date yet.")
        )

    return [gold_sensor]

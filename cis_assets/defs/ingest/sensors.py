"""The landing sensor: it requests ingest runs for the order dates whose landing files are new or changed.

A tick lists each dated table of landing once and compares a mark per date (names, sizes and ETags of its files) with the
cursor. The ranges that cover the dates are computed in `range_runs.py`. The cursor is in `landing_cursor.py`.
"""

import hashlib
from collections.abc import Callable, Collection, Mapping, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import PurePosixPath

import dagster as dg

from cis_assets.catalog import ORDER_DATE, bronze, quality
from cis_assets.dates import DateRange, days_in_words, neighbouring_ranges
from cis_assets.defs.ingest.landing_cursor import (
    LandingCursor,
    Request,
    UnreadableCursorError,
    mark_files,
    read_cursor,
)
from cis_assets.defs.ingest.range_runs import covering_ranges
from cis_assets.defs.jobs import ingest
from cis_assets.defs.partitions import order_dates, range_tags
from cis_assets.defs.resources import LakeResource, LandingResource
from cis_assets.defs.tables import asset_key
from cis_assets.landing.contract import DATED, SNAPSHOTS
from cis_assets.landing.folder import LandingError, LandingFolder
from cis_assets.settings import Settings

# Each range costs a run.
MOST_RANGES = 10
# Half a year. A whole history is a few runs, and the first runs while Dagster plans the next. A run that breaks down stops
# no other half year.
LONGEST_RUN = 183


@dataclass(frozen=True)
class Landed:
    """The order dates in landing: complete dates with their marks, incomplete dates, and dates that are no partition."""

    complete: Mapping[date, str]
    incomplete: Set[date]
    outside: Set[date]


@dataclass(frozen=True)
class Pending:
    """A requested range that is not ingested yet, and its missing dates.

    If its run is not running, it failed. Then `is_due` says whether a change may have fixed it.
    """

    request: Request
    days: Set[date]
    is_running: bool = False
    is_due: bool = False


def build_sensors(settings: Settings, *, most_ranges: int = MOST_RANGES) -> list[dg.SensorDefinition]:
    @dg.sensor(
        job=ingest,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Runs the ingest job for order dates whose landing files are new or changed. "
        f"Up to {most_ranges} runs cover all of these dates.",
    )
    def landing_sensor(
        context: dg.SensorEvaluationContext, landing: LandingResource, lake: LakeResource
    ) -> dg.SensorResult | dg.SkipReason:
        folder = landing.folder()
        return _evaluate(context, folder, _list_landing(context, folder, order_dates(settings)), lake, most_ranges)

    return [landing_sensor]


def _evaluate(
    context: dg.SensorEvaluationContext, folder: LandingFolder, landed: Landed, lake: LakeResource, most_ranges: int
) -> dg.SensorResult | dg.SkipReason:
    cursor = _read_cursor(context)
    snapshots = cache(lambda: mark_files(file for table in SNAPSHOTS for file in folder.snapshot_files(table)))
    found = [_find_pending(context.instance, each, landed, cursor.marks, snapshots) for each in cursor.requests]
    pending = [each for each in found if each is not None]
    taken = {day for each in pending for day in each.days}
    changed = {day for day, mark in landed.complete.items() if cursor.marks.get(day) != mark}

    room = max(most_ranges - sum(each.is_running for each in pending), 0)
    again = [each for each in pending if each.is_due][:room]
    kept = [each for each in pending if each not in again]
    # Failed dates get runs of their own, because they may fail again.
    ranges = [
        span
        for each in again
        for span in _cover(each.days, landed, landed.incomplete, lake, max(room // len(again), 1))
    ]
    new = _cover(changed - taken, landed, landed.incomplete | taken, lake, most_ranges)
    ranges += new[: max(room - len(ranges), 0)]

    requested = {day for each in again for day in each.days} | {day for span in ranges for day in span}
    marks = {day: mark for day, mark in cursor.marks.items() if day not in requested}
    marks |= {day: mark for day, mark in landed.complete.items() if day in requested}
    since = cursor.written or f"{context.last_tick_completion_time or 0:.0f}"
    requests = [
        Request(days, _run_key(since, days, marks), snapshots())
        for span in ranges
        for days in _split(span, landed.complete.keys())
    ]
    summary = _summarize(landed, cursor.marks, changed, changed - requested, kept)
    open_requests = tuple(each.request for each in kept)
    text = LandingCursor(marks, (*open_requests, *requests), datetime.now(UTC).isoformat(timespec="seconds")).text()
    if requests:
        context.log.info(f"Requested: {', '.join(str(request.days) for request in requests)}. {summary}")
        runs = [dg.RunRequest(run_key=request.run_key, tags=range_tags(request.days)) for request in requests]
        return dg.SensorResult(run_requests=runs, cursor=text)
    if open_requests == cursor.requests:
        return dg.SkipReason(summary)
    return dg.SensorResult(skip_reason=summary, cursor=text)


def _list_landing(
    context: dg.SensorEvaluationContext, folder: LandingFolder, partitions: dg.DailyPartitionsDefinition
) -> Landed:
    """List the order dates in landing; log a warning for files and folders that belong to no date."""
    try:
        found = folder.order_dates()
    except LandingError as stray:
        found = folder.order_dates(strict=False)
        folders = ", ".join(folder.stray_folders())
        named = f"These landing folders are no order dates: {folders}." if folders else stray
        context.log.warning(f"{named} The sensor continues with the other dates.")
    first, last = partitions.get_first_partition_key() or "", partitions.get_last_partition_key() or ""
    known = {day: files for day, files in found.items() if first <= str(day) <= last}
    # A date that is no partition yet, such as today, must not enter the cursor. The sensor finds it when it is one.
    tables = {table.name for table in DATED}
    complete = {
        day: mark_files(files)
        for day, files in known.items()
        if {PurePosixPath(file.path).parts[0] for file in files} == tables
    }
    return Landed(complete, known.keys() - complete.keys(), found.keys() - known.keys())


def _read_cursor(context: dg.SensorEvaluationContext) -> LandingCursor:
    try:
        return read_cursor(context.cursor)
    except UnreadableCursorError as error:
        context.log.warning(f"{error} The sensor takes every date in landing as new.")
        return LandingCursor()


def _find_pending(
    instance: dg.DagsterInstance,
    request: Request,
    landed: Landed,
    marks: Mapping[date, str],
    snapshots: Callable[[], str],
) -> Pending | None:
    """Find out what is missing of a requested range; None if all of it is ingested."""
    days = landed.complete.keys() & set(request.days)
    records = instance.get_run_records(dg.RunsFilter(tags={"dagster/run_key": request.run_key}))
    if not records:
        # The sensor was switched off during a tick, before Dagster created the run.
        return Pending(request, days, is_due=True)
    if any(not record.dagster_run.is_finished or _will_retry(record.dagster_run) for record in records):
        return Pending(request, set(request.days), is_running=True)
    if any(record.dagster_run.status is dg.DagsterRunStatus.SUCCESS for record in records):
        return None
    # A run that fails for some dates has ingested the others.
    # It began to read files when it started. A run that never started has only an end.
    starts = [record.start_time or record.end_time or record.create_timestamp.timestamp() for record in records]
    made = _made_since(instance, days, min(starts))
    if days <= made:
        return None
    is_fixed = any(landed.complete.get(day) != marks.get(day) for day in set(request.days) - made)
    return Pending(request, days - made, is_due=is_fixed or snapshots() != request.snapshots)


def _will_retry(run: dg.DagsterRun) -> bool:
    return run.tags.get("dagster/will_retry") == "true" and "dagster/auto_retry_run_id" not in run.tags


def _made_since(instance: dg.DagsterInstance, days: Collection[date], moment: float) -> set[date]:
    """Find the dates ingested after a moment, by any run: the requested one, a re-execution or `cis backfill`."""
    if not days:
        return set()
    # A run makes the checks of a date last, so a date with checks is complete.
    key = asset_key(quality.DATE_CHECKS)
    wanted = dg.AssetRecordsFilter(key, asset_partitions=sorted(map(str, days)), after_timestamp=moment)
    found = instance.fetch_materializations(wanted, limit=1000).records
    return {date.fromisoformat(record.partition_key) for record in found if record.partition_key}


def _cover(due: Collection[date], landed: Landed, barred: Set[date], lake: LakeResource, most: int) -> list[DateRange]:
    """Cover the due dates with ranges. Only closing gaps needs the lake: dates with rows but without files stay out."""
    if len(neighbouring_ranges(due)) > most:
        for table in (bronze.ORDERS, bronze.ORDER_ITEMS):
            barred = barred | (set(lake.row_counts(table)[ORDER_DATE]) - landed.complete.keys())
    return covering_ranges(due, unchanged=landed.complete.keys(), barred=barred, most=most)


def _split(span: DateRange, landed: Set[date]) -> list[DateRange]:
    """Split a range into runs of at most half a year. No run begins or ends with a date without files."""
    runs = [[day for day in chunk if day in landed] for chunk in span.chunks(LONGEST_RUN)]
    return [DateRange(days[0], days[-1]) for days in runs if days]


def _run_key(since: str, days: DateRange, marks: Mapping[date, str]) -> str:
    """Name a run by its change: the same change found twice has one key, a later change back to old files another."""
    digest = hashlib.sha256("".join(marks.get(day, "") for day in days).encode()).hexdigest()[:12]
    return f"landing since {since}: {days}: {digest}"


def _summarize(
    landed: Landed, marks: Mapping[date, str], changed: Set[date], waiting: Set[date], kept: Collection[Pending]
) -> str:
    """Say what the tick found, and why it requests nothing for some dates."""
    remarks = [
        ("Waiting until earlier runs end: {}.", days_in_words(waiting)),
        ("Incomplete, because orders or order_items have no file: {}.", days_in_words(landed.incomplete)),
        ("Outside the order dates of the platform, or not over yet: {}.", days_in_words(landed.outside)),
        (
            "Removed from landing; their tables keep their rows: {}.",
            days_in_words(marks.keys() - landed.complete.keys() - landed.incomplete),
        ),
        *(
            ("Queued or running: {}.", str(each.request.days))
            if each.is_running
            else (
                "Failed: {}; fix a landing file of these dates or a snapshot file, or re-execute the run.",
                days_in_words(each.days),
            )
            for each in kept
        ),
    ]
    found = f"{len(landed.complete)} order dates have landed, {len(changed) or 'none'} of them new or changed."
    return " ".join([found, *(remark.format(days) for remark, days in remarks if days)])

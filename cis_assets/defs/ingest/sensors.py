"""The landing sensor: new or changed order dates lead to runs for these dates.

A tick lists each dated table of landing once and compares a mark per date (names, sizes and ETags of its files) with the
cursor. Belongs here: which dates are due and what is asked for. Does not belong here: how dates become ranges
(`range_runs.py`) and what the cursor looks like (`landing_cursor.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum
from functools import cache
from pathlib import PurePosixPath

import dagster as dg

from cis_assets.catalog import ORDER_DATE, bronze, quality
from cis_assets.dates import DateRange, days_in_words, neighbouring_ranges
from cis_assets.defs.ingest.jobs import ingest
from cis_assets.defs.ingest.landing_cursor import LandingCursor, Request, UnreadableCursorError, mark_of, read_cursor
from cis_assets.defs.ingest.range_runs import MOST_RANGES, covering_ranges
from cis_assets.defs.partitions import order_dates
from cis_assets.defs.resources import LakeResource, LandingResource
from cis_assets.defs.tables import asset_key
from cis_assets.landing.contract import DATED, SNAPSHOTS
from cis_assets.landing.folder import LandingError, LandingFile, LandingFolder
from cis_assets.settings import Settings

# Half a year: a whole history is a handful of runs, the first is under way while Dagster notes down the partitions of
# the next, and a file that stops one leaves the others alone.
LONGEST_RUN = 183


@dataclass(frozen=True)
class Landed:
    """What lies in landing: a mark for each order date that is whole, dates still arriving, dates that are none of ours."""

    whole: Mapping[date, str]
    arriving: Set[date]
    outside: Set[date]


class Fate(Enum):
    """What became of a range that was asked for."""

    UNDER_WAY = "queued or running"
    DONE = "made, by its run or by any later one"
    FAILED = "not all made, and nothing that the others need has changed since"
    DUE = "not all made, and something that the others need has changed; or its run was never created"


@dataclass(frozen=True)
class Standing:
    """What became of a range, and those of its dates that are still to be made."""

    fate: Fate
    days: Set[date]


def build_sensors(settings: Settings) -> list[dg.SensorDefinition]:
    @dg.sensor(
        job=ingest,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Runs the ingest job for order dates whose landing files are new or changed, in a handful of range runs.",
    )
    def landing_sensor(
        context: dg.SensorEvaluationContext, landing: LandingResource, lake: LakeResource
    ) -> dg.SensorResult | dg.SkipReason:
        return _evaluate(context, landing, lake, order_dates(settings))

    return [landing_sensor]


def _evaluate(
    context: dg.SensorEvaluationContext,
    landing: LandingResource,
    lake: LakeResource,
    partitions: dg.DailyPartitionsDefinition,
) -> dg.SensorResult | dg.SkipReason:
    folder = landing.folder()
    landed = _look(context, folder, partitions)
    cursor = _cursor_of(context)
    snapshots = cache(lambda: _snapshots_mark(folder))
    standings = {
        request: _standing(context.instance, request, landed, cursor.marks, snapshots) for request in cursor.requests
    }
    open_requests = [request for request in cursor.requests if standings[request].fate is not Fate.DONE]
    taken = {day for request in open_requests for day in standings[request].days}
    changed = {day for day, mark in landed.whole.items() if cursor.marks.get(day) != mark}

    room = MOST_RANGES - sum(standing.fate is Fate.UNDER_WAY for standing in standings.values())
    again = [request for request in open_requests if standings[request].fate is Fate.DUE][: max(room, 0)]
    # In runs of their own: should they fail once more, they stop no other date.
    ranges = [
        span
        for request in again
        for span in _cover(standings[request].days, landed, landed.arriving, lake, most=max(room // len(again), 1))
    ]
    new = _cover(changed - taken, landed, landed.arriving | taken, lake, most=MOST_RANGES)
    ranges += new[: max(room - len(ranges), 0)]

    asked = {day for request in again for day in standings[request].days} | {day for span in ranges for day in span}
    marks = {day: mark for day, mark in cursor.marks.items() if day not in asked}
    marks |= {day: mark for day, mark in landed.whole.items() if day in asked}
    since = cursor.written or f"{context.last_tick_completion_time or 0:.0f}"
    requests = [
        Request(days, _run_key(since, days, marks), snapshots()) for span in ranges for days in _runs(span, landed)
    ]
    kept = tuple(request for request in open_requests if request not in again)
    said = _reason(landed, cursor.marks, changed, changed - asked, [(request, standings[request]) for request in kept])
    text = LandingCursor(marks, (*kept, *requests), datetime.now(UTC).isoformat(timespec="seconds")).text()
    if requests:
        context.log.info(f"Asking for {', '.join(str(request.days) for request in requests)}. {said}")
        return dg.SensorResult(run_requests=[_run(request) for request in requests], cursor=text)
    return dg.SkipReason(said) if kept == cursor.requests else dg.SensorResult(skip_reason=said, cursor=text)


def _look(
    context: dg.SensorEvaluationContext, folder: LandingFolder, partitions: dg.DailyPartitionsDefinition
) -> Landed:
    """What has landed, by one listing of each dated table; what is no date is named in the log."""
    try:
        found = folder.order_dates()
    except LandingError as stray:
        found = folder.order_dates(strict=False)
        folders = ", ".join(folder.stray_folders())
        named = f"Landing folders that are no order dates: {folders}." if folders else stray
        context.log.warning(f"{named} The others are run all the same.")
    first, last = partitions.get_first_partition_key(), partitions.get_last_partition_key()
    ours = {
        day: files
        for day, files in found.items()
        if first and last and date.fromisoformat(first) <= day <= date.fromisoformat(last)
    }
    # Dates that are no partition yet, such as today, must not enter the cursor: they are to be found when they become one.
    whole = {day: mark_of(files) for day, files in ours.items() if is_whole(files)}
    return Landed(whole, ours.keys() - whole.keys(), found.keys() - ours.keys())


def is_whole(files: Iterable[LandingFile]) -> bool:
    """Whether a date has files of every dated table; one that is still arriving is left for a later tick."""
    return {PurePosixPath(file.path).parts[0] for file in files} == {table.name for table in DATED}


def _cursor_of(context: dg.SensorEvaluationContext) -> LandingCursor:
    try:
        return read_cursor(context.cursor)
    except UnreadableCursorError as error:
        context.log.warning(f"{error} Every date that has landed is taken for new.")
        return LandingCursor()


def _standing(
    instance: dg.DagsterInstance,
    request: Request,
    landed: Landed,
    marks: Mapping[date, str],
    snapshots: Callable[[], str],
) -> Standing:
    days = landed.whole.keys() & set(request.days)
    records = instance.get_run_records(dg.RunsFilter(tags={"dagster/run_key": request.run_key}))
    if not records:
        # Nobody created it: the sensor was switched off in the middle of a tick.
        return Standing(Fate.DUE, days)
    if any(not record.dagster_run.is_finished or _will_retry(record.dagster_run) for record in records):
        return Standing(Fate.UNDER_WAY, set(request.days))
    if any(record.dagster_run.status is dg.DagsterRunStatus.SUCCESS for record in records):
        return Standing(Fate.DONE, set())
    # A run that fails for some of its dates has made the others.
    made = _made_since(instance, days, min(_begun(record) for record in records))
    left = days - made
    if not left:
        return Standing(Fate.DONE, set())
    mended = any(landed.whole.get(day) != marks.get(day) for day in set(request.days) - made)
    return Standing(Fate.DUE if mended or snapshots() != request.snapshots else Fate.FAILED, left)


def _begun(record: dg.RunRecord) -> float:
    """When a run began to read files; of one that ended before it started, when it ended."""
    return record.start_time or record.end_time or record.create_timestamp.timestamp()


def _will_retry(run: dg.DagsterRun) -> bool:
    return run.tags.get("dagster/will_retry") == "true" and "dagster/auto_retry_run_id" not in run.tags


def _made_since(instance: dg.DagsterInstance, days: Collection[date], moment: float) -> set[date]:
    """Those of these dates that were made after that moment, by a run itself, its re-execution or `cis backfill`."""
    if not days:
        return set()
    # The checks of a date are made last, so with them all of it was.
    key = asset_key(quality.DATE_CHECKS)
    wanted = dg.AssetRecordsFilter(key, asset_partitions=sorted(map(str, days)), after_timestamp=moment)
    found = instance.fetch_materializations(wanted, limit=1000).records
    return {date.fromisoformat(record.partition_key) for record in found if record.partition_key}


def _cover(
    due: Collection[date], landed: Landed, in_the_way: Set[date], lake: LakeResource, *, most: int
) -> list[DateRange]:
    """Ranges that cover the due dates; the lake is looked at only if gaps between them must be closed."""
    if len(neighbouring_ranges(due)) > most:
        in_the_way = in_the_way | (_stored_days(lake) - landed.whole.keys())
    return covering_ranges(due, unchanged=landed.whole.keys(), barred=in_the_way, most=most)


def _stored_days(lake: LakeResource) -> set[date]:
    """The order dates of which bronze holds rows."""
    return {day for table in (bronze.ORDERS, bronze.ORDER_ITEMS) for day in lake.row_counts(table)[ORDER_DATE]}


def _runs(span: DateRange, landed: Landed) -> Iterator[DateRange]:
    """A range in parts of at most half a year, without days at their ends that have no files."""
    for part in span.chunks(LONGEST_RUN):
        days = [day for day in part if day in landed.whole]
        if days:
            yield DateRange(days[0], days[-1])


def _snapshots_mark(folder: LandingFolder) -> str:
    return mark_of(file for table in SNAPSHOTS for file in folder.snapshot_files(table))


def _run_key(since: str, days: DateRange, marks: Mapping[date, str]) -> str:
    """The same for the same change found again, and another for a later change back to the same files."""
    digest = hashlib.sha256("".join(marks.get(day, "") for day in days).encode()).hexdigest()[:12]
    return f"landing since {since}: {days}: {digest}"


def _run(request: Request) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=request.run_key,
        tags={
            "dagster/asset_partition_range_start": str(request.days.first),
            "dagster/asset_partition_range_end": str(request.days.last),
        },
    )


def _reason(
    landed: Landed,
    marks: Mapping[date, str],
    changed: Set[date],
    waiting: Set[date],
    requests: Iterable[tuple[Request, Standing]],
) -> str:
    """What the tick found and left, in sentences."""
    found = f"{len(landed.whole)} order dates have landed, {len(changed) or 'none'} of them new or changed."
    return " ".join([found, *_left(landed, marks, waiting, requests)])


def _left(
    landed: Landed, marks: Mapping[date, str], waiting: Set[date], requests: Iterable[tuple[Request, Standing]]
) -> Iterator[str]:
    if waiting:
        yield f"To be asked for when earlier runs have ended: {days_in_words(waiting)}."
    if landed.arriving:
        yield f"Not whole, as orders or order lines have no file: {days_in_words(landed.arriving)}."
    if landed.outside:
        yield f"Not (yet) among the platform's order dates: {days_in_words(landed.outside)}."
    gone = marks.keys() - landed.whole.keys() - landed.arriving
    if gone:
        yield f"Gone from landing, while their tables stay as they are: {days_in_words(gone)}."
    for request, standing in requests:
        if standing.fate is Fate.UNDER_WAY:
            yield f"Queued or running: {request.days}."
        else:
            yield f"Failed: {days_in_words(standing.days)}; mend a landing file of it or a snapshot, or re-execute its run."

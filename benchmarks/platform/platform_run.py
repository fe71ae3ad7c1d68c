"""A run of this platform as `cis backfill` starts it, with the step times of Dagster's event log.

The settings are environment variables that are set before the platform is imported.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from benchmarks.platform.workload import Workload

if TYPE_CHECKING:
    from dagster._core.events.log import EventLogEntry

FEATURES_AND_SEGMENTS = " or ".join(
    f'key:"gold/{table}"'
    for table in ("customer_features", "customer_habits", "segment_candidates", "segment_model", "customer_segments")
)
STARTING, ORCHESTRATION = "start and imports", "orchestration"


@dataclass
class RunTimes:
    """Seconds of a run: in all, of each step without its notes, before the run, and of Dagster in between."""

    seconds: float
    cpu_seconds: float = 0.0
    steps: dict[str, float] = field(default_factory=dict)
    starting: float = 0.0
    orchestration: float = 0.0


def run_platform(
    workload: Workload, lake: str, home: str, began: float, selection: str | None, days: tuple[date, date]
) -> RunTimes:
    """Materialize a selection (None: bronze, silver and the checks of dates) for a range in one run.

    `began` is the moment the process was started, so that the interpreter and all imports are counted.
    """
    os.environ |= {
        "CIS_LAKE_URI": lake,
        "CIS_LANDING_URI": workload.landing,
        "CIS_FIRST_ORDER_DATE": str(workload.first),
        "DAGSTER_HOME": home,
    }
    from cis_assets.cli.instance import dagster_instance
    from cis_assets.cli.runs import run_assets
    from cis_assets.dates import DateRange
    from cis_assets.defs.jobs import INGEST
    from cis_assets.settings import read_settings

    run_id = run_assets(read_settings(), selection or INGEST, DateRange(*days))
    ended, cpu_seconds = time.time(), time.process_time()
    with dagster_instance() as instance:
        times = _times(instance.all_logs(run_id))
    times.starting -= began
    times.seconds, times.cpu_seconds = ended - began, cpu_seconds
    times.orchestration = times.seconds - times.starting - sum(times.steps.values())
    return times


def _times(entries: Iterable[EventLogEntry]) -> RunTimes:
    """Steps from start to success, less the time in which the dates of their outputs are noted down."""
    from dagster import DagsterEventType as Kind

    times = RunTimes(0.0)
    started = noting = 0.0
    for entry in entries:
        kind = entry.dagster_event_type
        times.starting = times.starting or entry.timestamp
        if kind is Kind.STEP_START:
            started, noting = entry.timestamp, 0.0
            times.steps[str(entry.step_key)] = 0.0
        elif kind is Kind.ASSET_MATERIALIZATION:
            noting = noting or entry.timestamp
        elif noting and kind is not Kind.ASSET_MATERIALIZATION_PLANNED and entry.step_key:
            started, noting = started + entry.timestamp - noting, 0.0
        if kind is Kind.STEP_SUCCESS:
            times.steps[str(entry.step_key)] = entry.timestamp - started
    return times

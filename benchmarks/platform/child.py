"""The measured process: runs one task, given as JSON in its first argument, and prints its result as JSON.

Its time counts from `began`, the start of the process, so imports are included. A task imports its own libraries.
"""

from __future__ import annotations

import resource
import signal
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from typing import Any

from benchmarks.platform.workload import Workload
from benchmarks.processes import answer, carry_out, peak_memory


def prepare(workload: Workload, **_: Any) -> None:
    """Make the landing files."""
    from cis_assets.sources.landing_writer import land
    from cis_assets.sources.sample import SampleOptions, SampleSource

    land(
        SampleSource(SampleOptions(customers=workload.customers, days=workload.days, end=workload.last)),
        workload.landing,
    )
    answer()


def platform(
    workload: Workload, began: float, lake: str, home: str, days: list[str], selection: str | None = None
) -> None:
    """One run of this platform."""
    from benchmarks.platform.platform_run import run_platform

    first, last = (date.fromisoformat(day) for day in days)
    times = run_platform(workload, lake, home, began, selection, (first, last))
    answer(times=asdict(times), peak=peak_memory())


def script(
    workload: Workload, began: float, contender: str, lake: str, limit_seconds: int, limit_bytes: int, **options: Any
) -> None:
    """A script; it is ended when it takes longer, and fails when it takes more memory, than it may."""
    from benchmarks.platform.contenders import load_script
    from benchmarks.platform.stages import Stages

    signal.alarm(limit_seconds)
    resource.setrlimit(resource.RLIMIT_DATA, (limit_bytes, limit_bytes))
    stages = Stages()
    load_script(contender, workload, lake, **options).run(stages)
    answer(
        seconds=time.time() - began,
        cpu_seconds=time.process_time(),
        stages=stages.seconds,
        peak=peak_memory() + stages.further_peak,
    )


def cut(workload: Workload, source: str, target: str, homes: list[str], days: int, **_: Any) -> None:
    """A lake with a shorter history."""
    from benchmarks.platform.history import cut_history

    cut_history(workload, source, target, (homes[0], homes[1]), days)
    answer()


def invent(workload: Workload, source: str, target: str, customers: int, **_: Any) -> None:
    """Features of many customers."""
    from benchmarks.platform.many_customers import invent as invent_features

    invent_features(workload, source, target, customers)
    answer()


def compare(workload: Workload, lakes: dict[str, str], **_: Any) -> None:
    """Fail unless the lakes hold the same."""
    from benchmarks.platform.equality import refuse_other_results

    answer(customers=refuse_other_results(lakes))


TASKS: dict[str, Callable[..., None]] = {
    task.__name__: task for task in (prepare, platform, script, cut, invent, compare)
}


if __name__ == "__main__":
    carry_out(TASKS, Workload)

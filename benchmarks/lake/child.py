"""The measured process: runs one task, given as JSON in its first argument, and prints its result as JSON.

The libraries of a contender are imported before the measurement begins, and no others.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from typing import Any

from benchmarks.lake.workload import Workload, table_uri
from benchmarks.processes import answer, measured


def prepare(workload: Workload) -> None:
    """Make the order lines."""
    from benchmarks.lake.order_lines import prepare as prepare_lines

    prepare_lines(workload)
    answer()


def check(workload: Workload, lake: str, days: list[date]) -> None:
    """Fail unless the table holds exactly the lines of `days`; answer with its files and bytes."""
    import polars as pl
    from deltalake import DeltaTable

    from benchmarks.lake.order_lines import refuse_other_lines

    stored = DeltaTable(table_uri(lake))
    refuse_other_lines(workload, pl.scan_delta(stored), days)
    files = pl.DataFrame(stored.get_add_actions())
    answer(files=files.height, bytes=files["size_bytes"].sum())


def write_at_once(workload: Workload, contender: str, lake: str, days: list[date]) -> None:
    """Write the days together."""
    from benchmarks.lake.contender import load_contender

    writer = load_contender(contender, workload, lake)
    with measured() as figures:
        writer.write_at_once(days)
    answer(figures=figures)


def write_days(workload: Workload, contender: str, lake: str, days: list[date]) -> None:
    """Write day after day; `each` are the times of every day."""
    from benchmarks.lake.contender import load_contender

    writer = load_contender(contender, workload, lake)
    with measured() as figures:
        each = [_times(lambda day=day: writer.write_day(day)) for day in days]
    answer(figures=figures, each=each)


def read(workload: Workload, contender: str, lake: str, days: list[date], times: int) -> None:
    """Read the same days `times` times; `each` are the times of every read."""
    from benchmarks.lake.contender import load_contender

    reader = load_contender(contender, workload, lake)
    seen = []
    with measured() as figures:
        each = [_times(lambda: seen.append(reader.read(days))) for _ in range(times)]
    answer(figures=figures, each=each, totals=asdict(seen[-1]))


def run_nothing(workload: Workload, times: int) -> None:
    """Run an asset without inputs and outputs: what Dagster itself takes."""
    import dagster as dg

    from benchmarks.lake.dagster_runs import run_nothing as run

    instance = dg.DagsterInstance.ephemeral()
    with measured() as figures:
        each = [_times(lambda: run(instance)) for _ in range(times)]
    answer(figures=figures, each=each)


TASKS: dict[str, Callable[..., None]] = {
    task.__name__: task for task in (prepare, check, write_at_once, write_days, read, run_nothing)
}


def _times(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock and of the processors."""
    started, cpu_started = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - started, time.process_time() - cpu_started


def main() -> None:
    task: dict[str, Any] = json.loads(sys.argv[1])
    name = task.pop("task")
    workload = Workload(**task.pop("workload"))
    if "days" in task:
        task["days"] = [date.fromisoformat(day) for day in task["days"]]
    TASKS[name](workload, **task)


if __name__ == "__main__":
    main()

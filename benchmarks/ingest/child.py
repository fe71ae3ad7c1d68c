"""The measured process: does one task, given as JSON in its first argument, and answers in JSON.

What a contender needs is imported, and its snapshots are made, before its figures begin.
"""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.ingest.workload import COMPARED, PARTITION_COLUMN, Workload, table_uri
from benchmarks.processes import BenchmarkError, answer, carry_out, measured


def prepare(workload: Workload) -> None:
    """Make the landing files."""
    from benchmarks.ingest.landing_files import prepare as prepare_files

    prepare_files(workload)
    answer()


def script(workload: Workload, contender: str, with_rules: bool) -> None:
    """The script written by hand."""
    from benchmarks.ingest.script import ingest

    with measured() as figures:
        ingest(workload, workload.lake(contender), with_rules=with_rules)
    answer(figures=figures)


def platform(workload: Workload, contender: str, by_dagster: bool) -> None:
    """This platform, run by Dagster or without it."""
    from benchmarks.ingest.platform_assets import Platform

    ready = Platform(workload, workload.lake(contender), workload.home(contender))
    with measured() as figures:
        if by_dagster:
            ready.materialize()
        else:
            ready.call()
    answer(figures=figures)


def compare(workload: Workload, lakes: list[str]) -> None:
    """Fail unless the lakes hold the same rows of all dates, and every line that landed."""
    import polars as pl
    from polars.testing import assert_frame_equal

    for path in COMPARED:
        expected, *others = (pl.scan_delta(table_uri(lake, path)) for lake in lakes)
        columns = sorted(expected.collect_schema())
        rows = expected.select(columns).sort(pl.all()).collect()
        for other in others:
            assert_frame_equal(other.select(columns).sort(pl.all()).collect(), rows, check_exact=False)
        dates = rows.group_by(PARTITION_COLUMN).len()
        lines = {workload.rows} if path.endswith("order_items") else set(dates["len"])
        if dates.height != workload.days or set(dates["len"]) != lines:
            raise BenchmarkError(f"{path} does not hold all rows that landed.")
    answer()


TASKS: dict[str, Callable[..., None]] = {task.__name__: task for task in (prepare, script, platform, compare)}


if __name__ == "__main__":
    carry_out(TASKS, Workload)

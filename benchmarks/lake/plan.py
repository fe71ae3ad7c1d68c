"""The sequence of measurements: each table is written, verified, read, appended to, and deleted.

The figures of a writer count only if its table has exactly the given rows.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from benchmarks.lake.workload import Workload
from benchmarks.processes import BenchmarkError, ChildFailedError, Figures, run_in_child

OURS, STOCK, PLAIN = "ours", "stock", "plain"
CONTENDERS = (OURS, STOCK, PLAIN)
PARTS = ("range", "days", "single")

# The first single days and reads of a process load libraries; they are not counted.
WARM_UPS = 3
SINGLE_DAYS = 20
READS = 5
READ_WINDOWS = (1, 30)
# In rounds and in turns, so that a machine that slows down slows down both.
ROUNDS = ((OURS, STOCK), (STOCK, OURS))

AT_ONCE, DAY_BY_DAY = "write at once", "write day by day"
AGAIN = "write at once, again"
YOUNG, FULL = "one more day, young table", "one more day, full table"
NOTHING = "Dagster run of an asset that does nothing"


@dataclass
class Measurement:
    """What a contender took for a task.

    If the task is one of many in its process, `each` holds the time and the processor time of every one of them.
    """

    task: str
    contender: str
    figures: Figures | None = None
    each: list[tuple[float, float]] = field(default_factory=list)
    rows: int | None = None
    expected_rows: int | None = None
    fault: str | None = None


class Plan:
    """One pass over all measurements that are wanted."""

    def __init__(
        self, workload: Workload, contenders: Collection[str], parts: Collection[str], say: Callable[[str], None]
    ) -> None:
        self._workload = workload
        self._contenders = contenders
        self._parts = parts
        self._say = say
        self.measurements: list[Measurement] = []

    def prepare(self) -> None:
        self._say("making order lines")
        self._child("prepare")

    def run(self) -> list[Measurement]:
        self.measurements = []
        if "range" in self._parts:
            self._at_once()
        if "days" in self._parts:
            self._day_by_day()
        if "single" in self._parts:
            self._young_table()
        return self.measurements

    def _at_once(self) -> None:
        days = self._workload.table_days()
        for contender in self._wanted(CONTENDERS):
            lake = self._new_lake(f"{contender}-at-once")
            self._write("write_at_once", AT_ONCE, contender, lake, days)
            self._check(lake, days)
            if contender == STOCK:
                self._write("write_at_once", AGAIN, contender, lake, days, may_fail=True)
            if contender == OURS:
                self._read(contender, lake, "written at once")
            shutil.rmtree(lake)

    def _day_by_day(self) -> None:
        days = self._workload.table_days()
        lakes = {contender: self._new_lake(f"{contender}-days") for contender in self._wanted(CONTENDERS)}
        for contender, lake in lakes.items():
            self._write("write_days", DAY_BY_DAY, contender, lake, days)
            self._check(lake, days)
            self._read(contender, lake, "written day by day")
        further = self._workload.further_days()
        per_round = WARM_UPS + SINGLE_DAYS
        for number, turn in enumerate(ROUNDS):
            added = further[number * per_round : (number + 1) * per_round]
            for contender in self._wanted(turn):
                self._write("write_days", FULL, contender, lakes[contender], added, counted_from=WARM_UPS)
        for contender in self._wanted((OURS, STOCK)):
            self._check(lakes[contender], days + further)
        for lake in lakes.values():
            shutil.rmtree(lake)

    def _young_table(self) -> None:
        days = self._workload.all_days()[: WARM_UPS + SINGLE_DAYS]
        for turn in ROUNDS:
            for contender in self._wanted(turn):
                lake = self._new_lake(f"{contender}-young")
                self._write("write_days", YOUNG, contender, lake, days, counted_from=WARM_UPS)
                self._check(lake, days)
                shutil.rmtree(lake)
        self._say(NOTHING)
        answer = self._child("run_nothing", times=WARM_UPS + SINGLE_DAYS)
        self._add(Measurement(NOTHING, "", Figures(**answer["figures"]), answer["each"][WARM_UPS:]))

    def _write(
        self,
        task: str,
        label: str,
        contender: str,
        lake: str,
        days: Sequence[date],
        *,
        counted_from: int | None = None,
        may_fail: bool = False,
    ) -> None:
        """Write `days`; with `counted_from`, the figure is that of one day, from that day on."""
        self._say(f"{contender}: {label}")
        measurement = Measurement(label, contender)
        try:
            answer = self._child(task, contender=contender, lake=lake, days=days)
        except ChildFailedError as error:
            if not may_fail:
                raise
            measurement.fault = str(error)
        else:
            measurement.figures = Figures(**answer["figures"])
            measurement.each = [] if counted_from is None else answer["each"][counted_from:]
            written = 1 if measurement.each else len(days)
            measurement.rows = measurement.expected_rows = written * self._workload.rows
        self._add(measurement)

    def _read(self, contender: str, lake: str, written: str) -> None:
        """Read windows that end with the table's last day; only the stock reader may get other rows than were asked for."""
        days = self._workload.table_days()
        for window in sorted({*READ_WINDOWS, len(days)} & set(range(len(days) + 1))):
            label = f"read {window} {'day' if window == 1 else 'days'} of a table {written}"
            self._say(f"{contender}: {label}")
            answer = self._child("read", contender=contender, lake=lake, days=days[-window:], times=WARM_UPS + READS)
            expected = window * self._workload.rows
            rows = answer["totals"]["rows"]
            if rows != expected and contender != STOCK:
                raise BenchmarkError(f"{contender} read {rows} rows where {expected} were asked for.")
            figures = Figures(**answer["figures"])
            self._add(Measurement(label, contender, figures, answer["each"][WARM_UPS:], rows, expected))

    def _check(self, lake: str, days: Sequence[date]) -> None:
        self._child("check", lake=lake, days=days)

    def _child(self, task: str, **arguments: Any) -> dict[str, Any]:
        if "days" in arguments:
            arguments["days"] = [day.isoformat() for day in arguments["days"]]
        return run_in_child("benchmarks.lake.child", {"task": task, "workload": self._workload.as_dict(), **arguments})

    def _wanted(self, contenders: Sequence[str]) -> list[str]:
        return [contender for contender in contenders if contender in self._contenders]

    def _new_lake(self, name: str) -> str:
        lake = self._workload.lake(name)
        shutil.rmtree(lake, ignore_errors=True)
        return lake

    def _add(self, measurement: Measurement) -> None:
        self.measurements.append(measurement)


def further_days_needed() -> int:
    """Days that the rounds on the full table add to it."""
    return len(ROUNDS) * (WARM_UPS + SINGLE_DAYS)

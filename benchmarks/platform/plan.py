"""The sequence of measurements, each in its own process."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.platform.contenders import PLATFORM, PYSPARK
from benchmarks.platform.platform_run import FEATURES_AND_SEGMENTS, ORCHESTRATION, STARTING
from benchmarks.platform.workload import Workload
from benchmarks.processes import ChildFailedError, run_in_child
from cis_assets.defs.jobs import PREDICTION_MODELS, SNAPSHOT

BACKFILL, DAYS, SIZES, SEGMENTS, PREDICTIONS = "backfill", "days", "sizes", "segments", "predictions"
PARTS = (BACKFILL, DAYS, SIZES, SEGMENTS, PREDICTIONS)
DATE_CHECKS, OTHER = "date checks", "other gold and checks"
# Read and written by every contender, or none but the platform, in the order in which they are shown.
PLATFORM_STAGES = (
    "bronze",
    "silver",
    DATE_CHECKS,
    "features",
    "segments",
    "predictions",
    OTHER,
    ORCHESTRATION,
    STARTING,
)
HISTORIES = (30, 365, 731)
_DIVISORS = (4, 2, 1)
_GIB = 1024**3
_STAGE_OF_STEP = {
    "bronze_": "bronze",
    "silver_": "silver",
    "quality__": DATE_CHECKS,
    "gold__customer_features_": OTHER,
    "gold__customer_features": "features",
    "gold__customer_habits": "segments",
    "train_segment_model": "segments",
    "gold__customer_segments": "segments",
    "gold__next_order": "predictions",
    "gold__product_recommendations": "predictions",
}


@dataclass
class Measured:
    """What one process, or several one after another, took; `fault` says why there are no figures."""

    name: str
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak: int = 0
    stages: dict[str, float] = field(default_factory=dict)
    steps: dict[str, float] = field(default_factory=dict)
    fault: str | None = None

    def __add__(self, other: Measured) -> Measured:
        stages = {name: self.stages.get(name, 0.0) + other.stages.get(name, 0.0) for name in self.stages | other.stages}
        steps = self.steps | other.steps
        return Measured(
            self.name,
            self.seconds + other.seconds,
            self.cpu_seconds + other.cpu_seconds,
            max(self.peak, other.peak),
            stages,
            steps,
        )


@dataclass(frozen=True)
class Limits:
    """How long a script may run, and how much memory it may take, before it is given up."""

    seconds: int
    gibibytes: float


@dataclass(frozen=True)
class Benchmark:
    workload: Workload
    limits: Limits
    scripts: Sequence[str]
    repeat: int
    many_customers: int
    say: Callable[[str], None]

    def backfill(self) -> list[list[Measured]]:
        """All contenders from landing to segments; per pass, the platform's ingest, its gold, then the scripts."""
        self._prepare(self.workload)
        passes = []
        for _ in range(self.repeat):
            measured = [*self.backfill_of(self.workload), *(self._script(name) for name in self.scripts)]
            lakes = {one.name: self.workload.lake(one.name) for one in measured if not one.fault}
            self.say("comparing the results")
            self._child(self.workload, "compare", lakes=lakes)
            passes.append(measured)
        return passes

    def make_lake(self) -> None:
        """The platform's lake, for what is measured on top of it; one that is there already is taken."""
        if not Path(self.workload.lake(PLATFORM)).exists():
            self._prepare(self.workload)
            self.backfill_of(self.workload)

    def backfill_of(self, workload: Workload) -> tuple[Measured, Measured]:
        """The platform's two runs: bronze and silver of all dates, then features and segments of the last."""
        shutil.rmtree(workload.lake(PLATFORM), ignore_errors=True)
        shutil.rmtree(workload.home(PLATFORM), ignore_errors=True)
        return (
            self._platform(workload, PLATFORM, workload.days, None),
            self._platform(workload, PLATFORM, 1, FEATURES_AND_SEGMENTS),
        )

    def days(self) -> Iterator[tuple[int, list[Measured]]]:
        """One more day, bronze to messages, onto shorter and longer histories; with the runs of each pass added up."""
        for days in sorted({min(days, self.workload.days - 1) for days in HISTORIES}):
            runs = []
            for _ in range(self.repeat):
                name = f"{days}-days"
                self._child(
                    self.workload,
                    "cut",
                    source=self.workload.lake(PLATFORM),
                    target=self.workload.lake(name),
                    homes=[self.workload.home(PLATFORM), self.workload.home(name)],
                    days=days,
                )
                ingest = self._platform(self.workload, name, 1, None)
                runs.append(ingest + self._platform(self.workload, name, 1, SNAPSHOT))
            yield days, runs

    def sizes(self, whole: Measured | None) -> Iterator[tuple[int, Measured]]:
        """The platform's backfill of a quarter, a half and all of the customers (`whole`, if that is measured)."""
        for divisor in _DIVISORS:
            workload = self.workload.share(divisor)
            if divisor == 1 and whole:
                yield workload.customers, whole
                continue
            self._prepare(workload)
            ingest, gold = self.backfill_of(workload)
            yield workload.customers, ingest + gold

    def segments(self) -> tuple[Measured, Measured]:
        """The segment model trained on many customers, and applied to them."""
        name = "many-customers"
        self.say(f"inventing features of {self.many_customers:,} customers")
        shutil.rmtree(self.workload.lake(name), ignore_errors=True)
        self._child(
            self.workload,
            "invent",
            source=self.workload.lake(PLATFORM),
            target=self.workload.lake(name),
            customers=self.many_customers,
        )
        fit, applied = (
            self._platform(self.workload, name, 1, f'key:"gold/{table}"')
            for table in ("segment_model", "customer_segments")
        )
        return fit, applied

    def predictions(self) -> tuple[Measured, ...]:
        """The training of predictions with its evaluation, the scoring of all customers, and the whole gold of a day."""
        scoring = " or ".join(f'key:"gold/{table}"' for table in ("next_order", "product_recommendations"))
        return tuple(
            self._platform(self.workload, PLATFORM, 1, selection)
            for selection in (PREDICTION_MODELS, scoring, SNAPSHOT)
        )

    def _prepare(self, workload: Workload) -> None:
        if not workload.landed:
            self.say(f"landing {workload.customers:,} customers, {workload.days} dates")
            self._child(workload, "prepare")

    def _platform(self, workload: Workload, lake: str, days: int, selection: str | None) -> Measured:
        self.say(f"platform: {selection or 'bronze, silver, checks of dates'} of {days} dates ({lake})")
        first = workload.first if days == workload.days else workload.last
        answer = self._child(
            workload,
            "platform",
            lake=workload.lake(lake),
            home=workload.home(lake),
            days=[str(first), str(workload.last)],
            selection=selection,
        )
        times = answer["times"]
        stages = {ORCHESTRATION: times["orchestration"], STARTING: times["starting"]}
        for step, seconds in times["steps"].items():
            stages[stage_of(step)] = stages.get(stage_of(step), 0.0) + seconds
        return Measured(PLATFORM, times["seconds"], times["cpu_seconds"], answer["peak"], stages, times["steps"])

    def _script(self, name: str) -> Measured:
        self.say(name)
        lake = self.workload.lake(name)
        shutil.rmtree(lake, ignore_errors=True)
        options = {"silver": self.workload.lake(PLATFORM)} if name == PYSPARK else {}
        try:
            answer = self._child(
                self.workload,
                "script",
                contender=name,
                lake=lake,
                limit_seconds=self.limits.seconds,
                limit_bytes=int(self.limits.gibibytes * _GIB),
                **options,
            )
        except ChildFailedError as error:
            limits = f"it may take {self.limits.seconds // 60} minutes and {self.limits.gibibytes:g} GiB"
            return Measured(name, fault=f"{error} ({limits})")
        return Measured(name, answer["seconds"], answer["cpu_seconds"], answer["peak"], answer["stages"])

    def _child(self, workload: Workload, task: str, **arguments: object) -> dict[str, Any]:
        return run_in_child(
            "benchmarks.platform.child",
            {"task": task, "workload": workload.as_dict(), "began": time.time(), **arguments},
        )


def stage_of(step: str) -> str:
    """The stage that a step of the platform belongs to: the longest beginning of its name that is known."""
    known = [start for start in _STAGE_OF_STEP if step.startswith(start)]
    return _STAGE_OF_STEP[max(known, key=len)] if known else OTHER

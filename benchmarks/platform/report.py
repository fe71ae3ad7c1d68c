"""The figures as tables for people and as plain values for programs, with the targets they are compared with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from benchmarks.platform.contenders import DUCKDB, PANDAS, PLATFORM, PYSPARK
from benchmarks.platform.plan import DATE_CHECKS, PLATFORM_STAGES, Measured
from benchmarks.platform.platform_run import ORCHESTRATION, STARTING
from benchmarks.platform.workload import Workload
from benchmarks.surroundings import surroundings

NAMES = {
    PLATFORM: "this platform, run by Dagster",
    DUCKDB: "DuckDB script",
    PANDAS: "pandas notebook",
    PYSPARK: "PySpark local, gold only",
}
_PACKAGES = ("dagster", "deltalake", "polars", "duckdb", "pandas", "pyspark", "scikit-learn")
_INGEST_AIM, _FEATURES_AIM, _PANDAS_AIM = 1.0, 0.8, 8.0
_ORCHESTRATION_AIM = 0.10
_BACKFILL_GIB_AIM, _DAILY_GIB_AIM, _DAILY_SECONDS_AIM = 4.0, 1.5, 60.0
_PREDICTIONS = ("training with evaluation", "scoring of all customers", "the whole gold of a day")
_GIB, _MIB = 1024**3, 1024**2


@dataclass
class Results:
    """What was measured: contenders, one more day by days of history, sizes by customers, segments at size, predictions."""

    contenders: list[Measured] = field(default_factory=list)
    ingest: Measured | None = None
    days: dict[int, Measured] = field(default_factory=dict)
    sizes: dict[int, Measured] = field(default_factory=dict)
    segments: tuple[Measured, Measured] | None = None
    many_customers: int = 0
    predictions: tuple[Measured, ...] = ()


@dataclass(frozen=True)
class Aim:
    """A figure and the bound that it is to keep."""

    words: str
    figure: float
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None

    @property
    def holds(self) -> bool:
        return (self.at_most is None or self.figure <= self.at_most) and (
            self.at_least is None or self.figure >= self.at_least
        )


def middle(same: Sequence[Measured]) -> Measured:
    """Of several measurements of the same: median times, stage by stage, and the largest memory."""
    whole = [one for one in same if not one.fault]
    if not whole:
        return same[0]
    return Measured(
        same[0].name,
        median(one.seconds for one in whole),
        median(one.cpu_seconds for one in whole),
        max(one.peak for one in whole),
        {name: median(one.stages.get(name, 0.0) for one in whole) for name in whole[0].stages},
        {name: median(one.steps.get(name, 0.0) for one in whole) for name in whole[0].steps},
    )


def aims(results: Results) -> Iterator[Aim]:
    """The aims of which both sides were measured."""
    by_name = {one.name: one for one in results.contenders if not one.fault}
    ours, duckdb, pandas = (by_name.get(name) for name in (PLATFORM, DUCKDB, PANDAS))
    if ours and results.ingest:
        # A script has neither checks of dates nor, in these two stages, its start.
        apart = (DATE_CHECKS, STARTING)
        ingest = results.ingest.seconds - sum(results.ingest.stages.get(name, 0.0) for name in apart)
        if duckdb:
            scripted = duckdb.stages["bronze"] + duckdb.stages["silver"]
            yield Aim("time: bronze and silver / DuckDB script's", ingest / scripted, at_most=_INGEST_AIM)
            ratio = ours.stages["features"] / duckdb.stages["features"]
            yield Aim("time: features / DuckDB script's", ratio, at_most=_FEATURES_AIM)
        if pandas:
            yield Aim("time: pandas / the whole backfill", pandas.seconds / ours.seconds, at_least=_PANDAS_AIM)
        share = ours.stages[ORCHESTRATION] / ours.seconds
        yield Aim("Dagster's own share of the backfill", share, at_most=_ORCHESTRATION_AIM)
        yield Aim("peak memory of the backfill", ours.peak / _GIB, "GiB", at_most=_BACKFILL_GIB_AIM)
    if results.days:
        longest = results.days[max(results.days)]
        yield Aim("peak memory of one more day", longest.peak / _GIB, "GiB", at_most=_DAILY_GIB_AIM)
        yield Aim("time of one more day, all in all", longest.seconds, "s", at_most=_DAILY_SECONDS_AIM)


def as_plain(workload: Workload, repeat: int, results: Results) -> dict[str, Any]:
    held = [{**asdict(aim), "holds": aim.holds} for aim in aims(results)]
    return {
        "surroundings": surroundings(_PACKAGES, customers=workload.customers, days=workload.days, repeat=repeat),
        **asdict(results),
        "aims": held,
    }


def as_markdown(workload: Workload, repeat: int, results: Results) -> str:
    """All tables, with a line that says where they were measured."""
    lines = [
        ", ".join(
            f"{name} {value}"
            for name, value in surroundings(
                _PACKAGES, customers=workload.customers, days=workload.days, repeat=repeat
            ).items()
        )
        + ":"
    ]
    if results.contenders:
        lines += ["", *_contenders(results.contenders)]
    if results.days:
        lines += ["", *_columns("one more day after", {f"{days} days": one for days, one in results.days.items()})]
        lines += ["", *_steps(results.days[max(results.days)])]
    if results.sizes:
        lines += ["", *_columns("customers", {f"{count:,}": one for count, one in results.sizes.items()})]
    if results.segments:
        lines += ["", "| segments of | time | peak memory |", "|---|--:|--:|"]
        for words, one in zip(("model trained on", "model applied to"), results.segments, strict=True):
            step = max(one.steps.values())
            lines.append(
                f"| {words} {results.many_customers:,} customers | {one.seconds:.1f} s, of which {step:.1f} s the step "
                f"| {one.peak / _MIB:,.0f} MiB |"
            )
    if results.predictions:
        lines += ["", "| predictions | time | of which steps | peak memory |", "|---|--:|--:|--:|"]
        for words, one in zip(_PREDICTIONS, results.predictions, strict=True):
            steps = sum(one.steps.values())
            lines.append(f"| {words} | {one.seconds:.1f} s | {steps:.1f} s | {one.peak / _MIB:,.0f} MiB |")
        lines += ["", *_steps(results.predictions[-1])]
    found = list(aims(results))
    if found:
        lines += ["", "| aim | figure | bound | |", "|---|--:|---|---|", *(_aim(aim) for aim in found)]
    return "\n".join(lines)


def _contenders(contenders: Sequence[Measured]) -> list[str]:
    stages = [name for name in PLATFORM_STAGES if any(name in one.stages for one in contenders)]
    lines = [f"| by | in all | {' | '.join(stages)} | processor time | peak memory |"]
    lines.append("|---|--:|" + "--:|" * (len(stages) + 2))
    for one in contenders:
        if one.fault:
            lines.append(f"| {NAMES[one.name]} | **no figure**: `{one.fault}` |{' |' * (len(stages) + 2)}")
            continue
        rest = {STARTING: one.seconds - sum(one.stages.values())} if one.name != PLATFORM else {}
        shown = " | ".join(_seconds((one.stages | rest).get(name)) for name in stages)
        lines.append(
            f"| {NAMES[one.name]} | {one.seconds:.1f} s | {shown} | {one.cpu_seconds:.1f} s | {one.peak / _MIB:,.0f} MiB |"
        )
    return lines


def _columns(head: str, measured: Mapping[str, Measured]) -> list[str]:
    """Stages as rows, one column for each measurement."""
    stages = [name for name in PLATFORM_STAGES if any(name in one.stages for one in measured.values())]
    lines = [f"| {head} | {' | '.join(measured)} |", "|---|" + "--:|" * len(measured)]
    for name in stages:
        lines.append(f"| {name} | {' | '.join(_seconds(one.stages.get(name)) for one in measured.values())} |")
    lines.append(f"| **in all** | {' | '.join(_seconds(one.seconds) for one in measured.values())} |")
    lines.append(f"| processor time | {' | '.join(_seconds(one.cpu_seconds) for one in measured.values())} |")
    return [*lines, f"| peak memory | {' | '.join(f'{one.peak / _MIB:,.0f} MiB' for one in measured.values())} |"]


def _steps(longest: Measured) -> list[str]:
    """The parts of one more day, the longest first."""
    ordered = sorted(longest.steps.items(), key=lambda step: -step[1])
    return ["| step of one more day | time |", "|---|--:|", *(f"| {name} | {took:.2f} s |" for name, took in ordered)]


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f} s"


def _aim(aim: Aim) -> str:
    bound = f"≤ {aim.at_most:g} {aim.unit}" if aim.at_most is not None else f"≥ {aim.at_least:g} {aim.unit}"
    figure = f"{aim.figure:.2f} {aim.unit}".strip()
    return f"| {aim.words} | {figure} | {bound.strip()} | {'holds' if aim.holds else 'missed'} |"

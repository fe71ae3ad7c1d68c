"""The figures as a table for people and as plain values for programs, and the ratios that follow from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.ingest.workload import Workload
from benchmarks.processes import Figures
from benchmarks.surroundings import surroundings

_NAMES = {
    "script": "script by hand, with silver's rules",
    "platform": "this platform, run by Dagster",
    "without_dagster": "this platform, without Dagster's events",
    "bare_script": "script by hand, every row taken for valid",
}
_RATIOS = (
    ("platform", "script", 1.3),
    ("without_dagster", "script", None),
    ("platform", "bare_script", None),
    ("without_dagster", "bare_script", None),
)
_PACKAGES = ("dagster", "deltalake", "polars")
_MIB = 1024 * 1024


@dataclass(frozen=True)
class Row:
    """A contender over all passes: the median of its times, the largest of its memory figures."""

    contender: str
    seconds: float
    fastest: float
    slowest: float
    cpu_seconds: float
    peak_bytes: int


@dataclass(frozen=True)
class Ratio:
    """The time of one contender by that of another, and the bound that it is claimed to keep (None: for comparison)."""

    over: str
    under: str
    time: float
    cpu_time: float
    at_most: float | None

    @property
    def holds(self) -> bool | None:
        return None if self.at_most is None else self.time <= self.at_most


def rows_of(figures: Mapping[str, Sequence[Figures]]) -> list[Row]:
    return [
        Row(
            name,
            median(one.seconds for one in same),
            min(one.seconds for one in same),
            max(one.seconds for one in same),
            median(one.cpu_seconds for one in same),
            max(one.peak for one in same),
        )
        for name, same in figures.items()
    ]


def ratios(rows: Iterable[Row]) -> list[Ratio]:
    named = {row.contender: row for row in rows}
    return [
        Ratio(
            over,
            under,
            named[over].seconds / named[under].seconds,
            named[over].cpu_seconds / named[under].cpu_seconds,
            at_most,
        )
        for over, under, at_most in _RATIOS
    ]


def as_markdown(workload: Workload, repeat: int, rows: Sequence[Row]) -> str:
    """Both tables, with a line that says where they were measured."""
    facts = ", ".join(
        f"{name} {value}"
        for name, value in surroundings(
            _PACKAGES, days=workload.days, rows_per_day=workload.rows, seed=workload.seed, repeat=repeat
        ).items()
    )
    lines = [facts, "", "| by | time | fastest | slowest | processor time | peak memory |", "|---|--:|--:|--:|--:|--:|"]
    lines += [
        f"| {_NAMES[row.contender]} | {row.seconds:.2f} s | {row.fastest:.2f} s | {row.slowest:.2f} s "
        f"| {row.cpu_seconds:.2f} s | {row.peak_bytes / _MIB:,.0f} MiB |"
        for row in rows
    ]
    lines += ["", "| time of | by that of | ratio | processor time | target | |", "|---|---|--:|--:|--:|---|"]
    lines += [_markdown(ratio) for ratio in ratios(rows)]
    return "\n".join(lines)


def _markdown(ratio: Ratio) -> str:
    target = "" if ratio.at_most is None else f"≤ {ratio.at_most:g}"
    verdict = {None: "", True: "holds", False: "missed"}[ratio.holds]
    names = f"{_NAMES[ratio.over]} | {_NAMES[ratio.under]}"
    return f"| {names} | {ratio.time:.2f} | {ratio.cpu_time:.2f} | {target} | {verdict} |"

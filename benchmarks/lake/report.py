"""The figures as a table for people and as plain values for programs, with the claims they support."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.lake.plan import AT_ONCE, DAY_BY_DAY, FULL, OURS, PLAIN, STOCK, YOUNG, Measurement
from benchmarks.lake.workload import Workload
from benchmarks.surroundings import surroundings

_NAMES = {
    OURS: "LakeIOManager",
    STOCK: "DeltaLakePolarsIOManager (stock)",
    PLAIN: "delta-rs, without Dagster",
    "": "no IO manager",
}
_PACKAGES = ("dagster", "dagster-deltalake-polars", "deltalake", "polars")
_MIB = 1024 * 1024


@dataclass(frozen=True)
class Row:
    """A task of a contender over all repetitions: the median of its times, the largest of its memory figures.

    `growth_bytes` is the peak less the peak before the work began, when all libraries were imported.
    """

    task: str
    contender: str
    seconds: float | None
    slowest: float | None
    cpu_seconds: float | None
    peak_bytes: int | None
    growth_bytes: int | None
    rows: int | None
    expected_rows: int | None
    fault: str | None


@dataclass(frozen=True)
class Claim:
    """A ratio between two rows, and the bound that it is claimed to keep (None: shown for comparison)."""

    words: str
    ratio: float
    at_least: float | None = None
    at_most: float | None = None

    @property
    def holds(self) -> bool | None:
        if self.at_least is None and self.at_most is None:
            return None
        return (self.at_least is None or self.ratio >= self.at_least) and (
            self.at_most is None or self.ratio <= self.at_most
        )


def rows_of(measurements: Iterable[Measurement]) -> list[Row]:
    """One row per task and contender; the contenders of a task stand together, in the order of first measurement."""
    grouped: dict[tuple[str, str], list[Measurement]] = {}
    for measurement in measurements:
        grouped.setdefault((measurement.task, measurement.contender), []).append(measurement)
    tasks = list(dict.fromkeys(task for task, _ in grouped))
    return [
        _row(task, contender, grouped[task, contender])
        for task, contender in sorted(grouped, key=lambda key: tasks.index(key[0]))
    ]


def _row(task: str, contender: str, same: Sequence[Measurement]) -> Row:
    figures = [one.figures for one in same if one.figures]
    times = [time for one in same for time in one.each] or [(one.seconds, one.cpu_seconds) for one in figures]
    return Row(
        task,
        contender,
        median(seconds for seconds, _ in times) if times else None,
        max((seconds for seconds, _ in times), default=None),
        median(cpu for _, cpu in times) if times else None,
        max((one.peak for one in figures), default=None),
        max((one.growth for one in figures), default=None),
        same[0].rows,
        same[0].expected_rows,
        same[0].fault,
    )


def claims(rows: Sequence[Row]) -> Iterator[Claim]:
    """The ratios of which both sides were measured."""
    by_key = {(row.task, row.contender): row for row in rows}
    at_once = by_key.get((AT_ONCE, OURS))
    yield from _of_time(by_key.get((DAY_BY_DAY, STOCK)), at_once, "stock day by day / ours at once", at_least=3.0)
    yield from _of_memory(at_once, by_key.get((DAY_BY_DAY, STOCK)), "ours at once / stock day by day")
    yield from _of_memory(
        at_once, by_key.get((AT_ONCE, STOCK)), "ours at once / stock at once into an absent table", at_most=0.5
    )
    for task in (YOUNG, FULL):
        yield from _of_time(by_key.get((task, OURS)), by_key.get((task, STOCK)), f"ours / stock, {task}", at_most=1.0)


def _of_time(over: Row | None, under: Row | None, words: str, **bounds: float) -> Iterator[Claim]:
    if over and under and over.seconds and under.seconds:
        yield Claim(f"time: {words}", over.seconds / under.seconds, **bounds)
    if over and under and over.cpu_seconds and under.cpu_seconds:
        yield Claim(f"processor time: {words}", over.cpu_seconds / under.cpu_seconds)


def _of_memory(over: Row | None, under: Row | None, words: str, **bounds: float) -> Iterator[Claim]:
    if over and under and over.peak_bytes and under.peak_bytes:
        yield Claim(f"peak memory: {words}", over.peak_bytes / under.peak_bytes, **bounds)
    if over and under and over.growth_bytes and under.growth_bytes:
        yield Claim(f"peak memory above imports: {words}", over.growth_bytes / under.growth_bytes)


def as_markdown(workload: Workload, repeat: int, rows: Sequence[Row], found: Sequence[Claim]) -> str:
    """Both tables, with a line that says where they were measured."""
    facts = ", ".join(
        f"{name} {value}"
        for name, value in surroundings(
            _PACKAGES, days=workload.days, rows_per_day=workload.rows, seed=workload.seed, repeat=repeat
        ).items()
    )
    lines = [
        facts,
        "",
        "| task | by | time | slowest | processor time | peak memory | above imports | rows |",
        "|---|---|--:|--:|--:|--:|--:|---|",
        *(_markdown_row(row) for row in rows),
    ]
    if found:
        lines += [
            "",
            "| comparison | ratio | target | |",
            "|---|--:|--:|---|",
            *(_markdown_claim(one) for one in found),
        ]
    return "\n".join(lines)


def _markdown_row(row: Row) -> str:
    cells = (
        row.task,
        _NAMES[row.contender],
        _time(row.seconds),
        _time(row.slowest),
        _time(row.cpu_seconds),
        _memory(row.peak_bytes),
        _memory(row.growth_bytes),
        _outcome(row),
    )
    return f"| {' | '.join(cells)} |"


def _outcome(row: Row) -> str:
    if row.fault:
        return f"**fails**: {row.fault}".replace("|", "\\|")
    if row.rows is None:
        return ""
    if row.rows != row.expected_rows:
        return f"**{row.rows:,} of {row.expected_rows:,}**, and the run succeeds"
    return f"{row.rows:,}"


def _markdown_claim(claim: Claim) -> str:
    bound = "" if claim.holds is None else f"≥ {claim.at_least:g}" if claim.at_least else f"≤ {claim.at_most:g}"
    verdict = {None: "", True: "holds", False: "missed"}[claim.holds]
    return f"| {claim.words} | {claim.ratio:.2f} | {bound} | {verdict} |"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _memory(size: int | None) -> str:
    return "" if size is None else f"{size / _MIB:,.0f} MiB"

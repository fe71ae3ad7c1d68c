"""`python -m benchmarks.platform` measures, compares the results, and prints all figures at the end."""

from __future__ import annotations

import json
import sys
import tempfile
from datetime import datetime
from pathlib import Path

import click

from benchmarks.platform.contenders import DUCKDB, PANDAS, SCRIPTS
from benchmarks.platform.plan import BACKFILL, DAYS, PARTS, PREDICTIONS, SEGMENTS, SIZES, Benchmark, Limits
from benchmarks.platform.report import Results, as_markdown, as_plain, middle
from benchmarks.platform.workload import Workload
from benchmarks.processes import BenchmarkError

# The size of the public Instacart release, over two years.
_FULL_CUSTOMERS, _FULL_DAYS, _FULL_MANY = 206_209, 731, 10_000_000
_CUSTOMERS, _DAYS, _MANY = 10_000, 366, 1_000_000
_COUNT = click.IntRange(min=1)


@click.command()
@click.option("--customers", type=_COUNT, help=f"Customers who order.  [default: {_CUSTOMERS:,}]")
@click.option("--days", "dates", type=click.IntRange(min=2), help=f"Order dates.  [default: {_DAYS}]")
@click.option("--end", type=click.DateTime(["%Y-%m-%d"]), default="2025-10-31", show_default=True, help="Last date.")
@click.option("--many-customers", type=_COUNT, help=f"Customers of the part 'segments'.  [default: {_MANY:,}]")
@click.option("--full", is_flag=True, help=f"{_FULL_CUSTOMERS:,} customers, {_FULL_DAYS} dates, {_FULL_MANY:,}.")
@click.option("--part", "parts", multiple=True, type=click.Choice(PARTS), help="Again for more. Default: all.")
@click.option(
    "--by", "scripts", multiple=True, type=click.Choice(SCRIPTS), help="Scripts beside.  [default: duckdb, pandas]"
)
@click.option("--repeat", type=_COUNT, default=1, show_default=True, help="Passes: median time, largest memory.")
@click.option("--limit-minutes", type=_COUNT, default=15, show_default=True, help="A script is given up after these.")
@click.option("--limit-gib", type=float, default=16.0, show_default=True, help="A script gets no more memory.")
@click.option("--landing", help="Landing files of that size; read only. Default: made by the benchmark.")
@click.option("--folder", help="Where files and lakes are written; kept. Default: a temporary folder, removed.")
@click.option("--plot", type=click.Path(path_type=Path), help="A PNG of the figures.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def main(
    customers: int | None,
    dates: int | None,
    end: datetime,
    many_customers: int | None,
    full: bool,
    parts: tuple[str, ...],
    scripts: tuple[str, ...],
    repeat: int,
    limit_minutes: int,
    limit_gib: float,
    landing: str | None,
    folder: str | None,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Measure the platform from landing files to segments beside scripts that make the same tables."""
    with tempfile.TemporaryDirectory(prefix="platform-benchmark-") as temporary:
        workload = Workload(
            folder or temporary,
            customers or (_FULL_CUSTOMERS if full else _CUSTOMERS),
            dates or (_FULL_DAYS if full else _DAYS),
            str(end.date()),
            landing,
        )
        benchmark = Benchmark(
            workload,
            Limits(limit_minutes * 60, limit_gib),
            scripts or (DUCKDB, PANDAS),
            repeat,
            many_customers or (_FULL_MANY if full else _MANY),
            lambda step: click.echo(f"... {step}", err=True),
        )
        try:
            results = _measured(benchmark, parts or PARTS)
        except BenchmarkError as error:
            click.echo(f"No figures: {error}", err=True)
            sys.exit(1)
    if plot:
        from benchmarks.platform.plot import draw

        draw(results, plot)
    if as_json:
        click.echo(json.dumps(as_plain(workload, repeat, results), indent=2))
    else:
        click.echo(as_markdown(workload, repeat, results))


def _measured(benchmark: Benchmark, parts: tuple[str, ...]) -> Results:
    """The parts in their order; all but the sizes need the platform's lake of the first."""
    results = Results(many_customers=benchmark.many_customers)
    if BACKFILL in parts:
        passes = benchmark.backfill()
        ingest, gold, *scripts = (middle(same) for same in zip(*passes, strict=True))
        results.ingest = ingest
        results.contenders = [ingest + gold, *scripts]
    elif {DAYS, SEGMENTS, PREDICTIONS} & set(parts):
        benchmark.make_lake()
    if DAYS in parts:
        results.days = {days: middle(runs) for days, runs in benchmark.days()}
    if SEGMENTS in parts:
        results.segments = benchmark.segments()
    if PREDICTIONS in parts:
        results.predictions = benchmark.predictions()
    if SIZES in parts:
        results.sizes = dict(benchmark.sizes(results.contenders[0] if results.contenders else None))
    return results


if __name__ == "__main__":
    main()

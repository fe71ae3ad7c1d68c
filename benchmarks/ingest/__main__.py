"""`python -m benchmarks.ingest`: measures, compares what was written, and prints the figures once all of them are there."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from dataclasses import asdict

import click

from benchmarks.ingest.report import as_markdown, ratios, rows_of, surroundings
from benchmarks.ingest.workload import Workload
from benchmarks.processes import BenchmarkError, Figures, run_in_child

# In turns and back, so that a machine that slows down slows down all.
_CONTENDERS = {
    "script": ("script", {"with_rules": True}),
    "platform": ("platform", {"by_dagster": True}),
    "without_dagster": ("platform", {"by_dagster": False}),
    "bare_script": ("script", {"with_rules": False}),
}


@click.command()
@click.option("--days", type=click.IntRange(min=1), default=30, show_default=True, help="Order dates, in one range.")
@click.option("--rows", type=click.IntRange(min=1), default=45_000, show_default=True, help="Order lines per date.")
@click.option("--repeat", type=click.IntRange(min=1), default=5, show_default=True, help="Passes: median time.")
@click.option("--folder", help="Where files and lakes are written; kept. Default: a temporary folder, removed.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def main(days: int, rows: int, repeat: int, folder: str | None, as_json: bool) -> None:
    """Bring clean CSV files to bronze and silver with this platform and with scripts of polars and delta-rs."""
    with tempfile.TemporaryDirectory(prefix="ingest-benchmark-") as temporary:
        workload = Workload(folder or temporary, days, rows)
        try:
            measured = _measured(workload, repeat)
        except BenchmarkError as error:
            click.echo(f"No figures: {error}", err=True)
            sys.exit(1)
    figures = rows_of(measured)
    if as_json:
        answer = {
            "surroundings": surroundings(workload, repeat),  # pyright: ignore[reportCallIssue]
            "figures": [asdict(row) for row in figures],
            "comparisons": [{**asdict(ratio), "holds": ratio.holds} for ratio in ratios(figures)],
        }
        click.echo(json.dumps(answer, indent=2))
    else:
        click.echo(as_markdown(workload, repeat, figures))


def _measured(workload: Workload, repeat: int) -> dict[str, list[Figures]]:
    _say("making landing files")
    _child(workload, "prepare")
    figures: dict[str, list[Figures]] = {name: [] for name in _CONTENDERS}
    for turn in range(repeat):
        for name in list(_CONTENDERS)[:: 1 if turn % 2 == 0 else -1]:
            _say(f"pass {turn + 1}: {name}")
            task, options = _CONTENDERS[name]
            for written in (workload.lake(name), workload.home(name)):
                shutil.rmtree(written, ignore_errors=True)
            answer = _child(workload, task, contender=name, **options)
            figures[name].append(Figures(**answer["figures"]))
    _say("comparing the tables")
    _child(workload, "compare", lakes=[workload.lake(name) for name in _CONTENDERS])
    return figures


def _child(workload: Workload, task: str, **arguments: object) -> dict:
    return run_in_child("benchmarks.ingest.child", {"task": task, "workload": workload.as_dict(), **arguments})


def _say(step: str) -> None:
    click.echo(f"... {step}", err=True)


if __name__ == "__main__":
    main()

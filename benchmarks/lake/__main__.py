"""`python -m benchmarks.lake` measures, verifies, and prints all figures at the end."""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import asdict

import click

from benchmarks.lake.plan import CONTENDERS, PARTS, Plan, further_days_needed
from benchmarks.lake.report import as_markdown, claims, rows_of, surroundings
from benchmarks.lake.workload import Workload
from benchmarks.processes import BenchmarkError


@click.command()
@click.option(
    "--days", type=click.IntRange(min=1), default=365, show_default=True, help="Daily partitions of the table."
)
@click.option("--rows", type=click.IntRange(min=1), default=45_000, show_default=True, help="Order lines per day.")
@click.option(
    "--repeat",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Passes over everything: median time, largest memory.",
)
@click.option(
    "--only", multiple=True, type=click.Choice([*CONTENDERS, *PARTS]), help="A contender or a part; again for more."
)
@click.option("--folder", help="Where data and tables are written; kept. Default: a temporary folder, removed.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def main(days: int, rows: int, repeat: int, only: tuple[str, ...], folder: str | None, as_json: bool) -> None:
    """Write and read daily partitions of order lines with this platform's IO manager, the stock one and delta-rs alone."""
    with tempfile.TemporaryDirectory(prefix="lake-benchmark-") as temporary:
        workload = Workload(folder or temporary, days, rows, further_days_needed())
        plan = Plan(
            workload,
            [name for name in CONTENDERS if name in only] or CONTENDERS,
            [name for name in PARTS if name in only] or PARTS,
            lambda step: click.echo(f"... {step}", err=True),
        )
        try:
            plan.prepare()
            measurements = [measurement for _ in range(repeat) for measurement in plan.run()]
        except BenchmarkError as error:
            click.echo(f"No figures: {error}", err=True)
            sys.exit(1)
    figures = rows_of(measurements)
    found = list(claims(figures))
    if as_json:
        answer = {
            "surroundings": surroundings(workload, repeat),  # pyright: ignore[reportCallIssue]
            "figures": [asdict(row) for row in figures],
            "comparisons": [{**asdict(claim), "holds": claim.holds} for claim in found],
        }
        click.echo(json.dumps(answer, indent=2))
    else:
        click.echo(as_markdown(workload, repeat, figures, found))


if __name__ == "__main__":
    main()

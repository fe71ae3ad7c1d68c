"""Printing for people and for programs: tables, progress, and errors as sentences."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

# Without a terminal there is no width to fit into.
_PLAIN_WIDTH = 120
out = Console(highlight=False, width=None if sys.stdout.isatty() else _PLAIN_WIDTH)


class Refused(click.ClickException):
    """Something cannot be done; the message is the one sentence a person reads. Exit status 1."""

    def show(self, file: Any = None) -> None:
        click.echo(f"cis: {self.message}", err=True)


def say(text: str = "") -> None:
    out.print(text, markup=False, soft_wrap=True)


def heading(text: str) -> None:
    out.print()
    out.print(text, style="bold", markup=False)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], right: Sequence[str] = ()) -> None:
    """A table; the columns named in `right` are aligned to the right."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0), show_header=any(columns))
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    out.print(table, markup=False)


def print_json(data: Sequence[Mapping[str, Any]] | Mapping[str, Any]) -> None:
    """JSON of rows; dates and moments as ISO 8601."""
    click.echo(json.dumps(data, default=lambda value: value.isoformat(), ensure_ascii=False, indent=2))


@contextmanager
def progress(label: str, total: int) -> Iterator[Any]:
    """A function that is called with the number of steps done: a bar on a terminal, a line per tenth elsewhere."""
    if out.is_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=out, transient=True) as bar:
            task = bar.add_task(label, total=total)
            yield lambda steps: bar.advance(task, steps)
        return
    done = 0

    def advance(steps: int) -> None:
        nonlocal done
        tenths_before, done = done * 10 // max(total, 1), done + steps
        if done * 10 // max(total, 1) > tenths_before:
            say(f"{label}: {done} of {total}")

    yield advance

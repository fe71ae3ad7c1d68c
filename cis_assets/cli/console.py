"""What commands share: options, settings, printing for people and programs, progress, and errors as sentences.

Everything that a command prints goes through this module, which escapes invisible characters: text from data may hold
characters that a terminal acts on.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from functools import wraps
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from cis_assets.settings import settings
from cis_assets.text import escape_invisible, escape_json

# Output that goes to a file or a pipe has no terminal width.
_PLAIN_WIDTH = 120
# Without emoji codes: ":apple:" in a name stays as it is.
_out = Console(highlight=False, emoji=False, width=None if sys.stdout.isatty() else _PLAIN_WIDTH)


class Refused(click.ClickException):
    """Something cannot be done; the message is the one sentence that a person reads. Exit status 1."""

    def show(self, file: Any = None) -> None:
        note(f"cis: {self.message}")


class _Day(click.DateTime):
    """A day as YYYY-MM-DD."""

    def get_metavar(self, *_: Any, **__: Any) -> str:
        return "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        return value if type(value) is date else super().convert(value, param, ctx).date()


DAY = _Day(["%Y-%m-%d"])
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Pass the settings to a command as its first argument."""

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        command(settings(), *arguments, **options)

    return run


def with_lake(command: Callable[..., None]) -> Callable[..., None]:
    """Pass the lake to a command as its first argument."""

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        from cis_assets.lake.lake import Lake

        command(Lake(settings().lake_uri), *arguments, **options)

    return run


def say(*lines: str) -> None:
    """Print lines of text; without any, an empty one."""
    for line in lines or ("",):
        _out.print(escape_invisible(line), markup=False, soft_wrap=True)


def heading(text: str) -> None:
    _out.print()
    _out.print(escape_invisible(text), style="bold", markup=False)


def note(text: str) -> None:
    """Print a line for people to the standard error, beside output that programs read."""
    click.echo(escape_invisible(text), err=True)


def confirm(question: str) -> None:
    """Ask on the terminal; end the command unless the answer is yes."""
    click.confirm(escape_invisible(question), abort=True)


def plural(number: int, noun: str) -> str:
    """A number with its noun, as in 1 check, 2 checks, 1,000 checks."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], right: Sequence[str] = ()) -> None:
    """Print a table; the columns named in `right` are aligned to the right."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0), show_header=any(columns))
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*("" if cell is None else escape_invisible(str(cell)) for cell in row))
    _out.print(table, markup=False)


def print_json(data: Sequence[Mapping[str, Any]] | Mapping[str, Any]) -> None:
    """Print rows as JSON, with dates and times in ISO 8601."""
    click.echo(escape_json(json.dumps(data, default=lambda value: value.isoformat(), ensure_ascii=False, indent=2)))


@contextmanager
def progress(label: str, total: int) -> Iterator[Any]:
    """Yield a function to call with the number of steps done: a bar on a terminal, a line per tenth elsewhere."""
    if _out.is_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=_out, transient=True) as bar:
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

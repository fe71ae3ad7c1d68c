"""Measures work in its own process: wall time, processor time and peak memory.

The parent must not import heavy libraries: on Linux a child inherits the peak memory of its parent, so a large
parent would change every figure.
"""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

_KIB = 1024
_ERROR_LINE = re.compile(r"[\w.]*(Error|Exception)\b.*")


@dataclass
class Figures:
    """What a piece of work took. Memory is in bytes: the process' peak so far, and its peak before the work began."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak: int = 0
    peak_before: int = 0

    @property
    def growth(self) -> int:
        """Memory above what the process needed for its imports."""
        return self.peak - self.peak_before


class BenchmarkError(Exception):
    """A benchmark cannot give figures: what it measures is not what it is meant to measure."""


class ChildFailedError(BenchmarkError):
    """A measured process failed; the message is its last error."""


def peak_memory() -> int:
    """The largest resident size of this process so far, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * _KIB


@contextmanager
def measured() -> Iterator[Figures]:
    """Fill in the figures of the block when it ends."""
    figures = Figures(peak_before=peak_memory())
    started, cpu_started = time.perf_counter(), time.process_time()
    yield figures
    figures.seconds = time.perf_counter() - started
    figures.cpu_seconds = time.process_time() - cpu_started
    figures.peak = peak_memory()


def run_in_child(module: str, task: dict[str, Any]) -> dict[str, Any]:
    """Run `python -m module`, which reads its task as JSON from its first argument and prints its answer as JSON.

    Raises ChildFailedError with the last error that the child names.
    """
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-m", module, json.dumps(task)]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)  # noqa: S603
    if ended.returncode:
        raise ChildFailedError(_last_error(ended.stderr) or _how_it_ended(ended))
    return json.loads(ended.stdout.strip().splitlines()[-1])


def carry_out(tasks: Mapping[str, Callable[..., None]], workload: Callable[..., Any]) -> None:
    """In the child: do the task that the first argument names, on the workload that it describes."""
    task: dict[str, Any] = json.loads(sys.argv[1])
    name = task.pop("task")
    tasks[name](workload(**task.pop("workload")), **task)


def _last_error(stderr: str) -> str | None:
    named = [line for line in stderr.splitlines() if _ERROR_LINE.match(line)]
    return named[-1] if named else None


def _how_it_ended(ended: subprocess.CompletedProcess[str]) -> str:
    """Describe how a process ended: its signal or exit status, and its last line."""
    code = ended.returncode
    how = f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
    said = [line.strip() for line in ended.stderr.splitlines() if line.strip()]
    return f"{how}: {said[-1]}" if said else how


def answer(**values: Any) -> None:
    """Print a child's answer; figures become plain values."""
    plain = {name: asdict(value) if isinstance(value, Figures) else value for name, value in values.items()}
    sys.stdout.write(json.dumps(plain) + "\n")

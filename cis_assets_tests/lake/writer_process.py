"""Writer processes: children of one process that has imported everything, so that starting one costs no import.

A test sends the parent one order after another (a line of JSON): which writers to fork, and after how long to kill
them. Each writer replaces its days by version after version of known content and says what it begins and ends. The
parent only imports: neither polars nor delta-rs has started a thread when it forks, and each child starts its own.
"""

from __future__ import annotations

import json
import math
import os
import select
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path

import polars as pl

from cis_assets.catalog import silver
from cis_assets.dates import DateRange
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.engines.polars_engine import PolarsEngine
from cis_assets.lake.lake import Lake
from cis_assets.lake.slices import Slice
from cis_assets_tests.frames import table_frame

ORDERS = silver.ORDERS
_ROWS = 40


@dataclass(frozen=True)
class Writer:
    """One process to be: the days that it replaces by (or appends) the versions first_version to last_version in turn."""

    first_day: str
    last_day: str
    first_version: int
    last_version: int
    mode: str

    @classmethod
    def of(cls, days: DateRange, versions: range, mode: str = "replace") -> Writer:
        return cls(str(days.first), str(days.last), versions[0], versions[-1], mode)

    @property
    def days(self) -> DateRange:
        return DateRange(date.fromisoformat(self.first_day), date.fromisoformat(self.last_day))


@dataclass(frozen=True)
class Kill:
    """When all writers are killed: so many seconds after the first word of the first one (`began` or `ended`)."""

    seconds: float
    after: str


@dataclass(frozen=True)
class Ended:
    """How a writer ended: the exit code (negative: the signal), the last versions it began and finished, its words."""

    code: int
    begun: int | None
    finished: int | None
    seconds: list[float]
    said: str


@dataclass
class _Child:
    pid: int
    pipe: int
    heard: bytearray = field(default_factory=bytearray)

    def listen(self) -> bool:
        """Take in what the child has to say; False at its end."""
        news = os.read(self.pipe, 65536)
        self.heard += news
        return bool(news)


def content(days: DateRange, version: int) -> pl.DataFrame:
    """What a version of some days holds: its number in every row, and a number of rows that depends on it."""
    rows = [{"order_id": number, "customer_id": version} for number in range(_ROWS + version % 7)]
    of_a_day = table_frame(ORDERS, rows).drop("order_date")
    return pl.DataFrame({"order_date": list(days)}).join(of_a_day, how="cross").select(ORDERS.dtypes.keys())


def stored_versions(lake_uri: str) -> dict[date, int]:
    """The version that each day holds; an AssertionError if a day is not exactly one version, whole and once."""
    stored = Lake(lake_uri).scan(ORDERS).collect()
    versions = {}
    for (day,), rows in stored.group_by("order_date"):
        version = rows["customer_id"][0]
        expected = content(DateRange(day, day), version).sort("order_id")
        assert rows.sort("order_id").equals(expected), f"{day} holds {rows.height} rows that are no version: {rows}"
        versions[day] = version
    return versions


def replace_days(lake_uri: str, days: DateRange, frame: pl.DataFrame) -> None:
    PolarsEngine().replace(ORDERS, Lake(lake_uri).location(ORDERS), Slice.of_days(ORDERS, days), LazyChunks.of([frame]))


def append_days(lake_uri: str, days: DateRange, batch: str, frame: pl.DataFrame) -> None:
    where = Slice.of_days(ORDERS, days)
    PolarsEngine().append(ORDERS, Lake(lake_uri).location(ORDERS), where, {batch: where}, LazyChunks.of([frame]))


class Writers:
    """A test's hold on the parent of writer processes."""

    def __init__(self, parent: subprocess.Popen[str]) -> None:
        self._parent = parent

    def run(self, lake_uri: str, *writers: Writer, kill: Kill | None = None) -> list[Ended]:
        """Let writers begin together, and wait for their ends."""
        self.begin(lake_uri, *writers, kill=kill)
        return self.ends()

    def begin(self, lake_uri: str, *writers: Writer, kill: Kill | None = None) -> None:
        """Let writers begin together, with the test's variables of the store; `ends()` must be asked for later."""
        order = {
            "lake_uri": lake_uri,
            "writers": [asdict(writer) for writer in writers],
            "kill": kill and asdict(kill),
            "environment": {name: value for name, value in os.environ.items() if name.startswith("AZURE_")},
        }
        assert self._parent.stdin is not None
        self._parent.stdin.write(json.dumps(order) + "\n")
        self._parent.stdin.flush()

    def are_writing(self) -> bool:
        assert self._parent.stdout is not None
        return not select.select([self._parent.stdout], [], [], 0)[0]

    def ends(self) -> list[Ended]:
        assert self._parent.stdout is not None
        return [Ended(**ended) for ended in json.loads(self._parent.stdout.readline())]


@contextmanager
def writer_processes() -> Iterator[Writers]:
    """A parent of writers, until the end of the context."""
    here = Path(__file__)
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "cis_assets_tests.lake.writer_process"],
        # In a folder without a .env, which would give the writers other settings than the test's.
        cwd=here.parent,
        env={**os.environ, "PYTHONPATH": str(here.parents[2])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        yield Writers(parent)


def _obey(order: dict) -> list[Ended]:
    os.environ.update(order["environment"])
    go_read, go_write = os.pipe()
    children = [_fork(order["lake_uri"], Writer(**writer), go_read, go_write) for writer in order["writers"]]
    os.close(go_read)
    # Every child waits for the end of this pipe, so they all begin now.
    os.close(go_write)
    try:
        return _watch(children, order["kill"] and Kill(**order["kill"]))
    finally:
        for child in children:
            os.close(child.pipe)


def _fork(lake_uri: str, writer: Writer, go_read: int, go_write: int) -> _Child:
    pipe_read, pipe_write = os.pipe()
    pid = os.fork()
    if pid:
        os.close(pipe_write)
        return _Child(pid, pipe_read)
    code = 1
    try:
        os.close(go_write)
        os.read(go_read, 1)
        _write(lake_uri, writer, pipe_write)
        code = 0
    except BaseException:  # noqa: BLE001 - whatever ended the child is told to the parent
        os.write(pipe_write, f"said {json.dumps(traceback.format_exc())}\n".encode())
    finally:
        # Without the parent's clean-up, which is not the child's to do.
        os._exit(code)


def _write(lake_uri: str, writer: Writer, pipe: int) -> None:
    for version in range(writer.first_version, writer.last_version + 1):
        frame = content(writer.days, version)
        os.write(pipe, f"began {version}\n".encode())
        begin = time.perf_counter()
        if writer.mode == "append":
            append_days(lake_uri, writer.days, f"version {version}", frame)
        else:
            replace_days(lake_uri, writer.days, frame)
        os.write(pipe, f"ended {version} {time.perf_counter() - begin}\n".encode())


def _watch(children: list[_Child], kill: Kill | None) -> list[Ended]:
    """Listen to the children until the last one has ended; kill them when it is time."""
    talking = {child.pipe: child for child in children}
    time_to_kill = math.inf
    while talking:
        wait = max(0.0, time_to_kill - time.monotonic())
        for pipe in select.select(list(talking), [], [], None if wait == math.inf else wait)[0]:
            if not talking[pipe].listen():
                del talking[pipe]
            if kill is not None and time_to_kill == math.inf and kill.after.encode() in children[0].heard:
                time_to_kill = time.monotonic() + kill.seconds
        if time.monotonic() >= time_to_kill:
            for child in children:
                os.kill(child.pid, signal.SIGKILL)
            kill, time_to_kill = None, math.inf
    return [_ended(child, os.waitstatus_to_exitcode(os.waitpid(child.pid, 0)[1])) for child in children]


def _ended(child: _Child, code: int) -> Ended:
    lines = [line.split(" ", 1) for line in child.heard.decode().splitlines()]
    begun = [int(rest) for word, rest in lines if word == "began"]
    ended = [rest.split() for word, rest in lines if word == "ended"]
    said = "".join(json.loads(rest) for word, rest in lines if word == "said")
    return Ended(
        code,
        begun[-1] if begun else None,
        int(ended[-1][0]) if ended else None,
        [float(seconds) for _, seconds in ended],
        said,
    )


def _refuse_started_runtimes() -> None:
    """Forking is safe only while no thread of polars' or delta-rs' pools runs here."""
    names = {path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")}
    assert not {name for name in names if name.startswith(("tokio", "polars-0", "async-executor"))}, names


def main() -> None:
    for line in sys.stdin:
        _refuse_started_runtimes()
        print(json.dumps([asdict(ended) for ended in _obey(json.loads(line))]), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()

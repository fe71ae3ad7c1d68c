"""`python -m benchmarks.landing_tick`: the cost of Dagster's event log if a long history lands at once.

It lands the dates of a small sample, starts a real `cis ui`, turns on its landing sensor, and reads the duration of the
first tick. Then `cis backfill` reads the same dates in one run, and the event log shows how long Dagster recorded
planned and materialized partitions. It needs the dependencies of the tests.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import click
import dagster as dg
from dagster._core.events.log import EventLogEntry

from cis_assets.cli.instance import dagster_instance
from cis_assets.sources.landing_writer import land
from cis_assets.sources.sample import SampleOptions, SampleSource
from cis_assets_tests.server.dagster_server import CIS, running_server, wait_for
from cis_assets_tests.server.test_many_dates import first_tick

_LAST = date(2025, 10, 31)
_NOTED = {dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED, dg.DagsterEventType.ASSET_MATERIALIZATION}


@dataclass(frozen=True)
class Backfill:
    """How long a run took, how long of it Dagster noted down dates, and how many notes it made."""

    seconds: float
    noting_seconds: float
    notes: int


@click.command()
@click.option("--dates", default=1000, show_default=True, help="Order dates that land at once.")
@click.option("--customers", default=60, show_default=True, help="Customers of the sample.")
@click.option("--batch", type=int, help="DAGSTER_EVENT_BATCH_SIZE; 0: one by one.  [default: as `cis` sets it]")
@click.option("--skip-tick", is_flag=True, help="Only the backfill.")
def main(dates: int, customers: int, batch: int | None, skip_tick: bool) -> None:
    """Print how long the landing sensor's first tick and a backfill take, and Dagster's share of the backfill."""
    if batch is not None:
        os.environ["DAGSTER_EVENT_BATCH_SIZE"] = str(batch)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        land(SampleSource(SampleOptions(end=_LAST, customers=customers, days=dates)), str(folder / ".cis" / "landing"))
        if not skip_tick:
            click.echo(_tick_in_words(folder))
        made = _backfill(folder)
    click.echo(
        f"cis backfill of {dates} dates: {made.seconds:.1f} s, of which Dagster noted down dates for"
        f" {made.noting_seconds:.1f} s ({made.noting_seconds / made.seconds:.0%}, {made.notes:,} notes)"
    )


def _tick_in_words(folder: Path) -> str:
    with running_server(folder) as server:
        server.switch("landing_sensor", on=True)
        tick = wait_for(lambda: first_tick(server), seconds=600)
    return f"first tick: {tick['endTimestamp'] - tick['timestamp']:.1f} s, {len(tick['runIds'])} runs requested"


def _backfill(folder: Path) -> Backfill:
    """In a home of its own: the runs of the sensor were stopped with their server."""
    os.environ["DAGSTER_HOME"] = str(folder / "backfill")
    started = time.monotonic()
    subprocess.run([CIS, "backfill"], cwd=folder, check=True, capture_output=True)  # noqa: S603
    seconds = time.monotonic() - started
    with dagster_instance() as instance:
        (run,) = instance.get_runs()
        entries = instance.all_logs(run.run_id)
    return Backfill(seconds, _noting_seconds(entries), sum(entry.dagster_event_type in _NOTED for entry in entries))


def _noting_seconds(entries: Iterable[EventLogEntry]) -> float:
    """From the first note in a row to whatever follows the last: the start of the run, or the end of an output."""
    total, began = 0.0, None
    for entry in entries:
        if entry.dagster_event_type in _NOTED:
            began = began or entry.timestamp
        elif began:
            total, began = total + entry.timestamp - began, None
    return total


if __name__ == "__main__":
    main()

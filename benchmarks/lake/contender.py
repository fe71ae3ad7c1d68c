"""The interface of contenders. The measuring process imports only one of `ours`, `stock` and `plain`."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from datetime import date
from typing import Protocol, cast

import polars as pl

from benchmarks.lake.workload import Workload


@dataclass(frozen=True)
class Totals:
    """What a reader adds up over the rows it is given."""

    rows: int
    units: int


class Contender(Protocol):
    """Writes days of order lines to a lake and reads them back."""

    def write_at_once(self, days: list[date]) -> None:
        """Write all of these consecutive days together."""
        ...

    def write_day(self, day: date) -> None: ...

    def read(self, days: list[date]) -> Totals:
        """Add up the rows of these consecutive days."""
        ...


def load_contender(name: str, workload: Workload, lake: str) -> Contender:
    """Import the module `name` of this package and build its contender."""
    module = importlib.import_module(f"benchmarks.lake.{name}")
    return cast(Contender, module.contender(workload, lake))


def totals(lines: pl.LazyFrame) -> Totals:
    """Read two columns and add them up; the streaming engine, for every contender alike."""
    sums = lines.select(pl.len().alias("rows"), pl.col("quantity").cast(pl.Int64).sum().alias("units"))
    return Totals(**sums.collect(engine="streaming").row(0, named=True))

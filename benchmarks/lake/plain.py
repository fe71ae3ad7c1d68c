"""delta-rs without Dagster: one write of everything, or an overwrite per day."""

from __future__ import annotations

from datetime import date

import polars as pl
from deltalake import write_deltalake

from benchmarks.lake.contender import Totals, totals
from benchmarks.lake.workload import PARTITION_COLUMN, Workload, files_of, table_uri


class PlainContender:
    """`write_deltalake` and `scan_delta` as a script would call them."""

    def __init__(self, workload: Workload, lake: str) -> None:
        self._workload = workload
        self._uri = table_uri(lake)

    def write_at_once(self, days: list[date]) -> None:
        lines = pl.scan_parquet(files_of(self._workload, days)).collect()
        write_deltalake(self._uri, lines, partition_by=[PARTITION_COLUMN])

    def write_day(self, day: date) -> None:
        lines = pl.scan_parquet(self._workload.day_file(day)).collect()
        write_deltalake(
            self._uri,
            lines,
            mode="overwrite",
            predicate=f"{PARTITION_COLUMN} = '{day}'",
            partition_by=[PARTITION_COLUMN],
        )

    def read(self, days: list[date]) -> Totals:
        wanted = pl.col(PARTITION_COLUMN).is_between(pl.lit(days[0]), pl.lit(days[-1]))
        return totals(pl.scan_delta(self._uri).filter(wanted))


def contender(workload: Workload, lake: str) -> PlainContender:
    return PlainContender(workload, lake)

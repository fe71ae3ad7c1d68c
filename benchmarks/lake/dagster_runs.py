"""Dagster runs on an ephemeral instance, with the same assets for each IO manager.

All runs of a process share its instance, because creating one takes as long as a small write.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

import dagster as dg
import polars as pl

from benchmarks.lake.contender import Totals, totals
from benchmarks.lake.workload import FIRST_DAY, PARTITION_COLUMN, TABLE, Workload, files_of

_DAYS = dg.DailyPartitionsDefinition(start_date=FIRST_DAY.isoformat())
_RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


class DagsterContender:
    """Writes and reads through the inputs and outputs of assets, with any IO manager."""

    def __init__(self, workload: Workload, io_manager: Any) -> None:
        self._io_manager = io_manager
        self._instance = dg.DagsterInstance.ephemeral()
        self._order_items = _order_items(workload)

    def write_at_once(self, days: list[date]) -> None:
        span = (days[0].isoformat(), days[-1].isoformat())
        self._run([self._order_items], tags=dict(zip(_RANGE, span, strict=True)))

    def write_day(self, day: date) -> None:
        self._run([self._order_items], partition_key=day.isoformat())

    def read(self, days: list[date]) -> Totals:
        seen: list[Totals] = []
        reader = _reader(len(days), seen)
        self._run([self._order_items, reader], selection=[reader], partition_key=days[-1].isoformat())
        return seen[0]

    def _run(self, assets: Sequence[dg.AssetsDefinition], **arguments: Any) -> None:
        dg.materialize(assets, instance=self._instance, resources={"io_manager": self._io_manager}, **arguments)


def run_nothing(instance: dg.DagsterInstance) -> None:
    """A run of an asset that neither reads nor writes."""

    @dg.asset(partitions_def=_DAYS)
    def nothing() -> None:
        pass

    dg.materialize([nothing], instance=instance, partition_key=FIRST_DAY.isoformat())


def _order_items(workload: Workload) -> dg.AssetsDefinition:
    @dg.asset(
        key=list(TABLE),
        partitions_def=_DAYS,
        backfill_policy=dg.BackfillPolicy.single_run(),
        metadata={"partition_expr": PARTITION_COLUMN},
    )
    def order_items(context: dg.AssetExecutionContext) -> pl.LazyFrame:
        return pl.scan_parquet(files_of(workload, [date.fromisoformat(key) for key in context.partition_keys]))

    return order_items


def _reader(window: int, seen: list[Totals]) -> dg.AssetsDefinition:
    """An asset that adds up the `window` days that end with its own."""

    @dg.asset(
        partitions_def=_DAYS,
        ins={
            "order_items": dg.AssetIn(
                key=list(TABLE), partition_mapping=dg.TimeWindowPartitionMapping(start_offset=1 - window)
            )
        },
    )
    def reader(order_items: pl.LazyFrame) -> None:
        seen.append(totals(order_items))

    return reader

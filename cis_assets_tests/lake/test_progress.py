"""What a long write says of its progress."""

from datetime import date
from pathlib import Path

import dagster as dg
import polars as pl

from cis_assets.catalog import silver
from cis_assets.defs.partitions import ONE_RUN
from cis_assets.lake import progress
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.io_manager import LakeIOManager
from cis_assets.lake.progress import WriteProgress
from cis_assets.lake.resource import LakeResource
from cis_assets_tests.frames import table_frame
from cis_assets_tests.partitions import ORDER_DATES

DAYS = [date(2026, 1, number) for number in range(1, 8)]


def batch(*days: date, rows: int = 10) -> pl.DataFrame:
    return table_frame(silver.ORDERS, [{"order_date": day} for day in days for _ in range(rows)])


def test_every_few_seconds_a_line_says_which_dates_have_been_reached():
    said: list[str] = []
    moments = iter([0.0, 1.0, 11.0, 12.0, 22.0])
    watch = WriteProgress(silver.ORDERS, 7, said.append, lambda: next(moments))
    watch.observe(batch(DAYS[0]))
    assert said == []
    watch.observe(batch(DAYS[0], DAYS[1]))
    watch.observe(batch(DAYS[4]))
    watch.observe(batch(DAYS[1], DAYS[6]))
    assert said == [
        "silver/orders: rows of 2 of 7 dates so far, now also of 2026-01-01 to 2026-01-02.",
        "silver/orders: rows of 4 of 7 dates so far, now also of 2026-01-05, 2026-01-07.",
    ]


def test_a_range_run_says_in_its_log_how_far_it_is_before_its_dates_are_stored(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN", 0.0)

    @dg.asset(
        key=["silver", "orders"],
        partitions_def=ORDER_DATES,
        backfill_policy=ONE_RUN,
        metadata={"partition_expr": "order_date"},
    )
    def orders():
        return LazyChunks.of(batch(day) for day in DAYS)

    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [orders],
            instance=instance,
            resources={"io_manager": LakeIOManager(lake=LakeResource(uri=str(tmp_path)))},
            tags={
                "dagster/asset_partition_range_start": str(DAYS[0]),
                "dagster/asset_partition_range_end": str(DAYS[-1]),
            },
        )
        log = instance.all_logs(result.run_id)
    lines = [at for at, entry in enumerate(log) if entry.user_message.startswith("silver/orders: rows of ")]
    stored = [
        at for at, entry in enumerate(log) if entry.is_dagster_event and entry.dagster_event.is_step_materialization
    ]
    assert len(lines) == len(DAYS)
    assert max(lines) < min(stored)
    assert log[lines[-1]].user_message.endswith("rows of 7 of 7 dates so far, now also of 2026-01-07.")

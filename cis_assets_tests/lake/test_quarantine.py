"""Quarantined dates: an asset leaves them out, writes the others, and reports only those to Dagster."""

from datetime import date
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from cis_assets.catalog import gold, quality, silver
from cis_assets.dates import DateRange
from cis_assets.defs.partitions import ONE_RUN
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.io_manager import LakeIOManager
from cis_assets.lake.lake import Lake
from cis_assets.lake.quarantine import QuarantinedDatesError, QuarantinedRows, quarantined_dates
from cis_assets.lake.resource import LakeResource
from cis_assets_tests.frames import table_frame
from cis_assets_tests.partitions import ORDER_DATES

DAYS = [date(2026, 1, number) for number in range(1, 8)]
RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


def partitioned(key: list[str], column: str, frame: pl.DataFrame, *, held_by=()):
    """An asset that writes rows of `frame`: those of the days of its run, in two parts."""

    @dg.asset(
        key=key,
        partitions_def=ORDER_DATES,
        backfill_policy=ONE_RUN,
        metadata={"partition_expr": column, "held_by": list(held_by)},
    )
    def made(context: dg.AssetExecutionContext):
        days = [date.fromisoformat(key) for key in context.partition_keys]
        rows = frame.filter(pl.col(column).is_in(days))
        return LazyChunks.of([rows.head(1), rows.slice(1)])

    return made


def verdicts(faults: dict[date, str | None]) -> pl.DataFrame:
    return table_frame(
        quality.DATE_CHECKS,
        [{"order_date": day, "check": "volume", "fault": faults.get(day)} for day in DAYS],
    )


def orders(days=DAYS, count: int = 3) -> pl.DataFrame:
    return table_frame(
        silver.ORDERS, [{"order_date": day, "order_id": number} for day in days for number in range(count)]
    )


def materialize(asset, lake: Path, days: DateRange, *, must_succeed: bool = True):
    return dg.materialize(
        [asset],
        resources={"io_manager": LakeIOManager(lake=LakeResource(uri=str(lake)))},
        tags=dict(zip(RANGE, (str(days.first), str(days.last)), strict=True)),
        instance=dg.DagsterInstance.ephemeral(),
        raise_on_error=must_succeed,
    )


def stored_counts(lake: Path) -> dict[date, int]:
    stored = Lake(str(lake)).scan(silver.ORDERS)
    return dict(stored.group_by("order_date").len().sort("order_date").collect().iter_rows())


def hold(lake: Path, faults: dict[date, str | None]) -> None:
    asset = partitioned(["quality", "date_checks"], "order_date", verdicts(faults))
    materialize(asset, lake, DateRange(DAYS[0], DAYS[-1]))


def held_orders(count: int = 3):
    return partitioned(["silver", "orders"], "order_date", orders(count=count), held_by=[quality.DATE_CHECKS.path])


def test_a_held_date_is_left_out_and_the_others_are_written(tmp_path: Path):
    hold(tmp_path, {DAYS[0]: "Too few.", DAYS[3]: "Too many."})
    result = materialize(held_orders(), tmp_path, DateRange(DAYS[0], DAYS[4]))
    assert stored_counts(tmp_path) == dict.fromkeys([DAYS[1], DAYS[2], DAYS[4]], 3)
    told = [event.partition for event in result.get_asset_materialization_events()]
    assert told == [str(DAYS[1]), str(DAYS[2]), str(DAYS[4])]


def test_what_a_table_held_of_a_held_date_stays(tmp_path: Path):
    materialize(held_orders(count=2), tmp_path, DateRange(DAYS[0], DAYS[2]))
    hold(tmp_path, {DAYS[1]: "Too few."})
    materialize(held_orders(count=5), tmp_path, DateRange(DAYS[0], DAYS[2]))
    assert stored_counts(tmp_path) == {DAYS[0]: 5, DAYS[1]: 2, DAYS[2]: 5}


def test_each_date_that_is_written_still_gets_its_own_figures(tmp_path: Path):
    hold(tmp_path, {DAYS[1]: "Too few."})
    result = materialize(held_orders(), tmp_path, DateRange(DAYS[0], DAYS[2]))
    rows = {
        event.partition: event.materialization.metadata["dagster/partition_row_count"].value
        for event in result.get_asset_materialization_events()
    }
    assert rows == {str(DAYS[0]): 3, str(DAYS[2]): 3}


def test_a_run_of_held_dates_alone_fails_with_their_reasons_and_writes_nothing(tmp_path: Path):
    hold(tmp_path, {DAYS[0]: "Too few.", DAYS[1]: "Too many."})
    with pytest.raises(
        QuarantinedDatesError, match=r"Nothing was written to silver/orders. 2026-01-01: Too few. 2026-01-02: Too m"
    ):
        materialize(held_orders(), tmp_path, DateRange(DAYS[0], DAYS[1]))
    assert not Lake(str(tmp_path)).exists(silver.ORDERS)


def test_a_snapshot_as_of_a_held_order_date_is_held(tmp_path: Path):
    hold(tmp_path, {DAYS[1]: "Too few."})
    frame = table_frame(gold.CUSTOMER_FEATURES, [{"as_of_date": day} for day in DAYS])
    asset = partitioned(["gold", "customer_features"], "as_of_date", frame, held_by=[quality.DATE_CHECKS.path])
    materialize(asset, tmp_path, DateRange(DAYS[0], DAYS[2]))
    stored = Lake(str(tmp_path)).scan(gold.CUSTOMER_FEATURES).collect()
    assert sorted(stored["as_of_date"]) == [DAYS[0], DAYS[2]]


def test_nothing_is_held_before_there_are_any_verdicts(tmp_path: Path):
    materialize(held_orders(), tmp_path, DateRange(DAYS[0], DAYS[2]))
    assert stored_counts(tmp_path) == dict.fromkeys(DAYS[:3], 3)


def test_a_date_is_free_again_when_its_fault_is_gone(tmp_path: Path):
    hold(tmp_path, {DAYS[1]: "Too few."})
    hold(tmp_path, {})
    materialize(held_orders(), tmp_path, DateRange(DAYS[1], DAYS[1]))
    assert stored_counts(tmp_path) == {DAYS[1]: 3}


def test_an_asset_that_returns_its_quarantined_dates_needs_no_stored_table(tmp_path: Path):
    @dg.asset(
        key=["silver", "orders"],
        partitions_def=ORDER_DATES,
        backfill_policy=ONE_RUN,
        metadata={"partition_expr": "order_date", "held_by": [quality.DATE_CHECKS.path]},
    )
    def made():
        return QuarantinedRows(LazyChunks.of([orders(DAYS[:3])]), {DAYS[1]: "Too few."})

    # What the asset returns decides, not what an earlier run stored.
    hold(tmp_path, {DAYS[0]: "Too many."})
    result = materialize(made, tmp_path, DateRange(DAYS[0], DAYS[2]))
    assert stored_counts(tmp_path) == {DAYS[0]: 3, DAYS[2]: 3}
    told = [event.partition for event in result.get_asset_materialization_events()]
    assert told == [str(DAYS[0]), str(DAYS[2])]


def test_an_asset_whose_dates_are_all_quarantined_fails_with_their_reasons(tmp_path: Path):
    @dg.asset(
        key=["silver", "orders"],
        partitions_def=ORDER_DATES,
        backfill_policy=ONE_RUN,
        metadata={"partition_expr": "order_date"},
    )
    def made():
        return QuarantinedRows(LazyChunks.of([orders(DAYS[:1])]), {DAYS[0]: "Too few.", DAYS[5]: "Another run's."})

    with pytest.raises(QuarantinedDatesError, match=r"Nothing was written to silver/orders. 2026-01-01: Too few.$"):
        materialize(made, tmp_path, DateRange(DAYS[0], DAYS[0]))


def test_several_faults_of_a_date_are_all_said(tmp_path: Path):
    frame = table_frame(
        quality.DATE_CHECKS,
        [
            {"order_date": DAYS[0], "check": "references", "fault": "Lines without orders."},
            {"order_date": DAYS[0], "check": "volume", "fault": "Too few."},
        ],
    )
    materialize(partitioned(["quality", "date_checks"], "order_date", frame), tmp_path, DateRange(DAYS[0], DAYS[0]))
    held = quarantined_dates(Lake(str(tmp_path)), [quality.DATE_CHECKS.path], DateRange(DAYS[0], DAYS[6]))
    assert held == {DAYS[0]: "Lines without orders. Too few."}

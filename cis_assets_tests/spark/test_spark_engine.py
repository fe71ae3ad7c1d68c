"""Slices scanned and replaced by Spark on a real Spark Connect server, with the rules that hold for polars."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import narwhals as nw
import polars as pl
import pytest
from deltalake import DeltaTable
from polars.testing import assert_frame_equal

from cis_assets.catalog import TABLES, Table, gold, silver
from cis_assets.dates import DateRange
from cis_assets.lake import write_path
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.engines import spark_engine
from cis_assets.lake.engines.engine import (
    BrokenRuleError,
    DuplicateKeyError,
    EmptySliceError,
    OutsideSliceError,
    TableAbsentError,
    TableLocation,
)
from cis_assets.lake.engines.polars_engine import PolarsEngine
from cis_assets.lake.engines.spark_engine import SparkEngine
from cis_assets.lake.slices import Slice
from cis_assets.lake.stored_schema import COMPAT
from cis_assets.lake.write_path import UnsettledCommitError
from cis_assets.storage.errors import StorageError
from cis_assets_tests.conftest import rows_of
from cis_assets_tests.frames import table_frame
from cis_assets_tests.lake.engines.test_polars_engine import GROWN

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

ORDERS = silver.ORDERS
FEATURES = gold.CUSTOMER_FEATURES
DAYS = [date(2026, 1, number) for number in range(1, 6)]

Put = Callable[[pl.DataFrame], nw.LazyFrame]


@pytest.fixture
def location(folder: Path) -> TableLocation:
    return TableLocation(str(folder / "silver" / "orders"))


@pytest.fixture
def put(spark: SparkSession) -> Put:
    """A frame of polars as one of Spark, in the same types even where it is empty."""

    def put(frame: pl.DataFrame) -> nw.LazyFrame:
        from pyspark.sql.pandas.types import from_arrow_schema

        rows = frame.to_arrow(compat_level=COMPAT)
        if frame.height:
            return nw.from_native(spark.createDataFrame(rows))
        return nw.from_native(spark.createDataFrame([], from_arrow_schema(rows.schema)))

    return put


def orders(*days: date, count: int = 2, customer: int = 1) -> pl.DataFrame:
    return table_frame(
        ORDERS,
        [{"order_date": day, "order_id": number, "customer_id": customer} for day in days for number in range(count)],
    )


def days(first: date, last: date | None = None) -> Slice:
    return Slice.of(order_date=DateRange(first, last or first))


def counts(location: TableLocation) -> dict[date, int]:
    stored = PolarsEngine().scan_polars(ORDERS, location)
    return dict(stored.group_by("order_date").len().sort("order_date").collect().iter_rows())


@pytest.fixture
def replace(engine: SparkEngine, location: TableLocation, put: Put) -> Callable[..., int]:
    def replace(frame: pl.DataFrame, first: date, last: date | None = None) -> int:
        return engine.replace(ORDERS, location, days(first, last), LazyChunks.of([put(frame)])).rows

    return replace


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_what_spark_writes_polars_reads_and_the_reverse(table: Table, engine: SparkEngine, folder: Path) -> None:
    values = {pl.List(pl.String): ["a", "b"], pl.Datetime("us", "UTC"): datetime(2026, 1, 1, 8, tzinfo=UTC)}
    frame = table_frame(table, [{}, {}, {}]).with_columns(
        pl.lit(values[dtype], dtype).alias(name) for name, dtype in table.dtypes.items() if dtype in values
    )
    where = Slice(tuple((name, DateRange(date(2026, 1, 1), date(2026, 1, 1))) for name in table.partition_by))
    by_polars, by_spark = TableLocation(str(folder / "polars")), TableLocation(str(folder / "spark"))
    PolarsEngine().replace(table, by_polars, where, LazyChunks.of([frame]))
    read_by_spark = engine.scan(table, by_polars, where)
    assert read_by_spark.collect_schema().to_polars() == frame.schema
    assert engine.replace(table, by_spark, where, LazyChunks.of([read_by_spark])).rows == 3
    found = PolarsEngine().scan_polars(table, by_spark).collect()
    assert_frame_equal(found, frame, check_row_order=table.name == "segment_model", check_exact=True)
    assert DeltaTable(by_spark.uri).history(1)[0]["engineInfo"].startswith("sail")


def test_a_range_in_parts_is_one_commit(engine: SparkEngine, location: TableLocation, put: Put):
    parts = LazyChunks.of(put(orders(day)) for day in DAYS)
    written = engine.replace(ORDERS, location, days(DAYS[0], DAYS[4]), parts)
    assert written.rows == 10
    assert [commit["operation"] for commit in DeltaTable(location.uri).history()].count("WRITE") == 1
    assert counts(location) == dict.fromkeys(DAYS, 2)


def test_replacing_one_day_leaves_the_others(replace: Callable[..., int], location: TableLocation):
    replace(orders(*DAYS), DAYS[0], DAYS[4])
    assert replace(orders(DAYS[2], count=7), DAYS[2]) == 7
    assert counts(location) == {day: 7 if day == DAYS[2] else 2 for day in DAYS}


def test_replacing_the_same_slice_twice_changes_nothing(replace: Callable[..., int], location: TableLocation):
    for _ in range(2):
        replace(orders(*DAYS), DAYS[0], DAYS[4])
    stored = PolarsEngine().scan_polars(ORDERS, location).collect()
    assert_frame_equal(stored, orders(*DAYS), check_row_order=False)


def test_a_day_of_a_range_without_rows_becomes_empty(replace: Callable[..., int], location: TableLocation):
    replace(orders(*DAYS), DAYS[0], DAYS[4])
    replace(orders(DAYS[1]), DAYS[1], DAYS[2])
    assert counts(location) == {day: 2 for day in DAYS if day != DAYS[2]}


def test_an_unpartitioned_table_is_replaced_whole(engine: SparkEngine, folder: Path, put: Put):
    location = TableLocation(str(folder))
    for number in (1, 2):
        frame = table_frame(silver.PRODUCTS, [{"product_id": number}])
        engine.replace(silver.PRODUCTS, location, Slice(), LazyChunks.of([put(frame)]))
    assert rows_of(PolarsEngine().scan_polars(silver.PRODUCTS, location), "product_id") == [(2,)]


@pytest.mark.parametrize("outside", [DAYS[0], DAYS[3]])
def test_rows_outside_the_slice_are_refused_and_the_table_stays(
    replace: Callable[..., int], location: TableLocation, outside: date
):
    replace(orders(*DAYS), DAYS[0], DAYS[4])
    with pytest.raises(
        OutsideSliceError,
        match=f"silver/orders: a row with order_date {outside} was about to be written to 2026-01-02 to 2026-01-03",
    ):
        replace(orders(DAYS[1], outside), DAYS[1], DAYS[2])
    assert counts(location) == dict.fromkeys(DAYS, 2)


def test_a_row_without_a_partition_is_outside_every_slice(replace: Callable[..., int], location: TableLocation):
    replace(orders(DAYS[0]), DAYS[0])
    lost = pl.concat([orders(DAYS[0]), orders(DAYS[0]).with_columns(order_date=pl.lit(None, pl.Date))])
    with pytest.raises(OutsideSliceError, match="a row with order_date missing"):
        replace(lost, DAYS[0])
    assert counts(location) == {DAYS[0]: 2}


def test_an_empty_slice_is_refused_where_the_catalog_says_so(engine: SparkEngine, folder: Path):
    location = TableLocation(str(folder))
    where = Slice.of(as_of_date=DateRange(DAYS[0], DAYS[0]))
    frame = table_frame(FEATURES, [{"as_of_date": DAYS[0]}])
    PolarsEngine().replace(FEATURES, location, where, LazyChunks.of([frame]))
    nobody = engine.scan(FEATURES, location).filter(nw.col("customer_id") < 0)
    with pytest.raises(EmptySliceError, match=r"gold/customer_features would become empty for 2026-01-01"):
        engine.replace(FEATURES, location, where, LazyChunks.of([nobody]))
    assert PolarsEngine().scan_polars(FEATURES, location).collect().height == 1


def test_an_empty_slice_is_written_where_it_is_legal(replace: Callable[..., int], location: TableLocation):
    replace(orders(*DAYS[:2]), DAYS[0], DAYS[1])
    assert replace(ORDERS.empty(), DAYS[0]) == 0
    assert counts(location) == {DAYS[1]: 2}
    assert replace(ORDERS.empty(), DAYS[1]) == 0
    assert counts(location) == {}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"order_hour": pl.lit(24, pl.Int32)}, "order_hour is above 23 in the row with order_date 2026-01-01"),
        ({"order_hour": pl.lit(None, pl.Int32)}, "order_hour is missing in the row with order_date 2026-01-01"),
    ],
)
def test_a_row_that_breaks_a_rule_is_refused_by_the_stored_table_and_named(
    replace: Callable[..., int], location: TableLocation, change: dict, words: str
):
    replace(orders(DAYS[0]), DAYS[0])
    with pytest.raises(BrokenRuleError, match=f"silver/orders: {words}"):
        replace(orders(DAYS[0], count=5).with_columns(**change), DAYS[0])
    assert counts(location) == {DAYS[0]: 2}


def test_a_computation_that_fails_leaves_the_table_and_is_told_in_one_line(
    engine: SparkEngine, location: TableLocation, replace: Callable[..., int], spark: SparkSession
):
    replace(orders(DAYS[0]), DAYS[0])
    from pyspark.sql import functions as F

    rows = engine.scan(ORDERS, location).to_native().withColumn("spend", F.raise_error(F.lit("a source\nwent away")))
    bad = nw.from_native(rows.withColumn("spend", F.col("spend").cast("double")))
    with pytest.raises(
        StorageError, match=r"Writing silver/orders failed: .*a source.*\. The table was left"
    ) as failure:
        engine.replace(ORDERS, location, days(DAYS[0]), LazyChunks.of([bad]))
    assert "\n" not in str(failure.value)
    assert counts(location) == {DAYS[0]: 2}


def test_reading_a_table_that_was_never_made_says_so(engine: SparkEngine, location: TableLocation):
    with pytest.raises(TableAbsentError, match="no table silver/orders"):
        engine.scan(ORDERS, location)


def test_a_scan_brings_the_rows_and_columns_asked_for(
    engine: SparkEngine, location: TableLocation, replace: Callable[..., int]
):
    replace(orders(*DAYS), DAYS[0], DAYS[4])
    frame = engine.scan(ORDERS, location, days(DAYS[1], DAYS[2]), ["customer_id", "order_date"])
    found = frame.collect(backend="polars").to_native()
    assert found.columns == ["customer_id", "order_date"]
    assert set(found["order_date"]) == set(DAYS[1:3])
    single = engine.scan(ORDERS, location, Slice.of(order_date=(DAYS[0], DAYS[4])))
    assert set(single.collect(backend="polars").to_native()["order_date"]) == {DAYS[0], DAYS[4]}


def test_a_scan_reads_only_the_files_of_its_days(
    engine: SparkEngine, location: TableLocation, replace: Callable[..., int]
):
    replace(orders(*DAYS), DAYS[0], DAYS[4])
    for path in Path(location.uri).glob("order_date=2026-01-05/*"):
        path.write_bytes(b"no parquet")
    frame = engine.scan(ORDERS, location, days(DAYS[0], DAYS[3]))
    assert len(frame.collect(backend="polars")) == 8


def test_a_scan_stays_with_the_table_as_it_was(
    engine: SparkEngine, location: TableLocation, replace: Callable[..., int]
):
    replace(orders(DAYS[0]), DAYS[0])
    frame = engine.scan(ORDERS, location)
    replace(orders(DAYS[0], count=9), DAYS[0])
    assert len(frame.collect(backend="polars")) == 2


def test_a_column_that_no_write_has_added_yet_is_read_as_missing(
    engine: SparkEngine, location: TableLocation, replace: Callable[..., int]
):
    replace(orders(DAYS[0]), DAYS[0])
    found = engine.scan(GROWN, location).collect(backend="polars").to_native()
    assert found.schema == GROWN.dtypes
    assert found["channel"].to_list() == [None, None]


def test_a_new_column_that_may_be_missing_is_added_to_the_stored_table(
    engine: SparkEngine, location: TableLocation, replace: Callable[..., int], put: Put
):
    replace(orders(*DAYS[:2]), DAYS[0], DAYS[1])
    news = put(orders(DAYS[0]).with_columns(channel=pl.lit("app")))
    engine.replace(GROWN, location, days(DAYS[0]), LazyChunks.of([news]))
    assert rows_of(PolarsEngine().scan_polars(GROWN, location), "order_date", "channel") == [
        (DAYS[0], "app"), (DAYS[0], "app"), (DAYS[1], None), (DAYS[1], None),
    ]  # fmt: skip


def test_writers_of_one_day_on_spark_and_on_polars_all_succeed(spark_remote: str, location: TableLocation):
    """In processes of their own, as runs are; without trying again, about half of these writes would fail."""
    code = f"""
import sys
import narwhals as nw
from pyspark.sql import SparkSession
from cis_assets.lake.stored_schema import COMPAT
from cis_assets.lake.engines.engine import TableLocation
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.engines.spark_engine import SparkEngine
from cis_assets_tests.spark.test_spark_engine import DAYS, ORDERS, days, orders
spark = SparkSession.builder.remote({spark_remote!r}).create()
frame = orders(DAYS[0], customer=int(sys.argv[1]))
parts = LazyChunks.of([frame if sys.argv[2] == "polars" else nw.from_native(spark.createDataFrame(frame.to_arrow(compat_level=COMPAT)))])
for _ in range(6):
    assert SparkEngine(lambda: spark).replace(ORDERS, TableLocation({location.uri!r}), days(DAYS[0]), parts).rows == 2
"""
    root = Path(__file__).parents[2]
    engines = ("spark", "spark", "polars")
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(number), kind], cwd=root)
        for number, kind in enumerate(engines)
    ]
    assert [writer.wait(timeout=180) for writer in writers] == [0, 0, 0]
    assert counts(location) == {DAYS[0]: 2}


def test_a_write_that_loses_to_another_one_is_tried_again(
    replace: Callable[..., int], location: TableLocation, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(write_path, "_PAUSES", (0.01, 0.01))
    replace(orders(DAYS[0]), DAYS[0])
    _before_saving(monkeypatch, lambda: _write_by_polars(location))
    assert replace(orders(DAYS[0], count=5), DAYS[0]) == 5
    assert counts(location) == {DAYS[0]: 5}


def test_the_figures_are_those_of_the_write_s_own_commit(
    engine: SparkEngine, location: TableLocation, put: Put, monkeypatch: pytest.MonkeyPatch
):
    _after_saving(monkeypatch, lambda: _write_by_polars(location))
    written = engine.replace(ORDERS, location, days(DAYS[0]), LazyChunks.of([put(orders(DAYS[0], count=5))]))
    assert written.rows == 5
    assert DeltaTable(location.uri).version() == written.table.version() + 1


def test_a_commit_whose_answer_was_lost_is_found_and_not_repeated(
    replace: Callable[..., int], location: TableLocation, monkeypatch: pytest.MonkeyPatch
):
    replace(orders(DAYS[0]), DAYS[0])
    before = DeltaTable(location.uri).version()
    _after_saving(monkeypatch, _go_away)
    assert replace(orders(DAYS[0], count=7), DAYS[0]) == 7
    assert DeltaTable(location.uri).version() == before + 1


def test_a_spark_that_goes_away_before_the_commit_is_not_said_to_have_left_everything_as_it_was(
    replace: Callable[..., int], location: TableLocation, monkeypatch: pytest.MonkeyPatch
):
    replace(orders(DAYS[0]), DAYS[0])
    _before_saving(monkeypatch, _go_away)
    with pytest.raises(UnsettledCommitError, match=r"Spark became unreachable.*if Spark still completes.*Run it again"):
        replace(orders(DAYS[0], count=7), DAYS[0])
    assert counts(location) == {DAYS[0]: 2}


def _go_away() -> None:
    import grpc
    from pyspark.errors.exceptions.connect import SparkConnectGrpcException

    raise SparkConnectGrpcException("failed to connect to all addresses", grpc_status_code=grpc.StatusCode.UNAVAILABLE)


def _write_by_polars(location: TableLocation) -> None:
    PolarsEngine().replace(ORDERS, location, days(DAYS[0]), LazyChunks.of([orders(DAYS[0], count=3)]))


def _before_saving(monkeypatch: pytest.MonkeyPatch, first: Callable[[], None]) -> None:
    """Something that happens once, between the plan of a write and its execution."""
    _around_saving(monkeypatch, first, lambda: None)


def _after_saving(monkeypatch: pytest.MonkeyPatch, then: Callable[[], None]) -> None:
    _around_saving(monkeypatch, lambda: None, then)


def _around_saving(monkeypatch: pytest.MonkeyPatch, first: Callable[[], None], then: Callable[[], None]) -> None:
    save, times = spark_engine._save, iter([1])

    def saved(*arguments) -> None:
        once = next(times, None)
        if once:
            first()
        save(*arguments)
        if once:
            then()

    monkeypatch.setattr(spark_engine, "_save", saved)


def test_frames_of_polars_are_written_by_polars(engine: SparkEngine, location: TableLocation):
    engine.replace(ORDERS, location, days(DAYS[0]), LazyChunks.of([orders(DAYS[0])]))
    assert DeltaTable(location.uri).history(1)[0]["engineInfo"].startswith("delta-rs")


def test_a_batch_from_spark_is_appended_once(engine: SparkEngine, location: TableLocation, put: Put):
    batches = {f"orders/{day}": days(day) for day in DAYS[:2]}
    parts = LazyChunks.of([put(orders(*DAYS[:2]))])
    rows = [engine.append(ORDERS, location, days(DAYS[0], DAYS[1]), batches, parts).rows for _ in range(2)]
    assert rows == [4, 0]
    assert counts(location) == dict.fromkeys(DAYS[:2], 2)


def test_rows_from_spark_are_merged_by_key(engine: SparkEngine, location: TableLocation, put: Put):
    for customer in (1, 9):
        engine.merge(ORDERS, location, days(DAYS[0]), LazyChunks.of([put(orders(DAYS[0], customer=customer))]))
    assert rows_of(PolarsEngine().scan_polars(ORDERS, location), "order_id", "customer_id") == [(0, 9), (1, 9)]
    twice = pl.concat([orders(DAYS[0])] * 2)
    with pytest.raises(DuplicateKeyError):
        engine.merge(ORDERS, location, days(DAYS[0]), LazyChunks.of([put(twice)]))

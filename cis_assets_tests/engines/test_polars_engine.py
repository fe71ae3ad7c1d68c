from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError
from polars.testing import assert_frame_equal

from cis_assets.catalog import gold, silver
from cis_assets.engines import polars_engine
from cis_assets.engines.engine import EmptySliceError, OutsideSliceError, TableAbsentError, TableLocation
from cis_assets.engines.parts import LazyParts
from cis_assets.engines.polars_engine import PolarsEngine
from cis_assets.partitions import DateRange
from cis_assets_tests.conftest import rows_of
from cis_assets_tests.frames import table_frame

ORDERS = silver.ORDERS
FEATURES = gold.CUSTOMER_FEATURES
DAYS = [date(2026, 1, number) for number in range(1, 6)]


@pytest.fixture
def location(tmp_path: Path) -> TableLocation:
    return TableLocation(str(tmp_path / "lake" / "silver" / "orders"))


def orders(*days: date, count: int = 2, customer: int = 1) -> pl.LazyFrame:
    return table_frame(
        ORDERS,
        [{"order_date": day, "order_id": number, "customer_id": customer} for day in days for number in range(count)],
    ).lazy()


def counts(location: TableLocation) -> dict[date, int]:
    stored = PolarsEngine().scan_polars(ORDERS, location, None)
    return dict(stored.group_by("order_date").len().sort("order_date").collect().iter_rows())


def test_a_range_is_written_in_one_commit_and_read_by_day_or_range(location: TableLocation):
    engine = PolarsEngine()
    assert engine.replace(ORDERS, location, DateRange(DAYS[0], DAYS[4]), LazyParts.of([orders(*DAYS)])) == 10
    assert DeltaTable(location.uri).version() == 1
    assert rows_of(engine.scan_polars(ORDERS, location, DateRange(DAYS[1], DAYS[2])), "order_date") == [
        (DAYS[1],), (DAYS[1],), (DAYS[2],), (DAYS[2],)
    ]  # fmt: skip


def test_replacing_one_day_leaves_the_others(location: TableLocation):
    engine = PolarsEngine()
    engine.replace(ORDERS, location, DateRange(DAYS[0], DAYS[4]), LazyParts.of([orders(*DAYS)]))
    engine.replace(ORDERS, location, DateRange(DAYS[2], DAYS[2]), LazyParts.of([orders(DAYS[2], count=7)]))
    assert counts(location) == {day: 7 if day == DAYS[2] else 2 for day in DAYS}


def test_replacing_the_same_slice_twice_changes_nothing(location: TableLocation):
    engine = PolarsEngine()
    for _ in range(2):
        engine.replace(ORDERS, location, DateRange(DAYS[0], DAYS[4]), LazyParts.of([orders(*DAYS)]))
    stored = engine.scan_polars(ORDERS, location, None).collect()
    assert_frame_equal(stored, orders(*DAYS).collect(), check_row_order=False)


def test_a_day_of_a_range_without_rows_becomes_empty(location: TableLocation):
    engine = PolarsEngine()
    engine.replace(ORDERS, location, DateRange(DAYS[0], DAYS[4]), LazyParts.of([orders(*DAYS)]))
    engine.replace(ORDERS, location, DateRange(DAYS[1], DAYS[2]), LazyParts.of([orders(DAYS[1])]))
    assert counts(location) == {day: 2 for day in DAYS if day != DAYS[2]}


@pytest.mark.parametrize("outside", [DAYS[0], DAYS[3]])
def test_rows_outside_the_slice_are_refused_and_the_table_stays(location: TableLocation, outside: date):
    engine = PolarsEngine()
    engine.replace(ORDERS, location, DateRange(DAYS[0], DAYS[4]), LazyParts.of([orders(*DAYS)]))
    with pytest.raises(OutsideSliceError, match=r"silver/orders.*2026-01-02 to 2026-01-03"):
        engine.replace(ORDERS, location, DateRange(DAYS[1], DAYS[2]), LazyParts.of([orders(DAYS[1], outside)]))
    assert counts(location) == dict.fromkeys(DAYS, 2)


def test_an_empty_slice_is_refused_where_the_catalog_says_so(tmp_path: Path):
    location = TableLocation(str(tmp_path / "features"))
    engine = PolarsEngine()
    slice_of_one = DateRange(DAYS[0], DAYS[0])
    engine.replace(
        FEATURES, location, slice_of_one, LazyParts.of([table_frame(FEATURES, [{"as_of_date": DAYS[0]}]).lazy()])
    )
    with pytest.raises(EmptySliceError, match=r"gold/customer_features.*2026-01-01"):
        engine.replace(FEATURES, location, slice_of_one, LazyParts.of([FEATURES.empty().lazy()]))
    assert engine.scan_polars(FEATURES, location, None).collect().height == 1


def test_an_empty_slice_is_written_where_it_is_legal(location: TableLocation):
    engine = PolarsEngine()
    engine.replace(ORDERS, location, DateRange(DAYS[0], DAYS[1]), LazyParts.of([orders(*DAYS[:2])]))
    assert engine.replace(ORDERS, location, DateRange(DAYS[0], DAYS[0]), LazyParts.of([ORDERS.empty().lazy()])) == 0
    assert counts(location) == {DAYS[1]: 2}


def test_an_error_in_the_middle_of_the_stream_is_raised_as_itself_and_nothing_is_written(location: TableLocation):
    engine = PolarsEngine()
    engine.replace(ORDERS, location, DateRange(DAYS[0], DAYS[0]), LazyParts.of([orders(DAYS[0])]))

    def fail(batch: pl.DataFrame) -> pl.DataFrame:
        if batch["customer_id"].max() == 2:
            raise pl.exceptions.ComputeError("a source went away")
        return batch

    bad = pl.concat([orders(DAYS[0]), orders(DAYS[0], customer=2)]).map_batches(fail, streamable=True)
    with pytest.raises(pl.exceptions.ComputeError, match="a source went away"):
        engine.replace(ORDERS, location, DateRange(DAYS[0], DAYS[0]), LazyParts.of([bad]))
    assert counts(location) == {DAYS[0]: 2}


def test_reading_a_table_that_was_never_made_says_so(location: TableLocation):
    with pytest.raises(TableAbsentError, match="no table silver/orders"):
        PolarsEngine().scan_polars(ORDERS, location, None)


def test_the_stored_table_carries_names_descriptions_and_what_may_be_missing(location: TableLocation):
    PolarsEngine().replace(ORDERS, location, DateRange(DAYS[0], DAYS[0]), LazyParts.of([orders(DAYS[0])]))
    stored = DeltaTable(location.uri)
    assert stored.metadata().name == "silver/orders"
    assert stored.metadata().partition_columns == ["order_date"]
    fields = {field.name: field for field in stored.schema().fields}
    assert fields["spend"].nullable
    assert not fields["order_id"].nullable
    assert fields["order_hour"].metadata["comment"] == ORDERS.column_description("order_hour")


def test_a_scan_reads_only_the_files_of_its_days(location: TableLocation):
    engine = PolarsEngine()
    engine.replace(ORDERS, location, DateRange(DAYS[0], DAYS[4]), LazyParts.of([orders(*DAYS)]))
    for path in Path(location.uri).glob("order_date=2026-01-05/*"):
        path.write_bytes(b"no parquet")
    assert engine.scan_polars(ORDERS, location, DateRange(DAYS[0], DAYS[3])).collect().height == 8


def test_a_write_that_loses_to_another_one_is_tried_again(location: TableLocation, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(polars_engine, "_PAUSES", (0.01, 0.01))
    write, failures = polars_engine.write_deltalake, iter([CommitFailedError("lost"), CommitFailedError("lost")])

    def lose_twice(*arguments, **options):
        for failure in failures:
            raise failure
        return write(*arguments, **options)

    monkeypatch.setattr(polars_engine, "write_deltalake", lose_twice)
    slice_of_one = DateRange(DAYS[0], DAYS[0])
    assert PolarsEngine().replace(ORDERS, location, slice_of_one, LazyParts.of([orders(DAYS[0])])) == 2
    assert counts(location) == {DAYS[0]: 2}


def test_a_write_that_always_loses_fails(location: TableLocation, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(polars_engine, "_PAUSES", (0.01,))

    def lose(*_, **__):
        raise CommitFailedError("lost")

    monkeypatch.setattr(polars_engine, "write_deltalake", lose)
    with pytest.raises(CommitFailedError, match="lost"):
        PolarsEngine().replace(ORDERS, location, DateRange(DAYS[0], DAYS[0]), LazyParts.of([orders(DAYS[0])]))


def test_writers_that_replace_the_same_table_at_once_all_succeed(tmp_path: Path):
    """In processes of their own, as runs are; without trying again, about half of these writes would fail."""
    code = f"""
import sys
from cis_assets.catalog import silver
from cis_assets.engines.engine import TableLocation
from cis_assets.engines.parts import LazyParts
from cis_assets.engines.polars_engine import PolarsEngine
from cis_assets_tests.frames import table_frame
frame = table_frame(silver.PRODUCTS, [{{"product_id": int(sys.argv[1])}}])
for _ in range(10):
    PolarsEngine().replace(silver.PRODUCTS, TableLocation({str(tmp_path / "products")!r}), None, LazyParts.of([frame]))
"""
    root = Path(__file__).parents[2]
    writers = [subprocess.Popen([sys.executable, "-c", code, str(number)], cwd=root) for number in (1, 2)]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0]
    stored = PolarsEngine().scan_polars(silver.PRODUCTS, TableLocation(str(tmp_path / "products")), None).collect()
    assert stored["product_id"].to_list() in ([1], [2])

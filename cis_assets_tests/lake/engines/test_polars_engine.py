from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import dataframely as dy
import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError
from polars.testing import assert_frame_equal

from cis_assets.catalog import TABLES, SchemaMismatchError, Table, bronze, gold, silver
from cis_assets.dates import DateRange
from cis_assets.lake import write_path
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.delta_table import open_or_create
from cis_assets.lake.engines.engine import (
    BrokenRuleError,
    DuplicateKeyError,
    EmptySliceError,
    OutsideSliceError,
    TableAbsentError,
    TableLocation,
)
from cis_assets.lake.engines.polars_engine import PolarsEngine
from cis_assets.lake.slices import WHOLE, Slice
from cis_assets.storage.errors import StorageError
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


def replace(location: TableLocation, frame: pl.LazyFrame, first: date, last: date | None = None) -> int:
    where = Slice.of(order_date=DateRange(first, last or first))
    return PolarsEngine().replace(ORDERS, location, where, LazyChunks.of([frame])).rows


def counts(location: TableLocation) -> dict[date, int]:
    stored = PolarsEngine().scan_polars(ORDERS, location)
    return dict(stored.group_by("order_date").len().sort("order_date").collect().iter_rows())


def test_a_range_is_written_in_one_commit_and_read_by_day_or_range(location: TableLocation):
    assert replace(location, orders(*DAYS), DAYS[0], DAYS[4]) == 10
    assert [commit["operation"] for commit in DeltaTable(location.uri).history()].count("WRITE") == 1
    assert rows_of(PolarsEngine().scan_polars(ORDERS, location, Slice.of(order_date=DateRange(DAYS[1], DAYS[2]))), "order_date") == [
        (DAYS[1],), (DAYS[1],), (DAYS[2],), (DAYS[2],)
    ]  # fmt: skip


def test_replacing_one_day_leaves_the_others(location: TableLocation):
    replace(location, orders(*DAYS), DAYS[0], DAYS[4])
    replace(location, orders(DAYS[2], count=7), DAYS[2])
    assert counts(location) == {day: 7 if day == DAYS[2] else 2 for day in DAYS}


def test_replacing_the_same_slice_twice_changes_nothing(location: TableLocation):
    for _ in range(2):
        replace(location, orders(*DAYS), DAYS[0], DAYS[4])
    stored = PolarsEngine().scan_polars(ORDERS, location).collect()
    assert_frame_equal(stored, orders(*DAYS).collect(), check_row_order=False)


def test_a_day_of_a_range_without_rows_becomes_empty(location: TableLocation):
    replace(location, orders(*DAYS), DAYS[0], DAYS[4])
    replace(location, orders(DAYS[1]), DAYS[1], DAYS[2])
    assert counts(location) == {day: 2 for day in DAYS if day != DAYS[2]}


@pytest.mark.parametrize("outside", [DAYS[0], DAYS[3]])
def test_rows_outside_the_slice_are_refused_and_the_table_stays(location: TableLocation, outside: date):
    replace(location, orders(*DAYS), DAYS[0], DAYS[4])
    with pytest.raises(OutsideSliceError, match=r"silver/orders.*2026-01-02 to 2026-01-03"):
        replace(location, orders(DAYS[1], outside), DAYS[1], DAYS[2])
    assert counts(location) == dict.fromkeys(DAYS, 2)


def test_an_empty_slice_is_refused_where_the_catalog_says_so(tmp_path: Path):
    location = TableLocation(str(tmp_path / "features"))
    slice_of_one = Slice.of(as_of_date=DateRange(DAYS[0], DAYS[0]))
    PolarsEngine().replace(
        FEATURES, location, slice_of_one, LazyChunks.of([table_frame(FEATURES, [{"as_of_date": DAYS[0]}]).lazy()])
    )
    with pytest.raises(EmptySliceError, match=r"gold/customer_features.*2026-01-01"):
        PolarsEngine().replace(FEATURES, location, slice_of_one, LazyChunks.of([FEATURES.empty().lazy()]))
    assert PolarsEngine().scan_polars(FEATURES, location).collect().height == 1


def test_an_empty_slice_is_written_where_it_is_legal(location: TableLocation):
    replace(location, orders(*DAYS[:2]), DAYS[0], DAYS[1])
    assert replace(location, ORDERS.empty().lazy(), DAYS[0]) == 0
    assert counts(location) == {DAYS[1]: 2}


def test_an_error_in_the_middle_of_the_stream_is_raised_as_itself_and_nothing_is_written(location: TableLocation):
    replace(location, orders(DAYS[0]), DAYS[0])

    def fail(batch: pl.DataFrame) -> pl.DataFrame:
        if batch["customer_id"].max() == 2:
            raise pl.exceptions.ComputeError("a source went away")
        return batch

    bad = pl.concat([orders(DAYS[0]), orders(DAYS[0], customer=2)]).map_batches(fail, streamable=True)
    with pytest.raises(pl.exceptions.ComputeError, match="a source went away"):
        replace(location, bad, DAYS[0])
    assert counts(location) == {DAYS[0]: 2}


def test_reading_a_table_that_was_never_made_says_so(location: TableLocation):
    with pytest.raises(TableAbsentError, match="no table silver/orders"):
        PolarsEngine().scan_polars(ORDERS, location)


def test_the_stored_table_carries_names_descriptions_and_what_may_be_missing(location: TableLocation):
    replace(location, orders(DAYS[0]), DAYS[0])
    stored = DeltaTable(location.uri)
    assert stored.metadata().name == "silver/orders"
    assert stored.metadata().partition_columns == ["order_date"]
    fields = {field.name: field for field in stored.schema().fields}
    assert fields["spend"].nullable
    assert not fields["order_id"].nullable
    assert fields["order_hour"].metadata["comment"] == ORDERS.column_description("order_hour")


def test_a_scan_reads_only_the_files_of_its_days(location: TableLocation):
    replace(location, orders(*DAYS), DAYS[0], DAYS[4])
    for path in Path(location.uri).glob("order_date=2026-01-05/*"):
        path.write_bytes(b"no parquet")
    assert (
        PolarsEngine().scan_polars(ORDERS, location, Slice.of(order_date=DateRange(DAYS[0], DAYS[3]))).collect().height
        == 8
    )


def test_a_write_that_loses_to_another_one_is_tried_again(location: TableLocation, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(write_path, "_PAUSES", (0.01, 0.01))
    write, failures = write_path.write_deltalake, iter([CommitFailedError("lost"), CommitFailedError("lost")])

    def lose_twice(*arguments, **options):
        for failure in failures:
            raise failure
        return write(*arguments, **options)

    monkeypatch.setattr(write_path, "write_deltalake", lose_twice)
    assert replace(location, orders(DAYS[0]), DAYS[0]) == 2
    assert counts(location) == {DAYS[0]: 2}


def test_a_write_that_always_loses_fails(location: TableLocation, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(write_path, "_PAUSES", (0.01,))

    def lose(*_, **__):
        raise CommitFailedError("lost")

    monkeypatch.setattr(write_path, "write_deltalake", lose)
    with pytest.raises(StorageError, match="silver/orders failed: lost"):
        replace(location, orders(DAYS[0]), DAYS[0])


def test_writers_that_replace_the_same_table_at_once_all_succeed(tmp_path: Path):
    """In processes of their own, as runs are; without trying again, about half of these writes would fail."""
    code = f"""
import sys
from cis_assets.catalog import silver
from cis_assets.lake.engines.engine import TableLocation
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.engines.polars_engine import PolarsEngine
from cis_assets.lake.slices import WHOLE
from cis_assets_tests.frames import table_frame
frame = table_frame(silver.PRODUCTS, [{{"product_id": int(sys.argv[1])}}])
for _ in range(10):
    PolarsEngine().replace(silver.PRODUCTS, TableLocation({str(tmp_path / "products")!r}), WHOLE, LazyChunks.of([frame]))
"""
    root = Path(__file__).parents[3]
    writers = [subprocess.Popen([sys.executable, "-c", code, str(number)], cwd=root) for number in (1, 2)]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0]
    stored = PolarsEngine().scan_polars(silver.PRODUCTS, TableLocation(str(tmp_path / "products"))).collect()
    assert stored["product_id"].to_list() in ([1], [2])


def batches(*days: date) -> dict[str, Slice]:
    return {f"orders/{day}": Slice.of(order_date=DateRange(day, day)) for day in days}


def append(location: TableLocation, frame: pl.LazyFrame, *days: date) -> int:
    where = Slice.of(order_date=DateRange(days[0], days[-1]))
    return PolarsEngine().append(ORDERS, location, where, batches(*days), LazyChunks.of([frame])).rows


def test_a_batch_is_appended_once_however_often_it_is_written(location: TableLocation):
    assert [append(location, orders(DAYS[0]), DAYS[0]) for _ in range(3)] == [2, 0, 0]
    assert counts(location) == {DAYS[0]: 2}


def test_a_range_appends_those_of_its_days_that_are_not_there_yet(location: TableLocation):
    append(location, orders(DAYS[1]), DAYS[1])
    assert append(location, orders(*DAYS[:3], count=5), *DAYS[:3]) == 10
    assert counts(location) == {DAYS[0]: 5, DAYS[1]: 2, DAYS[2]: 5}


def test_an_append_keeps_the_rows_of_the_day_that_were_there(location: TableLocation):
    replace(location, orders(DAYS[0]), DAYS[0])
    append(location, orders(DAYS[0], customer=2), DAYS[0])
    assert counts(location) == {DAYS[0]: 4}


def test_an_append_of_rows_of_another_day_is_refused(location: TableLocation):
    with pytest.raises(
        OutsideSliceError, match="a row with order_date 2026-01-02 was about to be written to 2026-01-01"
    ):
        append(location, orders(DAYS[0], DAYS[1]), DAYS[0])


def merge(location: TableLocation, frame: pl.LazyFrame, day: date) -> int:
    where = Slice.of(order_date=DateRange(day, day))
    return PolarsEngine().merge(ORDERS, location, where, LazyChunks.of([frame])).rows


def test_a_merge_updates_rows_with_the_same_key_adds_others_and_leaves_the_rest(location: TableLocation):
    replace(location, orders(*DAYS[:2], count=3, customer=1), DAYS[0], DAYS[1])
    news = table_frame(ORDERS, [{"order_date": DAYS[0], "order_id": number, "customer_id": 9} for number in (2, 3)])
    assert merge(location, news.lazy(), DAYS[0]) == 2
    stored = PolarsEngine().scan_polars(ORDERS, location)
    assert rows_of(stored, "order_date", "order_id", "customer_id") == [
        (DAYS[0], 0, 1), (DAYS[0], 1, 1), (DAYS[0], 2, 9), (DAYS[0], 3, 9),
        (DAYS[1], 0, 1), (DAYS[1], 1, 1), (DAYS[1], 2, 1),
    ]  # fmt: skip


def test_merging_the_same_rows_twice_changes_nothing(location: TableLocation):
    for _ in range(2):
        merge(location, orders(DAYS[0]), DAYS[0])
    assert counts(location) == {DAYS[0]: 2}


def test_rows_that_share_a_key_are_not_merged(location: TableLocation):
    with pytest.raises(DuplicateKeyError, match="4 rows to merge share a key, for example order_date 2026-01-01"):
        merge(location, pl.concat([orders(DAYS[0])] * 2), DAYS[0])


def test_a_row_outside_the_slice_is_not_merged(location: TableLocation):
    with pytest.raises(OutsideSliceError):
        merge(location, orders(DAYS[1]), DAYS[0])


def test_a_row_that_breaks_a_rule_of_the_catalog_is_refused_by_the_stored_table(location: TableLocation):
    replace(location, orders(DAYS[0]), DAYS[0])
    late = orders(DAYS[0]).with_columns(order_hour=pl.lit(24, pl.Int32))
    with pytest.raises(
        BrokenRuleError, match="silver/orders: order_hour is above 23 in the row with order_date 2026-01-01"
    ):
        replace(location, late, DAYS[0])
    with pytest.raises(DeltaError, match="failed validation check"):
        write_deltalake(location.uri, late.collect(), mode="append")
    assert counts(location) == {DAYS[0]: 2}


def test_rules_and_properties_are_set_when_the_table_is_made_and_cost_no_commit_afterwards(location: TableLocation):
    replace(location, orders(DAYS[0]), DAYS[0])
    stored = DeltaTable(location.uri)
    assert stored.metadata().configuration["delta.checkpointInterval"] == "10"
    assert stored.metadata().configuration["delta.constraints.order_hour_max"] == "order_hour <= 23"
    before = stored.version()
    replace(location, orders(DAYS[0]), DAYS[0])
    assert DeltaTable(location.uri).version() == before + 1


class Prices(dy.Schema):
    """Prices by a rule that the catalog had once."""

    price = dy.Float64(min=0.0)


class StrictPrices(dy.Schema):
    """Prices by a rule of another name."""

    price = dy.Float64(min_exclusive=0.0)


def prices(schema: type[dy.Schema]) -> Table:
    return Table("silver", "prices", schema, "price")


def write_prices(table: Table, location: TableLocation, *values: float) -> None:
    rows = pl.LazyFrame({"price": values}, schema={"price": pl.Float64})
    PolarsEngine().replace(table, location, WHOLE, LazyChunks.of([rows]))


def test_a_rule_that_the_catalog_has_no_longer_is_taken_from_the_table(tmp_path: Path):
    location = TableLocation(str(tmp_path / "prices"))
    write_prices(prices(StrictPrices), location, 1.0)
    write_prices(prices(Prices), location, 0.0)
    configuration = DeltaTable(location.uri).metadata().configuration
    assert configuration["delta.constraints.price_min"] == "price >= 0"
    assert "delta.constraints.price_min_exclusive" not in configuration


def test_a_new_rule_that_stored_rows_break_is_refused_with_what_to_do(tmp_path: Path):
    location = TableLocation(str(tmp_path / "prices"))
    write_prices(prices(Prices), location, 0.0, 2.0)
    with pytest.raises(
        SchemaMismatchError, match=r"stored rows break a rule .* \(price > 0\)\. Move the table at .* aside"
    ):
        write_prices(prices(StrictPrices), location, 2.0)
    assert DeltaTable(location.uri).to_pyarrow_table()["price"].to_pylist() == [0.0, 2.0]


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.path)
def test_opening_a_table_that_is_as_the_catalog_says_changes_nothing(tmp_path: Path, table: Table):
    location = TableLocation(str(tmp_path / "table"))
    created = open_or_create(table, location).version()
    assert open_or_create(table, location).version() == created


def test_a_missing_price_keeps_the_rule_of_prices(tmp_path: Path):
    location = TableLocation(str(tmp_path / "items"))
    items = table_frame(silver.ORDER_ITEMS, [{"order_date": DAYS[0], "unit_price": price} for price in (None, 1.0)])
    where = Slice.of(order_date=DateRange(DAYS[0], DAYS[0]))
    assert PolarsEngine().replace(silver.ORDER_ITEMS, location, where, LazyChunks.of([items])).rows == 2


class _Grown(silver.SilverOrders):
    """Orders with a column more."""

    channel = dy.String(nullable=True, description="Where the order was placed.")


GROWN = dataclasses.replace(ORDERS, schema=_Grown)


def test_a_new_column_that_may_be_missing_is_added_to_the_stored_table(location: TableLocation):
    replace(location, orders(*DAYS[:2]), DAYS[0], DAYS[1])
    news = orders(DAYS[0]).with_columns(channel=pl.lit("app"))
    where = Slice.of(order_date=DateRange(DAYS[0], DAYS[0]))
    PolarsEngine().replace(GROWN, location, where, LazyChunks.of([news]))
    assert rows_of(PolarsEngine().scan_polars(GROWN, location), "order_date", "channel") == [
        (DAYS[0], "app"), (DAYS[0], "app"), (DAYS[1], None), (DAYS[1], None),
    ]  # fmt: skip
    comment = {field.name: field.metadata for field in DeltaTable(location.uri).schema().fields}["channel"]
    assert comment == {"comment": "Where the order was placed."}


def test_a_column_that_no_write_has_added_yet_is_read_as_missing(location: TableLocation):
    replace(location, orders(DAYS[0]), DAYS[0])
    assert rows_of(PolarsEngine().scan_polars(GROWN, location), "channel") == [(None,), (None,)]


class _Other(silver.SilverOrders):
    order_hour = dy.String(description="Hour.")
    store = dy.String(description="Store.")


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (_Other, "'store' .string NOT NULL. is not stored.*'order_hour' is stored as integer NOT NULL where the catalog says string"),
        (bronze.BronzeOrders, "'spend' is stored and not in the catalog"),
    ],
)  # fmt: skip
def test_any_other_difference_from_the_stored_table_is_refused(location: TableLocation, schema: type, words: str):
    replace(location, orders(DAYS[0]), DAYS[0])
    before = DeltaTable(location.uri).version()
    other = dataclasses.replace(ORDERS, schema=schema)
    where = Slice.of(order_date=DateRange(DAYS[0], DAYS[0]))
    with pytest.raises(SchemaMismatchError, match="Nothing was written to silver/orders") as refusal:
        PolarsEngine().replace(other, location, where, LazyChunks.of([other.empty()]))
    assert all(re.search(part, str(refusal.value)) for part in words.split(".*"))
    assert DeltaTable(location.uri).version() == before


def test_a_commit_whose_answer_was_lost_is_found_and_not_repeated(
    location: TableLocation, monkeypatch: pytest.MonkeyPatch
):
    replace(location, orders(DAYS[0]), DAYS[0])
    before, write = DeltaTable(location.uri).version(), write_path.write_deltalake

    def lose_answer(*arguments, **options):
        write(*arguments, **options)
        raise OSError("connection reset by peer")

    monkeypatch.setattr(write_path, "write_deltalake", lose_answer)
    assert append(location, orders(DAYS[0]), DAYS[0]) == 2
    assert replace(location, orders(DAYS[0], count=7), DAYS[0]) == 7
    assert counts(location) == {DAYS[0]: 7}
    assert DeltaTable(location.uri).version() == before + 2


def test_a_connection_that_broke_before_the_commit_is_tried_again(
    location: TableLocation, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(write_path, "_PAUSES", (0.01,))
    write, failures = write_path.write_deltalake, iter([OSError("connection reset by peer")])

    def break_once(*arguments, **options):
        for failure in failures:
            raise failure
        return write(*arguments, **options)

    monkeypatch.setattr(write_path, "write_deltalake", break_once)
    assert append(location, orders(DAYS[0]), DAYS[0]) == 2
    assert counts(location) == {DAYS[0]: 2}


def test_a_whole_table_is_replaced_although_its_files_are_put_together_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    location = TableLocation(str(tmp_path / "products"))
    old = table_frame(silver.PRODUCTS, [{"product_id": number} for number in (1, 2)])
    PolarsEngine().replace(silver.PRODUCTS, location, WHOLE, LazyChunks.of([old]))
    write_deltalake(location.uri, old, mode="append")
    write, others = write_path.write_deltalake, iter([DeltaTable(location.uri).optimize.compact])

    def put_together_meanwhile(*arguments, **options):
        for compact in others:
            compact()
        return write(*arguments, **options)

    monkeypatch.setattr(write_path, "write_deltalake", put_together_meanwhile)
    new = table_frame(silver.PRODUCTS, [{"product_id": 3}])
    PolarsEngine().replace(silver.PRODUCTS, location, WHOLE, LazyChunks.of([new]))
    stored = PolarsEngine().scan_polars(silver.PRODUCTS, location)
    assert rows_of(stored, "product_id") == [(3,)]

"""The files of the dates that were read: what each holds, and that a file at fault costs its own date and no other."""

from __future__ import annotations

import gzip
import io
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import SecretStr

from cis_assets.catalog import bronze
from cis_assets.lake.erased_customers import ErasedCustomers, ErasureKey
from cis_assets.landing.folder import LandingError, LandingFolder
from cis_assets.landing.reader import LandedDays, read_days
from cis_assets.settings import settings
from cis_assets.storage.errors import StorageError
from cis_assets_tests.landing.landing_files import ITEMS_HEADER, ORDERS_HEADER, put, whole
from cis_assets_tests.storage.azure_server import KEY, URI, Reply, Request, azure_server, refusal

FIRST, SECOND, THIRD = (date(2025, 3, 1) + timedelta(days=number) for number in range(3))
DAYS = (FIRST, SECOND, THIRD)
ORDERS_CSV = f"{ORDERS_HEADER}\n1,10,9\n2,11,23\n"
ITEMS_CSV = f"{ITEMS_HEADER}\n1,5,1,2,3.5\n"


def put_days(root: Path, *days: date) -> None:
    for day in days:
        put(root, f"orders/order_date={day}/orders.csv", ORDERS_CSV)
        put(root, f"order_items/order_date={day}/items.csv", ITEMS_CSV)


def put_bytes(root: Path, path: str, content: bytes) -> None:
    put(root, path, b"")
    (root / path).write_bytes(content)


def read(root: Path, *days: date) -> LandedDays:
    return read_days(LandingFolder(str(root)), days)


def dates_of(landed: LandedDays) -> set[date]:
    parts = (landed.orders, landed.order_items, landed.rejected)
    return {day for rows in parts for day in whole(rows).collect()["order_date"]}


def parquet(frame: pl.DataFrame, **options: Any) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer, **options)
    return buffer.getvalue()


FRAME = pl.DataFrame({"order_id": range(1000), "customer_id": range(1000), "order_hour": [9] * 1000})
PAGES = parquet(FRAME, compression="snappy")
TEXTS = parquet(FRAME.with_columns(pl.format("order-{}", "order_id").alias("order_id")), compression="uncompressed")
PACKED = gzip.compress("\n".join([ORDERS_HEADER, *(f"{number},{number * 7919},9" for number in range(9000))]).encode())

UNREADABLE: dict[str, tuple[str, bytes, str]] = {
    "a missing column": ("orders.csv", b"order_id,order_hour\n1,9\n", " has no column customer_id; its header is order_id,order_hour."),
    "a column twice": ("orders.csv", f"{ORDERS_HEADER},Order_ID\n1,10,9,1\n".encode(), " has the column order_id more than once."),
    "another separator": ("orders.csv", b"order_id;customer_id;order_hour\n1;10;9\n", " has no column order_id and "),
    "no bytes": ("orders.csv", b"", f" is empty: it needs the header {ORDERS_HEADER}."),
    "a BOM alone": ("orders.csv", b"\xef\xbb\xbf", f" is empty: it needs the header {ORDERS_HEADER}."),
    "an empty first line": ("orders.csv", b"\n" + ORDERS_CSV.encode(), " begins with an empty line: it needs the header "),
    "UTF-16": ("orders.csv", ORDERS_CSV.encode("utf-16"), " is UTF-16 text: land it as UTF-8."),
    "carriage returns alone": ("orders.csv", ORDERS_CSV.replace("\n", "\r").encode(), " ends its lines with carriage returns alone: "),
    "a gzip that is cut off": ("orders.csv.gz", PACKED[: len(PACKED) // 2], " cannot be unpacked: "),
    "a gzip whose last byte is missing": ("orders.csv.gz", PACKED[:-1], " cannot be unpacked: "),
    "a gzip with a wrong checksum": ("orders.csv", PACKED[:-8] + b"\x00" * 8, " cannot be unpacked: "),
    "a gzip with something behind it": ("orders.csv", PACKED + b"1,10,9\n", " cannot be unpacked: "),
    "a header without an end": ("orders.csv", b'"order_id,customer_id,order_hour\n1,10,9\n', " has no column order_id and "),
    "not Parquet": ("orders.parquet", ORDERS_CSV.encode(), " cannot be read as Parquet: "),
    "Parquet that is cut off": ("orders.parquet", PAGES[:-20], " cannot be read as Parquet: "),
    "Parquet with a damaged page": ("orders.parquet", PAGES[:200] + b"\xff" * 300 + PAGES[500:], " cannot be read as Parquet: "),
    "Parquet whose footer counts other rows": ("orders.parquet", PAGES.replace(b"\x16\xd0\x0f\x19", b"\x16\xd2\x0f\x19"), " cannot be read as Parquet: its footer says 1001 rows, but it holds 1000."),
    "Parquet with text that is no UTF-8": ("orders.parquet", TEXTS.replace(b"order-777", b"order-\xff77"), " cannot be read as Parquet: "),
    "Parquet with a missing column": ("orders.parquet", parquet(FRAME.drop("order_hour")), " has no column order_hour; "),
    "Parquet with another type": ("orders.parquet", parquet(FRAME.with_columns(pl.col("order_hour") == 9)), " holds order_hour as Boolean where a whole number of 32 bits is expected."),
    "Parquet with lists": ("orders.parquet", parquet(FRAME.with_columns(pl.concat_list("order_hour"))), " holds order_hour as List(Int64) where "),
    "another ending": ("orders.xlsx", b"x", " is not .csv, .csv.gz or .parquet: rename or remove it."),
}  # fmt: skip


@pytest.mark.parametrize(("name", "content", "words"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_file_that_cannot_be_read_fails_its_date_in_a_sentence_and_no_other(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    put_days(tmp_path, *DAYS)
    path = f"orders/order_date={SECOND}/late-{name}"
    put_bytes(tmp_path, path, content)
    landed = read(tmp_path, *DAYS)
    assert dates_of(landed) == {FIRST, THIRD}
    sentence = landed.faults[SECOND]
    assert list(landed.faults) == [SECOND]
    assert sentence.startswith(f"Landing file {path}{words}")
    assert sentence.endswith(".")
    assert landed.warnings() == [f"{SECOND} was not read and keeps its former rows. {sentence}"]
    of_file = landed.files.filter(pl.col("source_file") == path).select(
        "bytes", "row_count", "erased_row_count", "fault"
    )
    assert of_file.rows() == [(len(content), None, 0, sentence)]
    assert landed.files.filter(pl.col("fault").is_not_null()).height == 1


def test_every_file_of_the_dates_is_listed_with_its_size_and_rows(tmp_path: Path) -> None:
    put_days(tmp_path, FIRST, SECOND)
    put(tmp_path, f"orders/order_date={FIRST}/late.csv.gz", f"{ORDERS_HEADER}\n\n3,12,noon\n4,13,9\n")
    put(tmp_path, f"orders/order_date={SECOND}/more.parquet", FRAME)
    put_days(tmp_path, THIRD)
    landed = read(tmp_path, FIRST, SECOND)
    assert dict(landed.files.schema) == bronze.LANDED_FILES.dtypes
    assert landed.files.select("order_date", "source_table", "source_file", "row_count").rows() == [
        (FIRST, "order_items", f"order_items/order_date={FIRST}/items.csv", 1),
        (FIRST, "orders", f"orders/order_date={FIRST}/late.csv.gz", 2),
        (FIRST, "orders", f"orders/order_date={FIRST}/orders.csv", 2),
        (SECOND, "order_items", f"order_items/order_date={SECOND}/items.csv", 1),
        (SECOND, "orders", f"orders/order_date={SECOND}/more.parquet", 1000),
        (SECOND, "orders", f"orders/order_date={SECOND}/orders.csv", 2),
    ]
    assert landed.files["bytes"].to_list() == [(tmp_path / path).stat().st_size for path in landed.files["source_file"]]
    assert landed.files["fault"].null_count() == landed.files.height
    assert set(landed.files["erased_row_count"]) == {0}


@pytest.mark.parametrize(("present", "missing"), [("orders", "order_items"), ("order_items", "orders")])
def test_a_date_with_half_of_its_files_fails_alone(tmp_path: Path, present: str, missing: str) -> None:
    put_days(tmp_path, *DAYS)
    for file in (tmp_path / f"{missing}/order_date={SECOND}").iterdir():
        file.unlink()
    landed = read(tmp_path, *DAYS)
    sentence = (
        f"Landing folder {missing}/order_date={SECOND} is empty or absent, but {present}/order_date={SECOND} has files: "
        "land both, then read that date again."
    )
    assert landed.faults == {SECOND: sentence}
    assert landed.empty_days == ()
    assert dates_of(landed) == {FIRST, THIRD}
    found = landed.files.filter(pl.col("order_date") == SECOND).select("source_table", "row_count", "fault").rows()
    assert found == [(present, 2 if present == "orders" else 1, sentence)]


def test_several_faults_of_a_date_are_each_said_of_their_file_and_counted_in_one_warning(tmp_path: Path) -> None:
    put_days(tmp_path, *DAYS)
    put(tmp_path, f"order_items/order_date={SECOND}/bad.csv", "order_id\n1\n")
    put(tmp_path, f"orders/order_date={SECOND}/bad.csv", "order_id\n1\n")
    landed = read(tmp_path, *DAYS)
    faults = landed.files.filter(pl.col("order_date") == SECOND).select("source_file", "fault").rows()
    assert [path for path, fault in faults if fault and path in fault] == [
        f"order_items/order_date={SECOND}/bad.csv",
        f"orders/order_date={SECOND}/bad.csv",
    ]
    assert [path for path, fault in faults if fault is None] == [
        f"order_items/order_date={SECOND}/items.csv",
        f"orders/order_date={SECOND}/orders.csv",
    ]
    (warning,) = landed.warnings()
    assert warning.endswith("This is the first of 2 faults of that date.")


def test_dates_that_all_fail_give_frames_without_rows(tmp_path: Path) -> None:
    for day in DAYS:
        put(tmp_path, f"orders/order_date={day}/orders.csv", ORDERS_CSV)
    landed = read(tmp_path, *DAYS)
    assert list(landed.faults) == list(DAYS)
    assert dates_of(landed) == set()
    for rows, table in ((landed.orders, bronze.ORDERS), (landed.order_items, bronze.ORDER_ITEMS)):
        assert whole(rows.map_polars(table.conform)).collect_schema() == table.dtypes


def test_a_first_line_that_may_be_a_row_is_not_repeated_in_the_fault(tmp_path: Path) -> None:
    put_days(tmp_path, FIRST)
    put(tmp_path, f"orders/order_date={FIRST}/orders.csv", "70001,4711,9\n70002,4712,8\n")
    sentence = read(tmp_path, FIRST).faults[FIRST]
    assert sentence.endswith(
        "; its first line names none of the expected columns in its 3 fields, so it may be a row and not a header."
    )
    assert "4711" not in sentence


@pytest.mark.parametrize(
    "row",
    [
        *("Anna Smith,anna,berlin", "anna;smith;berlin", "true,anna smith,europe", "anna\tsmith"),
        *("order_id,anna,berlin", "1,Anna Smith,order_hour", "anna smith;order_id"),
    ],
)
def test_words_of_a_first_line_that_may_be_a_row_are_not_repeated_either(tmp_path: Path, row: str) -> None:
    put_days(tmp_path, FIRST)
    put(tmp_path, f"orders/order_date={FIRST}/orders.csv", f"{row}\n1,2,3\n")
    sentence = read(tmp_path, FIRST).faults[FIRST].casefold()
    assert re.search("its first line names none of the expected columns|and [12] other fields?", sentence)
    assert not {"anna", "smith", "berlin", "europe", "true"} & set(re.findall(r"\w+", sentence))


def test_a_header_of_great_length_or_of_odd_signs_is_quoted_in_part(tmp_path: Path) -> None:
    put_days(tmp_path, FIRST)
    put(tmp_path, f"orders/order_date={FIRST}/orders.csv", "a\x00\x1b[31m" + "b" * 5000 + "\n")
    sentence = read(tmp_path, FIRST).faults[FIRST]
    assert len(sentence) < 500
    assert sentence.isprintable()


CUSTOMER_KEY = ErasureKey(SecretStr("a key of the tests that is long enough"))


def test_rows_of_erased_customers_are_counted_by_file_wherever_they_were_left_out(tmp_path: Path) -> None:
    put(tmp_path, f"orders/order_date={FIRST}/a.csv", f"{ORDERS_HEADER}\n1,17,9\n2,18,9\n3,17,noon\n")
    put(tmp_path, f"orders/order_date={FIRST}/b.csv", f"{ORDERS_HEADER}\n4,17,9\n5,17,9\n")
    put(tmp_path, f"order_items/order_date={FIRST}/a.csv", f"{ITEMS_HEADER}\n1,5,1,1,\n2,5,1,1,\n4,milk,1,1,\n")
    # A date without an order of theirs, where a line that did not parse names them in a column that nobody knows.
    put(tmp_path, f"orders/order_date={SECOND}/a.csv", ORDERS_CSV)
    put(tmp_path, f"order_items/order_date={SECOND}/a.csv", f"{ITEMS_HEADER},buyer\n1,5,1,1,,18\n1,milk,2,1,,17\n")
    erased = ErasedCustomers(CUSTOMER_KEY, [CUSTOMER_KEY.hash(17)])
    landed = read_days(LandingFolder(str(tmp_path)), (FIRST, SECOND), erased)
    counted = landed.files.select("source_file", "row_count", "erased_row_count")
    assert counted.rows() == [
        (f"order_items/order_date={FIRST}/a.csv", 3, 2),
        (f"orders/order_date={FIRST}/a.csv", 3, 2),
        (f"orders/order_date={FIRST}/b.csv", 2, 2),
        (f"order_items/order_date={SECOND}/a.csv", 2, 1),
        (f"orders/order_date={SECOND}/a.csv", 2, 0),
    ]
    stored = pl.concat(
        [whole(rows).select("source_file").collect() for rows in (landed.orders, landed.order_items, landed.rejected)]
    )
    left = counted.join(stored.group_by("source_file").len("stored"), on="source_file", how="left").fill_null(0)
    assert left.filter(pl.col("row_count") != pl.col("stored") + pl.col("erased_row_count")).is_empty()
    assert landed.left_out.orders + landed.left_out.order_items + landed.left_out.rejected == 7


@pytest.fixture
def _short_patience(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CIS_STORE_RETRY_SECONDS", "0.5")
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.mark.usefixtures("_short_patience")
@pytest.mark.parametrize("status", [403, 404, 503])
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_store_that_does_not_give_a_file_fails_the_reading_and_no_date(
    monkeypatch: pytest.MonkeyPatch, status: int, ending: str
) -> None:
    def refused(request: Request) -> Reply | None:
        asked = request.method == "GET" and f"order_date={SECOND}/orders" in request.path
        return refusal(status, "ServerBusy") if asked else None

    with azure_server() as server:
        for name, value in {**server.environment, "AZURE_STORAGE_ACCOUNT_KEY": KEY}.items():
            monkeypatch.setenv(name, value)
        for day in DAYS:
            server.blobs[f"orders/orders/order_date={day}/orders.{ending}"] = (
                ORDERS_CSV.encode() if ending == "csv" else PAGES
            )
            server.blobs[f"orders/order_items/order_date={day}/items.csv"] = ITEMS_CSV.encode()
        assert read_days(LandingFolder(URI), DAYS).faults == {}
        server.rule = refused
        with pytest.raises(
            StorageError, match=rf"^Reading landing file orders/order_date={SECOND}/orders\.{ending} failed: "
        ):
            read_days(LandingFolder(URI), DAYS)


def test_no_file_on_any_date_is_an_error_of_the_reading(tmp_path: Path) -> None:
    put_days(tmp_path, THIRD)
    with pytest.raises(LandingError, match="land these dates first"):
        read(tmp_path, FIRST, SECOND)

"""The reader: what landed is read whole, row by row, and what cannot be read is named.

Files are CSV as people and programs write it, gzipped CSV, and Parquet. A row that is of the contract's types is read,
any other is rejected with its file, line, reason and text; a file that makes no sense as a whole is refused in a sentence.
"""

from __future__ import annotations

import csv
import gzip
import io
import tempfile
import time
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from cis_assets.landing.contract import (
    AISLES,
    CUSTOMERS,
    OFFER_AUDIENCE,
    OFFERS,
    ORDER_ITEMS,
    ORDERS,
    PRODUCTS,
    LandingTable,
)
from cis_assets.landing.file_reader import read_file
from cis_assets.landing.folder import LandingError, LandingFolder
from cis_assets.landing.parsed_file import REJECTED_SCHEMA
from cis_assets.landing.reader import LandedDays, read_days
from cis_assets.landing.row_cache import NoRoomError, RowCache
from cis_assets.landing.rows import row_columns
from cis_assets_tests.conftest import day
from cis_assets_tests.landing.landing_files import ITEMS_HEADER, ORDERS_HEADER, good, put, read_alone, rejected, whole

FIRST, SECOND, THIRD = day("2025-03-01"), day("2025-03-02"), day("2025-03-03")
PRODUCTS_HEADER = "product_id,product_name,aisle_id,department_id"


def put_day(root: Path, order_date: date, orders: str = "1,10,9\n", items: str = "1,5,1,2,3.5\n") -> None:
    put(root, f"orders/order_date={order_date}/orders.csv", f"{ORDERS_HEADER}\n{orders}")
    put(root, f"order_items/order_date={order_date}/items.csv", f"{ITEMS_HEADER}\n{items}")


def read(root: Path, *days: date, cache: RowCache | None = None) -> LandedDays:
    return read_days(LandingFolder(str(root)), days, cache=cache)


def orders_of(landed: LandedDays) -> list[tuple]:
    return whole(landed.orders).select("order_date", "order_id", "customer_id", "order_hour").collect().rows()


ORDERS_CSV = f"{ORDERS_HEADER}\n1,10,9\n2,11,23\n"
ORDERS_FRAME = pl.DataFrame({"order_id": [1, 2], "customer_id": [10, 11], "order_hour": [9, 23]})


@pytest.mark.parametrize(
    ("content", "ending", "first_row"),
    [
        (ORDERS_CSV, "csv", 2),
        (ORDERS_CSV, "csv.gz", 2),
        (gzip.compress(ORDERS_CSV.encode()), "csv", 2),
        (ORDERS_FRAME, "parquet", 1),
    ],
    ids=["csv", "csv.gz", "gzipped whatever its ending", "parquet"],
)
def test_each_format_gives_the_same_typed_rows_with_file_and_line(
    tmp_path: Path, content: str | bytes | pl.DataFrame, ending: str, first_row: int
) -> None:
    landed = read_alone(tmp_path, ORDERS, content, ending)
    file = f"orders/only.{ending}"
    found = good(landed, *ORDERS.required, "source_file", "source_line")
    assert found == [(1, 10, 9, file, first_row), (2, 11, 23, file, first_row + 1)]
    assert landed.rows.collect_schema() == {**ORDERS.columns, "source_file": pl.String(), "source_line": pl.Int64()}
    assert whole(landed.rejected).collect_schema() == REJECTED_SCHEMA
    assert rejected(landed) == []


def test_several_gzipped_parts_in_one_file_are_read_to_the_end(tmp_path: Path) -> None:
    parts = gzip.compress(b"order_id,customer_id,order_hour\n1,10,9\n") + gzip.compress(b"2,11,x\n3,12,8\n")
    landed = read_alone(tmp_path, ORDERS, parts)
    assert good(landed, "order_id", "source_line") == [(1, 2), (3, 4)]
    assert [line for line, _, _ in rejected(landed)] == [3]


@pytest.mark.parametrize(
    "text",
    [
        "\ufefforder_id,customer_id,order_hour\n1,10,9\n",
        "order_id,customer_id,order_hour\r\n1,10,9\r\n",
        "order_id,customer_id,order_hour\n1,10,9",
        "order_hour,order_id,customer_id\n9,1,10\n",
        " Order_ID ,CUSTOMER_ID,order_hour\n1,10,9\n",
        '"order_id","customer_id","order_hour"\n"1","10","9"\n',
        "order_id,customer_id,order_hour\n 1,10 ,09\n",
        "order_id,customer_id,order_hour\n+1,10,9\n\n",
    ],
    ids=[
        "BOM",
        "CRLF",
        "no last line end",
        "column order",
        "case and blanks",
        "quotes",
        "blanks and zeros",
        "plus, empty line",
    ],
)
def test_csv_is_read_as_people_and_programs_write_it(tmp_path: Path, text: str) -> None:
    landed = read_alone(tmp_path, ORDERS, text)
    assert good(landed, *ORDERS.required) == [(1, 10, 9)]
    assert rejected(landed) == []
    # The same among bad rows, which are read another way.
    line_end = "\r\n" if "\r\n" in text else "\n"
    landed = read_alone(tmp_path, ORDERS, text.rstrip("\n\r") + line_end + "bad" + line_end)
    assert good(landed, *ORDERS.required) == [(1, 10, 9)]
    assert [(reason, raw) for _, reason, raw in rejected(landed)] == [("has 1 fields where the header has 3", "bad")]


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("table", [ORDERS, PRODUCTS])
def test_empty_lines_are_passed_over_and_still_counted_as_lines(
    tmp_path: Path, table: LandingTable, line_end: str
) -> None:
    row = ",".join("1" * len(table.columns))
    landed = read_alone(tmp_path, table, line_end.join([",".join(table.columns), "", row, "", "", row, "", ""]))
    assert good(landed, "source_line") == [(3,), (6,)]
    assert rejected(landed) == []


@pytest.mark.parametrize("header", [ORDERS_HEADER, ORDERS_HEADER + "\n", ORDERS_HEADER + "\r\n\r\n"])
@pytest.mark.parametrize("ending", ["csv", "csv.gz"])
def test_a_file_with_a_header_alone_holds_no_rows(tmp_path: Path, header: str, ending: str) -> None:
    landed = read_alone(tmp_path, ORDERS, header, ending)
    assert (good(landed), rejected(landed)) == ([], [])


def test_parquet_without_rows_holds_no_rows(tmp_path: Path) -> None:
    assert good(read_alone(tmp_path, ORDERS, ORDERS_FRAME.clear(), "parquet")) == []


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_optional_columns_may_be_absent_and_are_null_then(tmp_path: Path, ending: str) -> None:
    frame = pl.DataFrame({"order_id": [1], "product_id": [5], "add_to_cart_order": [1]})
    landed = read_alone(tmp_path, ORDER_ITEMS, frame.write_csv() if ending == "csv" else frame, ending)
    assert good(landed, *ORDER_ITEMS.columns) == [(1, 5, 1, None, None)]
    assert landed.rows.collect().select(*ORDER_ITEMS.columns).schema == ORDER_ITEMS.columns


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("name", ["note", "source_line", "source_file", "reason", "raw_text", "order_date", "quantity"])
def test_unknown_columns_are_kept_out_and_named(tmp_path: Path, ending: str, name: str) -> None:
    frame = ORDERS_FRAME.with_columns(pl.lit("9,9").alias(name))
    landed = read_alone(tmp_path, ORDERS, frame.write_csv() if ending == "csv" else frame, ending)
    assert good(landed, *ORDERS.required) == ORDERS_FRAME.rows()
    assert landed.rows.collect_schema().names() == row_columns(ORDERS)
    assert landed.unknown_columns == {f"orders.{name}"}


def test_unknown_columns_may_repeat_or_have_no_name(tmp_path: Path) -> None:
    landed = read_alone(tmp_path, ORDERS, f"{ORDERS_HEADER},x,x,\n1,10,9,a,b,c\n2,11,8,a,,\n")
    assert good(landed, *ORDERS.required) == [(1, 10, 9), (2, 11, 8)]
    assert landed.unknown_columns == {"orders.x", "orders.(no name)"}


def test_unknown_columns_of_a_date_are_named_in_one_warning(tmp_path: Path) -> None:
    put(tmp_path, f"orders/order_date={FIRST}/a.csv", "order_id,customer_id,order_hour,note\n1,10,9,hello\n")
    put(tmp_path, f"orders/order_date={FIRST}/b.csv", "order_id,customer_id,order_hour,channel\n2,10,9,app\n")
    put(tmp_path, f"order_items/order_date={FIRST}/a.csv", "order_id,product_id,add_to_cart_order,note\n1,5,1,hello\n")
    assert read(tmp_path, FIRST).warnings() == [
        "Landing columns that are not in the contract were ignored: order_items.note, orders.channel, orders.note."
    ]
    assert good(read_alone(tmp_path, ORDERS, ORDERS_CSV)) != []
    put_day(tmp_path / "other", FIRST)
    assert read(tmp_path / "other", FIRST).warnings() == []


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ("order_id,order_hour", "has no column customer_id; its header is order_id,order_hour."),
        ("order_id;customer_id;order_hour", "has no column order_id and no column customer_id and no column order_hour; its header is order_id;customer_id;order_hour."),
        ("order_id,customer_id,order_hour,Order_Id", "has the column order_id more than once."),
    ],
)  # fmt: skip
def test_a_header_that_lacks_or_repeats_a_column_is_refused_by_file_and_column(
    tmp_path: Path, header: str, sentence: str
) -> None:
    for ending in ("csv", "csv.gz"):
        with pytest.raises(LandingError) as refusal:
            read_alone(tmp_path / ending, ORDERS, f"{header}\n1,2,3\n", ending)
        assert str(refusal.value) == f"Landing file orders/only.{ending} {sentence}"


def test_parquet_that_lacks_a_column_is_refused_by_file_and_column(tmp_path: Path) -> None:
    with pytest.raises(LandingError, match=r"^Landing file orders/only\.parquet has no column order_hour; its header "):
        read_alone(tmp_path, ORDERS, ORDERS_FRAME.drop("order_hour"), "parquet")


def parquet(table: pa.Table) -> bytes:
    content = io.BytesIO()
    pq.write_table(table, content)
    return content.getvalue()


def test_parquet_columns_of_which_every_value_is_missing_are_missing_values(tmp_path: Path) -> None:
    line = {"order_id": [1, 2], "product_id": [1, 2], "add_to_cart_order": [1, 2]}
    content = parquet(pa.table({**line, "quantity": pa.nulls(2), "unit_price": pa.nulls(2)}))
    read = read_alone(tmp_path, ORDER_ITEMS, content, "parquet")
    assert read.rows.collect().select("quantity", "unit_price").rows() == [(None, None)] * 2


def test_parquet_of_a_type_that_cannot_be_read_is_the_fault_of_its_file(tmp_path: Path) -> None:
    line = {"order_id": [1], "product_id": [1], "add_to_cart_order": [1]}
    price = pa.array([Decimal("1.5")], pa.decimal256(60, 2))
    with pytest.raises(LandingError, match=r"^Landing file order_items/only\.parquet cannot be read as Parquet"):
        read_alone(tmp_path, ORDER_ITEMS, parquet(pa.table({**line, "unit_price": price})), "parquet")


def test_parquet_columns_are_found_whatever_their_case(tmp_path: Path) -> None:
    landed = read_alone(tmp_path, ORDERS, ORDERS_FRAME.rename(str.upper), "parquet")
    assert good(landed, *ORDERS.required) == ORDERS_FRAME.rows()


def products_csv(*names: str) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows((number, name, 1, 2) for number, name in enumerate(names, start=1))
    return f"{PRODUCTS_HEADER}\n{text.getvalue()}"


NAMES = [
    '6" Carrot Cake',
    'The "Best" Tea',
    "Salt, Fine",
    "Crème Brûlée",
    "Two\nLines",
    "Two\r\nLines",
    " Milk ",
    "é\u2028\x85\x0b|",
]


@pytest.mark.parametrize("bad_row", ["", "8,Bad\n"])
def test_names_hold_quotes_separators_line_breaks_and_blanks_as_landed(tmp_path: Path, bad_row: str) -> None:
    landed = read_alone(tmp_path, PRODUCTS, products_csv(*NAMES) + bad_row)
    assert good(landed, "product_name") == [(name,) for name in NAMES]
    # Two of the names take two lines of the file.
    assert good(landed, "source_line") == [(line,) for line in (2, 3, 4, 5, 6, 8, 10, 11)]
    assert [line for line, _, _ in rejected(landed)] == ([12] if bad_row else [])


@pytest.mark.parametrize("bad_row", ["", "bad\n"])
def test_values_may_be_missing(tmp_path: Path, bad_row: str) -> None:
    text = f'{ITEMS_HEADER}\n1,,1,,\n,5,, ,""\n2,6,1,1,0.5\n{bad_row}'
    assert good(read_alone(tmp_path, ORDER_ITEMS, text), *ORDER_ITEMS.columns) == [
        (1, None, 1, None, None),
        (None, 5, None, None, None),
        (2, 6, 1, 1, 0.5),
    ]
    text = f'{PRODUCTS_HEADER}\n1,"",1,2\n2,,1,2\n{bad_row}'
    assert good(read_alone(tmp_path, PRODUCTS, text), "product_name") == [(None,), (None,)]


def test_consent_and_dates_are_read_in_the_spellings_of_the_contract(tmp_path: Path) -> None:
    rows = "1,true,UTC\n2,FALSE,\n3,1,UTC\n4,no,UTC\n5,,UTC\n6,perhaps,UTC\n"
    landed = read_alone(tmp_path, CUSTOMERS, f"customer_id,push_consent,time_zone\n{rows}")
    assert good(landed, "customer_id", "push_consent") == [(1, True), (2, False), (3, True), (4, False), (5, None)]
    assert rejected(landed) == [(7, "push_consent is not true or false: perhaps", "6,perhaps,UTC")]
    rows = "1,5,10,2025-03-01,2025/03/07\n"
    landed = read_alone(tmp_path, OFFERS, f"offer_id,product_id,percent_off,starts_on,ends_on\n{rows}")
    assert rejected(landed) == [(2, "ends_on is not a date YYYY-MM-DD: 2025/03/07", rows.strip())]
    rows = "1,5,10,2025-03-01,2025-03-07\n2,5,10,01.03.2025,2025-02-30\n"
    landed = read_alone(tmp_path, OFFERS, f"offer_id,product_id,percent_off,starts_on,ends_on\n{rows}")
    assert good(landed, *list(OFFERS.columns)[:5]) == [(1, 5, 10, FIRST, day("2025-03-07"))]
    reason = "starts_on is not a date YYYY-MM-DD: 01.03.2025; ends_on is not a date YYYY-MM-DD: 2025-02-30"
    assert rejected(landed) == [(3, reason, "2,5,10,01.03.2025,2025-02-30")]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("1,5,1,2", "has 4 fields where the header has 5"),
        ("1,5,1,2,3.5,6", "has 6 fields where the header has 5"),
        ("A-1,5,1,2,3.5", "order_id is not a whole number: A-1"),
        ("1,5.5,1,2,3.5", "product_id is not a whole number: 5.5"),
        ("1,5,4000000000,2,3.5", "add_to_cart_order is not a whole number of 32 bits: 4000000000"),
        ("99999999999999999999,5,1,2,3.5", "order_id is not a whole number: 99999999999999999999"),
        ("1,5,1,2,free", "unit_price is not a number: free"),
        ("1,5,1,2,nan", "unit_price is not a number: nan"),
        ("1,5,1,2,inf", "unit_price is not a number: inf"),
        ("1,5,one,two,3.5", "add_to_cart_order is not a whole number of 32 bits: one; quantity is not a number of at most 12 digits: two"),
        ('"1,5,1,2,3.5', 'order_id is not a whole number: "1'),
        ("   ", "has 1 fields where the header has 5"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_a_bad_row_is_rejected_with_file_line_reason_and_text(
    tmp_path: Path, row: str, reason: str, place: str
) -> None:
    rows = ["1,5,1,2,3.5", "2,6,1,1,0.5", "3,7,1,1,1.5"]
    at = {"first": 0, "middle": 2, "last": 3}[place]
    rows.insert(at, row)
    landed = read_alone(tmp_path, ORDER_ITEMS, "\n".join((ITEMS_HEADER, *rows)) + "\n")
    assert whole(landed.rejected).collect().rows() == [("order_items", "order_items/only.csv", at + 2, reason, row)]
    assert good(landed, "order_id", "source_line") == [
        (order, line) for order, line in zip((1, 2, 3), [line for line in (2, 3, 4, 5) if line != at + 2], strict=True)
    ]


def test_a_line_break_or_comma_in_an_unknown_column_does_not_part_a_row(tmp_path: Path) -> None:
    text = f'{ORDERS_HEADER},note\n1,10,9,"a, b"\n2,11,8,"c\nd"\n3,12,7,e\n4,13,noon,f\n'
    landed = read_alone(tmp_path, ORDERS, text)
    assert good(landed, "order_id", "source_line") == [(1, 2), (2, 3), (3, 5)]
    assert [line for line, _, _ in rejected(landed)] == [6]


def test_a_row_that_lacks_only_an_unknown_column_is_rejected_whatever_its_neighbours(tmp_path: Path) -> None:
    for neighbour in ("2,11,8,x", "2,11,noon,x"):
        landed = read_alone(tmp_path, ORDERS, f"{ORDERS_HEADER},note\n{neighbour}\n1,10,9\n")
        assert rejected(landed)[-1] == (3, "has 3 fields where the header has 4", "1,10,9")


def test_a_quote_that_is_not_closed_costs_one_line(tmp_path: Path) -> None:
    rows = [
        '1,"Open Tea,1,2',
        "2,Milk,1,2",
        '3,"Salt, Fine",1,2',
        '4,"Broken"ly,1,2',
        "5,Bread,1,2",
        '6,"Never closed,1,2',
    ]
    landed = read_alone(tmp_path, PRODUCTS, "\n".join((PRODUCTS_HEADER, *rows)) + "\n")
    assert good(landed, "product_id", "product_name") == [(2, "Milk"), (3, "Salt, Fine"), (5, "Bread")]
    assert [(line, raw) for line, _, raw in rejected(landed)] == [(2, rows[0]), (5, rows[3]), (7, rows[5])]
    assert all(reason.startswith("is not well-formed CSV: ") for _, reason, _ in rejected(landed))


def test_a_quote_that_is_closed_on_a_later_line_costs_one_line_if_the_fields_do_not_add_up(tmp_path: Path) -> None:
    rows = ['1,1,"Open Tea', "2,Milk,1,2", '3,Bread ",1,2', "4,Salt,1,2"]
    landed = read_alone(tmp_path, PRODUCTS, "\n".join((PRODUCTS_HEADER, *rows)) + "\n")
    assert good(landed, "product_id", "product_name") == [(2, "Milk"), (3, 'Bread "'), (4, "Salt")]
    assert rejected(landed) == [(2, "is not well-formed CSV: a quote is not closed", rows[0])]


def test_an_open_quote_before_very_many_rows_costs_one_line_too(tmp_path: Path) -> None:
    rows = ['1,"Open Tea,1,2', *(f"{number},Milk,1,2" for number in range(2, 20_000))]
    landed = read_alone(tmp_path, PRODUCTS, "\n".join((PRODUCTS_HEADER, *rows)) + "\n")
    assert landed.rows.collect().height == 19_998
    assert [line for line, _, _ in rejected(landed)] == [2]


@pytest.mark.parametrize("table", [PRODUCTS, ORDERS])
def test_a_line_that_is_not_utf8_is_rejected_and_the_others_are_read(tmp_path: Path, table: LandingTable) -> None:
    width = len(table.required)
    rows = [b",".join([b"%d" % number] * width) for number in (1, 2, 3)]
    bad = b"7,\xff\xfe" + b",7" * (width - 2)
    text = b"\n".join([",".join(table.required).encode(), rows[0], bad, rows[1], rows[2]]) + b"\n"
    landed = read_alone(tmp_path, table, text)
    assert good(landed, "source_line") == [(2,), (4,), (5,)]
    assert rejected(landed) == [(3, "is not UTF-8", bad.decode(errors="replace"))]


def test_control_characters_do_not_stop_the_reader(tmp_path: Path) -> None:
    landed = read_alone(tmp_path, ORDERS, f"{ORDERS_HEADER}\n1,10,9\n2,1\x1f1,8\n3,\x00,7\n4,12,6\n")
    assert good(landed, "order_id") == [(1,), (4,)]
    assert [line for line, _, _ in rejected(landed)] == [3, 4]


def test_parquet_numbers_of_other_widths_and_as_text_are_taken_where_they_fit(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "order_id": pl.Series([1, 2, 3], dtype=pl.UInt64),
            "product_id": ["5", "six", None],
            "add_to_cart_order": [1, 2, 5_000_000_000],
            "unit_price": pl.Series(["1.50", "2.50", "3.50"]).cast(pl.Decimal(10, 2)),
        }
    )
    landed = read_alone(tmp_path, ORDER_ITEMS, frame, "parquet")
    assert good(landed, *ORDER_ITEMS.columns, "source_line") == [(1, 5, 1, None, 1.5, 1)]
    assert [(line, reason) for line, reason, _ in rejected(landed)] == [
        (2, "product_id is not a whole number: six"),
        (3, "add_to_cart_order is not a whole number of 32 bits: 5000000000"),
    ]
    assert '"product_id":"six"' in rejected(landed)[0][2]


def test_parquet_nan_is_missing_and_infinity_is_no_number(tmp_path: Path) -> None:
    items = {"order_id": [1, 2, 3], "product_id": [5, 5, 5], "add_to_cart_order": [1, 1, 1]}
    frame = pl.DataFrame({**items, "unit_price": [float("nan"), 2.5, float("inf")]})
    landed = read_alone(tmp_path, ORDER_ITEMS, frame, "parquet")
    assert good(landed, "order_id", "unit_price") == [(1, None), (2, 2.5)]
    assert [(line, reason) for line, reason, _ in rejected(landed)] == [(3, "unit_price is not a number: inf")]


@pytest.mark.parametrize("beside", ["", "bad\n"], ids=["clean", "beside a bad row"])
def test_goods_by_weight_and_floats_of_data_frames_are_read_from_csv(tmp_path: Path, beside: str) -> None:
    header = "order_id,product_id,add_to_cart_order,quantity,unit_price"
    rows = ["1201.0,5.00,1.0,2.0,3.5", "1202,5,1,0.532,3.5", "1203,5,1,-0.5,", "1204,5,1,1e-1,2", "1205,5,1,,2"]
    landed = read_alone(tmp_path, ORDER_ITEMS, "\n".join([header, *rows]) + "\n" + beside)
    assert good(landed, "order_id", "add_to_cart_order", "quantity") == [
        (1201, 1, Decimal(2)),
        (1202, 1, Decimal("0.532")),
        (1203, 1, Decimal("-0.5")),
        (1204, 1, Decimal("0.1")),
        (1205, 1, None),
    ]
    assert [raw for _, _, raw in rejected(landed)] == ([beside.strip()] if beside else [])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.5321", "0.532"),
        ("0.5329", "0.533"),
        ("0.5325", "0.532"),
        ("0.5335", "0.534"),
        ("0.30000000000000004", "0.3"),
    ],
)
@pytest.mark.parametrize("beside", ["", "bad\n"], ids=["clean", "beside a bad row"])
def test_quantities_are_rounded_to_three_places(tmp_path: Path, text: str, value: str, beside: str) -> None:
    landed = read_alone(
        tmp_path, ORDER_ITEMS, f"order_id,product_id,add_to_cart_order,quantity\n1,5,1,{text}\n{beside}"
    )
    assert good(landed, "quantity") == [(Decimal(value),)]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("1201.5,5,1,1,2", "order_id is not a whole number: 1201.5"),
        ("1.20E+03,5,1,1,2", "order_id is not a whole number: 1.20E+03"),
        ('1,5,1,"1,50",2', "has 6 fields where the header has 5"),
        ("1,5,1,1000000000000,2", "quantity is not a number of at most 12 digits: 1000000000000"),
        ("1,5,1,nan,2", "quantity is not a number of at most 12 digits: nan"),
    ],
)
def test_what_is_no_whole_number_or_no_quantity_is_rejected(tmp_path: Path, row: str, reason: str) -> None:
    landed = read_alone(tmp_path, ORDER_ITEMS, f"order_id,product_id,add_to_cart_order,quantity,unit_price\n{row}\n")
    assert [found for _, found, _ in rejected(landed)] == [reason]


def test_floats_of_data_frames_are_read_from_parquet(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "order_id": [1201.0, 1202.5, 2.0**60, None],
            "product_id": [5.0, 5.0, 5.0, 5.0],
            "add_to_cart_order": [1, 1, 1, 1],
            "quantity": [0.1 + 0.2, 2.0, 1.0, 1e30],
        }
    )
    landed = read_alone(tmp_path, ORDER_ITEMS, frame, "parquet")
    assert good(landed, "order_id", "product_id", "quantity") == [(1201, 5, Decimal("0.3"))]
    assert [reason for _, reason, _ in rejected(landed)] == [
        "order_id is not a whole number: 1202.5",
        "order_id is not a whole number: 1.152921504606847e+18",
        "quantity is not a number of at most 12 digits: 1e+30",
    ]


def test_optional_columns_may_be_missing_and_are_read_where_they_are_there(tmp_path: Path) -> None:
    plain = read_alone(tmp_path / "plain", ORDERS, f"{ORDERS_HEADER}\n1,10,9\n")
    assert good(plain, *ORDERS.columns) == [(1, 10, 9, None)]
    capped = read_alone(tmp_path / "capped", ORDERS, f"{ORDERS_HEADER},gap_is_minimum\n1,10,9,true\n2,10,9,\n")
    assert good(capped, "gap_is_minimum") == [(True,), (None,)]
    text = "offer_id,starts_on,ends_on,kind,scope,minimum_spend\n1,2025-03-01,2025-03-07,coupon,order,30.5\n"
    offers = read_alone(tmp_path / "offers", OFFERS, text)
    assert good(offers, "offer_id", "product_id", "percent_off", "kind", "minimum_spend") == [
        (1, None, None, "coupon", 30.5)
    ]
    audience = read_alone(tmp_path / "audience", OFFER_AUDIENCE, "offer_id,customer_id\n1,10\n")
    assert good(audience, "offer_id", "customer_id") == [(1, 10)]


def test_parquet_categories_are_text(tmp_path: Path) -> None:
    frame = pl.DataFrame({"aisle_id": [1], "aisle": pl.Series(["milk"], dtype=pl.Categorical)})
    landed = read_alone(tmp_path, AISLES, frame, "parquet")
    assert good(landed, "aisle") == [("milk",)]
    assert landed.rows.collect_schema()["aisle"] == pl.String


@pytest.mark.parametrize(
    ("column", "values", "found"),
    [
        ("order_hour", [b"9", b"10"], "Binary"),
        ("order_id", [FIRST, SECOND], "Date"),
        ("customer_id", [True, False], "Boolean"),
    ],
)
def test_parquet_that_holds_a_column_as_another_kind_of_value_is_refused(
    tmp_path: Path, column: str, values: list[Any], found: str
) -> None:
    frame = ORDERS_FRAME.with_columns(pl.Series(column, values))
    with pytest.raises(
        LandingError, match=rf"^Landing file orders/only\.parquet holds {column} as {found} where a whole number"
    ):
        read_alone(tmp_path, ORDERS, frame, "parquet")


@pytest.mark.parametrize("content", ["", "\n", " \r\n"])
@pytest.mark.parametrize("ending", ["csv", "csv.gz"])
def test_an_empty_file_is_refused_by_name(tmp_path: Path, content: str, ending: str) -> None:
    with pytest.raises(LandingError) as refusal:
        read_alone(tmp_path, ORDERS, content, ending)
    assert str(refusal.value) == f"Landing file orders/only.{ending} is empty: it needs the header {ORDERS_HEADER}."


def test_a_file_that_begins_with_an_empty_line_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(
        LandingError, match=r"^Landing file orders/only\.csv begins with an empty line: it needs the header "
    ):
        read_alone(tmp_path, ORDERS, f"\n{ORDERS_CSV}")


@pytest.mark.parametrize("table", [ORDERS, PRODUCTS, CUSTOMERS])
@pytest.mark.parametrize("share", [0.3, 0.99])
def test_a_truncated_gzip_is_refused_by_name(tmp_path: Path, table: LandingTable, share: float) -> None:
    rows = "\n".join(",".join([str(number * 7919 % 100_003)] * len(table.columns)) for number in range(20_000))
    packed = gzip.compress(f"{','.join(table.columns)}\n{rows}\n".encode())
    put(tmp_path, f"{table.name}/only.csv", packed[: int(len(packed) * share)])
    with pytest.raises(LandingError, match=rf"^Landing file {table.name}/only\.csv cannot be unpacked: .+\.$"):
        read_file(folder := LandingFolder(str(tmp_path)), table, folder.snapshot_files(table)[-1])


def test_a_damaged_gzip_is_refused_by_name(tmp_path: Path) -> None:
    packed = gzip.compress(ORDERS_CSV.encode())
    for content in (packed[:12], packed[:10] + b"\xff" * 30):
        with pytest.raises(LandingError, match=r"^Landing file orders/only\.csv .+\.$"):
            read_alone(tmp_path, ORDERS, content)


@pytest.mark.parametrize(
    "content", [b"", b"PAR1", b"order_id,customer_id,order_hour\n1,10,9\n", b"PAR1" + b"x" * 40 + b"PAR1"]
)
def test_a_file_that_is_no_parquet_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(LandingError, match=r"^Landing file orders/only\.parquet cannot be read as Parquet: .+\.$"):
        read_alone(tmp_path, ORDERS, content, "parquet")


def test_all_files_of_a_date_are_read_in_order_of_name_with_its_date(tmp_path: Path) -> None:
    put_day(tmp_path, FIRST)
    put(tmp_path, f"orders/order_date={FIRST}/late.csv.gz", f"{ORDERS_HEADER}\n2,11,x\n3,12,8\n")
    put(tmp_path, f"orders/order_date={FIRST}/later.parquet", ORDERS_FRAME.with_columns(pl.col("order_id") + 10))
    put_day(tmp_path, SECOND)
    landed = read(tmp_path, FIRST)
    assert orders_of(landed) == [(FIRST, 3, 12, 8), (FIRST, 11, 10, 9), (FIRST, 12, 11, 23), (FIRST, 1, 10, 9)]
    assert whole(landed.rejected).select("order_date", "source_file", "source_line").collect().rows() == [
        (FIRST, f"orders/order_date={FIRST}/late.csv.gz", 2)
    ]


def test_a_range_gives_each_row_the_date_of_its_folder(tmp_path: Path) -> None:
    put_day(tmp_path, FIRST)
    put_day(tmp_path, SECOND, orders="2,10,9\n3,11,late\n", items="2,5,1,2,3.5\n3,6,first,1,1\n")
    put_day(tmp_path, THIRD, orders="4,10,9\n")
    landed = read(tmp_path, FIRST, SECOND)
    assert orders_of(landed) == [(FIRST, 1, 10, 9), (SECOND, 2, 10, 9)]
    assert whole(landed.order_items).select("order_date", "order_id").collect().rows() == [(FIRST, 1), (SECOND, 2)]
    assert whole(landed.rejected).select("order_date", "source_table", "source_line").collect().rows() == [
        (SECOND, "orders", 3),
        (SECOND, "order_items", 3),
    ]
    assert landed.empty_days == ()


def test_a_column_called_order_date_does_not_override_the_folder(tmp_path: Path) -> None:
    put_day(tmp_path, FIRST)
    put(tmp_path, f"orders/order_date={FIRST}/orders.csv", f"{ORDERS_HEADER},order_date\n1,10,9,1999-01-01\n")
    assert orders_of(read(tmp_path, FIRST)) == [(FIRST, 1, 10, 9)]


def test_a_range_and_its_single_days_hold_the_same_rows(tmp_path: Path) -> None:
    for number, order_date in enumerate((FIRST, SECOND, THIRD)):
        put_day(tmp_path, order_date, orders=f"{number},10,9\n{number},x,9\n")
    together = read(tmp_path, FIRST, SECOND, THIRD)
    alone = [read(tmp_path, order_date) for order_date in (FIRST, SECOND, THIRD)]
    for name in ("orders", "order_items", "rejected"):
        parts = pl.concat([whole(getattr(landed, name)).collect() for landed in alone])
        columns = ["order_date", "source_file", "source_line"]
        assert whole(getattr(together, name)).collect().sort(columns).equals(parts.sort(columns))


def test_days_without_files_in_a_range_are_empty_and_named_as_ranges(tmp_path: Path) -> None:
    put_day(tmp_path, SECOND)
    landed = read(tmp_path, FIRST, SECOND, THIRD, day("2025-03-04"))
    assert orders_of(landed) == [(SECOND, 1, 10, 9)]
    assert landed.empty_days == (FIRST, THIRD, day("2025-03-04"))
    assert landed.warnings() == [
        "3 of the dates have no landing files, so no orders: 2025-03-01, 2025-03-03 to 2025-03-04."
    ]


def test_many_gaps_are_named_up_to_five(tmp_path: Path) -> None:
    days = [day(f"2025-03-{number:02}") for number in range(1, 15)]
    for order_date in days[::2]:
        put_day(tmp_path, order_date)
    assert read(tmp_path, *days).warnings() == [
        "7 of the dates have no landing files, so no orders: "
        "2025-03-02, 2025-03-04, 2025-03-06, 2025-03-08, 2025-03-10 and 2 more."
    ]


@pytest.mark.parametrize(
    ("days", "words"),
    [
        ([FIRST], "Landing folder orders/order_date=2025-03-01 is empty or absent under {}: land that date first."),
        ([FIRST, SECOND], "Landing folders orders/order_date=2025-03-01 to 2025-03-02 are empty or absent under {}: land these dates first."),
    ],
)  # fmt: skip
def test_dates_of_which_none_has_files_are_refused(tmp_path: Path, days: list[date], words: str) -> None:
    put_day(tmp_path, THIRD)
    (tmp_path / f"orders/order_date={FIRST}").mkdir()
    with pytest.raises(LandingError) as refusal:
        read(tmp_path, *days)
    assert str(refusal.value) == words.format(tmp_path)


def test_reading_a_date_again_sees_what_arrived_since(tmp_path: Path) -> None:
    put_day(tmp_path, FIRST)
    folder = LandingFolder(str(tmp_path))
    assert len(orders_of(read_days(folder, [FIRST]))) == 1
    put(tmp_path, f"orders/order_date={FIRST}/late.csv", f"{ORDERS_HEADER}\n2,11,8\n")
    assert len(orders_of(read_days(folder, [FIRST]))) == 2


WHOLE = st.integers(-(2**31), 2**31 - 1).map(str)
NUMBER = st.one_of(
    WHOLE,
    st.decimals(-1000, 1000, places=2).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
)
# Any text but lone surrogates, which no file can hold, and carriage returns, which end a line for some readers only.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), min_size=1, max_size=12)
ITEM_COLUMNS = (WHOLE, WHOLE, WHOLE, WHOLE, NUMBER)
PRODUCT_COLUMNS = (WHOLE, TEXT, WHOLE, WHOLE)


def dirty_rows(width: int) -> st.SearchStrategy[list[str]]:
    """Rows that no reading could take for good ones: of another width, or with a word for the first number."""
    words = st.sampled_from(["x", "one", "1.5.2", "--1", "12a", "9" * 25])
    other_width = st.lists(WHOLE, min_size=1, max_size=width + 3).filter(lambda row: len(row) != width)
    return st.one_of(other_width, st.tuples(words, *[WHOLE] * (width - 1)).map(list))


def csv_text(header: str, rows: list[list[str]], line_end: str) -> tuple[str, list[int]]:
    """A file of these rows, and the line on which each begins."""
    text, lines = io.StringIO(newline=""), []
    text.write(header + line_end)
    for row in rows:
        lines.append(text.getvalue().count("\n") + 1)
        csv.writer(text, lineterminator=line_end).writerow(row)
    return text.getvalue(), lines


def names(table: LandingTable, columns: tuple) -> list[str]:
    return list(table.columns)[: len(columns)]


def expected(table: LandingTable, header: list[str], row: list[str]) -> tuple:
    dtypes = [table.columns[name] for name in header]
    kinds = [str if dtype == pl.String() else float if dtype.is_float() else int for dtype in dtypes]
    return tuple(kind(value) for kind, value in zip(kinds, row, strict=True))


MANY = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


@pytest.mark.parametrize(
    ("table", "columns"), [(ORDER_ITEMS, ITEM_COLUMNS), (PRODUCTS, PRODUCT_COLUMNS)], ids=["numbers", "text"]
)
@MANY
@given(data=st.data(), line_end=st.sampled_from(["\n", "\r\n"]), packed=st.booleans())
def test_every_row_is_either_read_with_its_line_or_rejected_with_its_line(
    table: LandingTable, columns: tuple, data: st.DataObject, line_end: str, packed: bool
) -> None:
    good_row = st.tuples(st.just(True), st.tuples(*columns).map(list))
    bad_row = st.tuples(st.just(False), dirty_rows(len(columns)))
    drawn = data.draw(st.lists(st.one_of(good_row, good_row, bad_row), max_size=12))
    text, lines = csv_text(",".join(names(table, columns)), [row for _, row in drawn], line_end)
    with tempfile.TemporaryDirectory() as root:
        landed = read_alone(Path(root), table, text, "csv.gz" if packed else "csv")
        found = good(landed, *names(table, columns), "source_line")
        bad_rows = rejected(landed)
    wanted = [
        (*expected(table, names(table, columns), row), line)
        for (is_good, row), line in zip(drawn, lines, strict=True)
        if is_good
    ]
    assert found == wanted
    assert [line for line, _, _ in bad_rows] == [
        line for (is_good, _), line in zip(drawn, lines, strict=True) if not is_good
    ]


@pytest.mark.parametrize(
    ("table", "columns"), [(ORDER_ITEMS, ITEM_COLUMNS), (PRODUCTS, PRODUCT_COLUMNS)], ids=["numbers", "text"]
)
@MANY
@given(data=st.data())
def test_good_rows_are_the_same_in_a_clean_file_and_beside_a_bad_row(
    table: LandingTable, columns: tuple, data: st.DataObject
) -> None:
    rows = data.draw(st.lists(st.tuples(*columns).map(list), min_size=1, max_size=12))
    text, _ = csv_text(",".join(names(table, columns)), rows, "\n")
    with tempfile.TemporaryDirectory() as root:
        clean = read_alone(Path(root), table, text).rows.collect()
        beside = read_alone(Path(root), table, text + "bad\n")
        assert [raw for _, _, raw in rejected(beside)] == ["bad"]
        assert beside.rows.collect().equals(clean)


ODD_LINE = st.text(st.sampled_from('0123456789,,,,"" \t+-.eEnaN_é\r\x00\x1f\u2028'), min_size=1, max_size=14)
ODD_VALUE = st.one_of(
    st.sampled_from(["", '""', '"1"', '"1', "1 ", " 1", "\t1", "+1", "08", "1.0", "1e2", ".5", "5.", "nan", "-inf"]),
    ODD_LINE,
)


@pytest.mark.parametrize("table", [ORDER_ITEMS, PRODUCTS], ids=["numbers", "text"])
@MANY
@given(line=st.one_of(ODD_LINE, st.lists(ODD_VALUE, min_size=4, max_size=5).map(",".join)))
def test_what_a_line_gives_does_not_depend_on_its_neighbour(table: LandingTable, line: str) -> None:
    assume(line.strip("\r"))
    header = ",".join(table.columns)
    with tempfile.TemporaryDirectory() as root:
        alone = read_alone(Path(root), table, f"{header}\n{line}\n")
        rows, faults = good(alone), rejected(alone)
        beside = read_alone(Path(root), table, f"{header}\n{line}\nbad\n")
        assert good(beside) == rows
        assert rejected(beside)[:-1] == faults
        assert len(rows) + len(faults) == 1


def test_a_clean_file_with_text_is_read_many_times_as_fast_as_row_by_row(tmp_path: Path) -> None:
    names = ['6" Cake', "Salt, Fine", " Milk "] * 20_000
    text = products_csv(*names)
    began = time.process_time()
    read_alone(tmp_path, PRODUCTS, text)
    clean = time.process_time() - began
    began = time.process_time()
    landed = read_alone(tmp_path, PRODUCTS, text + "bad\n")
    row_by_row = time.process_time() - began
    assert good(landed, "product_name") == [(name,) for name in names]
    assert clean * 3 < row_by_row


def test_a_long_range_is_read_in_chunks_of_a_few_files(tmp_path: Path) -> None:
    days = [FIRST + timedelta(days=number) for number in range(150)]
    for number, order_date in enumerate(days):
        put_day(tmp_path, order_date, orders=f"{number},10,9\n{number},x,9\n")
    landed = read(tmp_path, *days, cache=RowCache(room=0))
    parts = [[frame.to_native().collect() for frame in of.frames] for of in (landed.orders, landed.rejected)]
    assert all(part["order_date"].n_unique() <= 64 for of_table in parts for part in of_table)
    assert [pl.concat(of_table)["order_date"].to_list() for of_table in parts] == [days, days]


@pytest.mark.parametrize("bad_row", ["", "x,y,z,1,2\n"], ids=["clean", "dirty"])
def test_rows_are_kept_in_memory_while_there_is_room_and_on_disk_beyond_it(tmp_path: Path, bad_row: str) -> None:
    rows = "".join(f"{number},5,1,2,3.5\n" for number in range(1000))
    for order_date in (FIRST, SECOND, THIRD):
        put_day(tmp_path, order_date, items=rows + bad_row)
    put(tmp_path, f"order_items/order_date={FIRST}/1.parquet", pl.read_csv((ITEMS_HEADER + "\n" + rows).encode()))
    in_memory = whole(read(tmp_path, FIRST, SECOND, THIRD).order_items)
    assert "PYTHON SCAN" not in in_memory.explain()
    beyond = whole(read(tmp_path, FIRST, SECOND, THIRD, cache=RowCache(room=80_000)).order_items)
    assert 1 <= beyond.explain().count("PYTHON SCAN") <= 3
    assert beyond.collect().equals(in_memory.collect())
    assert beyond.collect().height == 4000


def test_the_rows_that_were_judged_are_written_even_if_their_file_changes_meanwhile(tmp_path: Path) -> None:
    put_day(tmp_path, FIRST, orders="1,10,9\n")
    orders = whole(read(tmp_path, FIRST, cache=RowCache(room=0)).orders)
    put_day(tmp_path, FIRST, orders="1,10,99\n2,x,9\n")
    assert orders.select("order_id", "order_hour").collect().rows() == [(1, 9)]


def test_nothing_of_the_rows_on_disk_has_a_name_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(disk))
    (kept,) = RowCache(room=0).keep([pl.DataFrame({"order_id": [1]})])
    assert list(disk.iterdir()) == []
    assert kept.collect().rows() == [(1,)]


def test_a_full_local_disk_is_an_error_that_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    with pytest.raises(NoRoomError, match=r"has no room for the rows of the landing files .* TMPDIR"):
        RowCache(room=0).keep([pl.DataFrame({"order_id": [1]})])

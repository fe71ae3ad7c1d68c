"""Each way in which a row can be bad: it is rejected with its file, line, reason and text, and the rows around it are read."""

from __future__ import annotations

import gzip
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from cis_assets.landing.folder import LandingFolder
from cis_assets.landing.reader import LandedDays, read_days
from cis_assets_tests.landing.landing_files import ITEMS_HEADER, ORDERS_HEADER, put, whole

DAY = date(2025, 3, 1)
KEYED_HEADER = f"{ORDERS_HEADER},order_key"
ORDERS_FILE = f"orders/order_date={DAY}/orders"
ITEMS_FILE = f"order_items/order_date={DAY}/items"


def land(root: Path, table: str, content: str | bytes | pl.DataFrame, ending: str = "csv") -> LandedDays:
    """Land a file of one table beside a whole file of the other, and read their date."""
    given = content.encode() if isinstance(content, str) else content
    whole_file = {"orders": f"{ORDERS_HEADER}\n1,10,9\n", "order_items": f"{ITEMS_HEADER}\n1,5,1,2,3.5\n"}
    for name, path in (("orders", ORDERS_FILE), ("order_items", ITEMS_FILE)):
        if name != table:
            put(root, f"{path}.csv", whole_file[name])
        elif isinstance(given, bytes):
            file = root / f"{path}.{ending}"
            file.parent.mkdir(parents=True)
            file.write_bytes(given)
        else:
            put(root, f"{path}.{ending}", given)
    return read_days(LandingFolder(str(root)), [DAY])


def bad_rows(landed: LandedDays) -> list[tuple[str, int, str, str]]:
    rows = whole(landed.rejected).select("source_file", "source_line", "reason", "raw_text")
    return rows.collect().rows()


def good_lines(landed: LandedDays, table: str) -> list[int]:
    return whole(getattr(landed, table)).collect()["source_line"].to_list()


def row_count(landed: LandedDays, table: str) -> int:
    return landed.files.filter(pl.col("source_table") == table)["row_count"].item()


BAD_LINES = [
    ("too few fields", b"2,6,1,1", "has 4 fields where the header has 5"),
    ("too many fields", b"2,6,1,1,0.5,7", "has 6 fields where the header has 5"),
    ("too many fields, the last one empty", b"2,6,1,1,0.5,", "has 6 fields where the header has 5"),
    ("no whole number", b"2.5,6,1,1,0.5", "order_id is not a whole number: 2.5"),
    ("no whole number of 32 bits", b"2,6,3000000000,1,0.5", "add_to_cart_order is not a whole number of 32 bits: 3000000000"),
    ("no number", b"2,6,1,1,free", "unit_price is not a number: free"),
    ("a quote that is not closed", b'2,"6,1,1,0.5', 'product_id is not a whole number: "6'),
    ("a quote within a value", b'2,6"6,1,1,0.5', 'product_id is not a whole number: 6"6'),
    ("a line break within quotes", b'"2,6,1,1,0.5', 'order_id is not a whole number: "2'),
    ("invalid UTF-8", b"2,\xff6,1,1,0.5", "is not UTF-8"),
    ("UTF-8 cut off", b"2,6,1,1,0.5\xc3", "is not UTF-8"),
    ("a BOM in the middle", b"\xef\xbb\xbf2,6,1,1,0.5", "order_id is not a whole number: \ufeff2"),
    ("a NUL byte", b"2,6,1,\x001,0.5", "quantity is not a number of at most 12 digits: \x001"),
    ("NUL bytes alone", b"\x00\x00\x00", "has 1 fields where the header has 5"),
    ("a carriage return within a line", b"2,6,1,1,0.5\r3,7,1,1,0.5", "has 9 fields where the header has 5"),
    ("the header once more", ITEMS_HEADER.encode(), None),
    ("a very long line", b"2," + b"6" * 3_000_000 + b",1,1,0.5", None),
    ("a very long line of one field", b"x" * 3_000_000, "has 1 fields where the header has 5"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "reason"), [bad[1:] for bad in BAD_LINES], ids=[bad[0] for bad in BAD_LINES])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("at", [2, 3, 5], ids=["first", "between", "last"])
def test_a_bad_line_of_numbers_is_rejected_alone(
    tmp_path: Path, line: bytes, reason: str | None, line_end: bytes, packed: bool, at: int
) -> None:
    lines = [ITEMS_HEADER.encode(), b"1,5,1,2,3.5", b"4,8,1,1,1.5", b"5,9,1,1,"]
    lines.insert(at - 1, line)
    content = line_end.join(lines) + line_end
    landed = land(tmp_path, "order_items", gzip.compress(content) if packed else content)
    ((file, found_at, why, text),) = bad_rows(landed)
    assert (file, found_at, text) == (f"{ITEMS_FILE}.csv", at, line.decode(errors="replace"))
    assert reason is None or why == reason
    assert why
    assert good_lines(landed, "order_items") == [number for number in (2, 3, 4, 5) if number != at]
    assert row_count(landed, "order_items") == 4


BAD_KEYED_LINES = [
    ("too few fields", b"2,11,9", "has 3 fields where the header has 4"),
    ("too many fields", b"2,11,9,K-2,x", "has 5 fields where the header has 4"),
    ("a quote that is not closed", b'2,11,9,"K-2', "is not well-formed CSV: "),
    ("text behind a quote", b'2,11,9,"K"2', "is not well-formed CSV: "),
    ("a quote that swallows a field", b'2,11,"9,K-2"', "has 3 fields where the header has 4"),
    ("no whole number", b"2,11,noon,K-2", "order_hour is not a whole number of 32 bits: noon"),
    ("invalid UTF-8", b"2,11,9,K\xff", "is not UTF-8"),
    ("a BOM in the middle", b"\xef\xbb\xbf2,11,9,K-2", "order_id is not a whole number: \ufeff2"),
    ("a carriage return within a line", b"2,11,9,K\r3,12,9,K", "is not well-formed CSV: a carriage return stands within a line"),
    ("a carriage return within a key", b"2,11,9,K\rK", "is not well-formed CSV: a carriage return stands within a line"),
    ("a key of great length", b'2,11,9,"' + b"K" * 200_000 + b'"x', "is not well-formed CSV: "),
]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "reason"), [bad[1:] for bad in BAD_KEYED_LINES], ids=[bad[0] for bad in BAD_KEYED_LINES]
)
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("at", [2, 3, 5], ids=["first", "between", "last"])
def test_a_bad_line_of_a_file_with_text_is_rejected_alone(
    tmp_path: Path, line: bytes, reason: str, line_end: bytes, at: int
) -> None:
    lines = [KEYED_HEADER.encode(), b"1,10,9,K-1", b'4,13,9,"K, 4"', b"5,14,9,"]
    lines.insert(at - 1, line)
    landed = land(tmp_path, "orders", line_end.join(lines) + line_end)
    ((file, found_at, why, text),) = bad_rows(landed)
    assert (file, found_at, text) == (f"{ORDERS_FILE}.csv", at, line.decode(errors="replace"))
    assert why.startswith(reason)
    assert good_lines(landed, "orders") == [number for number in (2, 3, 4, 5) if number != at]
    assert row_count(landed, "orders") == 4


def test_a_line_of_a_carriage_return_too_many_is_no_empty_line(tmp_path: Path) -> None:
    landed = land(tmp_path / "numbers", "order_items", f"{ITEMS_HEADER}\r\n1,5,1,2,3.5\r\n\r\r\n\r\n2,5,1,2,3.5\r\n")
    assert bad_rows(landed) == [(f"{ITEMS_FILE}.csv", 3, "has 1 fields where the header has 5", "\r")]
    assert (good_lines(landed, "order_items"), row_count(landed, "order_items")) == ([2, 5], 3)
    landed = land(tmp_path / "text", "orders", f"{KEYED_HEADER}\r\n1,10,9,K-1\r\n\r\r\n\r\n2,11,9,K-2\r\n")
    assert bad_rows(landed) == [(f"{ORDERS_FILE}.csv", 3, "has 0 fields where the header has 4", "\r")]
    assert (good_lines(landed, "orders"), row_count(landed, "orders")) == ([2, 5], 3)


def test_a_carriage_return_within_a_key_is_rejected_among_clean_rows_too(tmp_path: Path) -> None:
    landed = land(tmp_path, "orders", f"{KEYED_HEADER}\n1,10,9,K-1\n2,11,9,K\rK\n3,12,9,K-3\n")
    assert [line for _, line, _, _ in bad_rows(landed)] == [3]
    assert good_lines(landed, "orders") == [2, 4]


def test_a_row_of_several_lines_counts_once_and_the_lines_below_keep_their_numbers(tmp_path: Path) -> None:
    landed = land(tmp_path, "orders", f'{KEYED_HEADER}\n1,10,9,"K\n\n1"\n2,11,x,"K\n2"\n\n3,12,9,K-3\n')
    assert good_lines(landed, "orders") == [2, 8]
    assert bad_rows(landed) == [
        (f"{ORDERS_FILE}.csv", 5, "order_hour is not a whole number of 32 bits: x", '2,11,x,"K\n2"')
    ]
    assert row_count(landed, "orders") == 3


@pytest.mark.parametrize(
    ("last", "good", "bad"),
    [("2,6,1,1,0.5", [2, 3], []), ("2,6,1", [2], [3]), ("2,6,1,1,0.5,", [2], [3]), ("2,6,1,1,0.5\r", [2, 3], [])],
    ids=["whole", "cut off", "an empty field too many", "ending in a carriage return"],
)
def test_a_last_line_without_an_end_is_a_row_like_any_other(
    tmp_path: Path, last: str, good: list[int], bad: list[int]
) -> None:
    landed = land(tmp_path, "order_items", f"{ITEMS_HEADER}\n1,5,1,2,3.5\n{last}")
    assert good_lines(landed, "order_items") == good
    assert [line for _, line, _, _ in bad_rows(landed)] == bad
    assert row_count(landed, "order_items") == 2


def test_broken_quotes_at_the_end_of_a_file_do_not_stop_the_reader(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    landed = land(tmp_path / "one", "orders", f'{KEYED_HEADER}\n1,10,9,K-1\n2,11,"')
    assert good_lines(landed, "orders") == [2]
    assert [line for _, line, _, _ in bad_rows(landed)] == [3]
    assert "panicked" not in capfd.readouterr().err
    landed = land(tmp_path / "several", "orders", f'{KEYED_HEADER}\n1,10,9,\r"""\n"')
    assert good_lines(landed, "orders") == []
    assert [line for _, line, _, _ in bad_rows(landed)] == [2, 3]


@pytest.mark.parametrize(
    ("content", "ending"),
    [
        (gzip.compress(f"{ITEMS_HEADER}\n1,5,1,2,3.5\nx,5,1,2,3.5\n".encode()), "csv"),
        (f"{ITEMS_HEADER}\n1,5,1,2,3.5\nx,5,1,2,3.5\n".encode(), "csv.gz"),
        (gzip.compress(f"{ITEMS_HEADER}\n1,5,1,".encode()) + gzip.compress(b"2,3.5\nx,5,1,2,3.5\n"), "csv.gz"),
        (f"\ufeff{ITEMS_HEADER}\r\n1,5,1,2,3.5\r\nx,5,1,2,3.5\r\n".encode(), "csv"),
    ],
    ids=["gzip called csv", "csv called gzip", "two gzip members", "BOM and CRLF"],
)
def test_a_file_is_read_by_what_it_holds_and_not_by_its_name(tmp_path: Path, content: bytes, ending: str) -> None:
    landed = land(tmp_path, "order_items", content, ending)
    assert good_lines(landed, "order_items") == [2]
    assert bad_rows(landed) == [(f"{ITEMS_FILE}.{ending}", 3, "order_id is not a whole number: x", "x,5,1,2,3.5")]


@pytest.mark.parametrize("content", [ITEMS_HEADER, f"{ITEMS_HEADER}\n", f"\ufeff{ITEMS_HEADER}\r\n\r\n\r"])
def test_a_file_with_a_header_alone_has_no_rows_and_no_fault(tmp_path: Path, content: str) -> None:
    landed = land(tmp_path, "order_items", content)
    assert (good_lines(landed, "order_items"), bad_rows(landed), row_count(landed, "order_items")) == ([], [], 0)
    assert landed.faults == {}


def test_bad_rows_of_parquet_are_rejected_with_their_number(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "order_id": ["1", "two", "3"],
            "product_id": [5, 5, 5],
            "add_to_cart_order": [1, 1, 2**40],
            "unit_price": [1.5, 2.5, float("inf")],
        }
    )
    landed = land(tmp_path, "order_items", frame, "parquet")
    assert good_lines(landed, "order_items") == [1]
    assert [(file, line, reason) for file, line, reason, _ in bad_rows(landed)] == [
        (f"{ITEMS_FILE}.parquet", 2, "order_id is not a whole number: two"),
        (
            f"{ITEMS_FILE}.parquet",
            3,
            f"add_to_cart_order is not a whole number of 32 bits: {2**40}; unit_price is not a number: inf",
        ),
    ]
    assert row_count(landed, "order_items") == 3

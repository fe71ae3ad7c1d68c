"""A file of customer numbers is read strictly, since a wrong guess erases another customer."""

from __future__ import annotations

from pathlib import Path

import pytest

from cis_assets.erasure.requests import (
    RequestError,
    delete_requests,
    parse_customer_number,
    parse_customer_numbers,
    read_requests,
)


@pytest.mark.parametrize(
    "content",
    [
        b"17\n18\n",
        b"17\n18",
        b"customer_id\n17\n18\n",
        b"Customer_ID\r\n17\r\n18\r\n",
        b"\xef\xbb\xbfcustomer_id\r\n17\r\n18\r\n",
        b"\xef\xbb\xbf17\n18\n",
        b"\n customer_id \n\n  17\n18  \n\n17\n",
    ],
)
def test_one_number_per_line_is_read_with_or_without_a_header(content: bytes):
    assert parse_customer_numbers(content, "the file") == {17, 18}


@pytest.mark.parametrize("line", ["-3", "0", "9223372036854775807", "-9223372036854775808"])
def test_every_number_of_64_bits_is_read(line: str):
    assert parse_customer_numbers(line.encode(), "the file") == {int(line)}


BAD = [
    "1,2",
    "3,42",
    "3;4",
    "1 2",
    "1\t2",
    "1\t",
    "1|2",
    "1_2",
    "+5",
    "1.0",
    "1e3",
    "1.000",
    "0x1f",
    "１２",
    "٣",
    "1,",
    ",1",
]
BAD += [
    '"1"',
    "'1",
    "1\u00a02",
    "1\u2028",
    "1\x0b2",
    "1\x00",
    "1\r2",
    "\u200b1",
    "--1",
    "-",
    "1-2",
    "9223372036854775808",
]
BAD += ["9" * 5000, "Jane Doe", "customer_id"]


@pytest.mark.parametrize("line", BAD)
def test_any_other_line_refuses_the_whole_file(line: str):
    with pytest.raises(RequestError, match=r"^Line 2 of the file is not a customer number\..* No customer was erased"):
        parse_customer_numbers(f"17\n{line}\n18\n".encode(), "the file")


@pytest.mark.parametrize("text", [line for line in BAD if line != "customer_id"])
def test_an_argument_is_read_as_strictly(text: str):
    with pytest.raises(RequestError, match=r"^CUSTOMER_ID 1 is not a customer number"):
        parse_customer_number(text, "CUSTOMER_ID 1")


def test_the_first_ten_bad_lines_are_named_and_none_is_shown():
    content = "customer_id,orders\n" + "".join(f"{number},7316\n" for number in range(20, 35))
    with pytest.raises(RequestError, match="Lines 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 6 more of the file are") as refused:
        parse_customer_numbers(content.encode(), "the file")
    assert "7316" not in str(refused.value)


def test_a_request_that_somebody_removed_meanwhile_does_not_keep_the_others(tmp_path: Path):
    folder = tmp_path / "erasure_requests"
    folder.mkdir()
    for name in ("first.csv", "second.csv"):
        (folder / name).write_text("1")
    requests = read_requests(str(tmp_path))
    (folder / "first.csv").unlink()
    assert delete_requests(str(tmp_path), requests) == []
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(("content", "line"), [(b"\xff\xfe5\x00", 1), (b"5\n6\n7\xa0\n8\n", 3)])
def test_a_file_in_another_encoding_is_refused_with_the_line(content: bytes, line: int):
    with pytest.raises(RequestError, match=rf"the file given is not UTF-8 \(line {line}\). No customer was erased"):
        parse_customer_numbers(content, "the file given")

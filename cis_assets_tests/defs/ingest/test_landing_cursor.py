"""The cursor survives a round trip, takes few bytes, and refuses texts of other origin."""

from __future__ import annotations

import base64
import json
import os
import zlib
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cis_assets.dates import DateRange
from cis_assets.defs.ingest.landing_cursor import (
    LandingCursor,
    Request,
    UnreadableCursorError,
    mark_files,
    read_cursor,
)
from cis_assets.landing.folder import LandingFile

MARKS = st.binary(min_size=4, max_size=4).filter(any).map(bytes.hex)
DAYS = st.dates(date(2020, 1, 1), date(2030, 12, 31))


def file(path: str = "orders/order_date=2025-01-01/a.csv", size: int = 3, e_tag: str = "x") -> LandingFile:
    return LandingFile(path, size, e_tag, datetime(2025, 1, 2, tzinfo=UTC))


@given(
    st.dictionaries(DAYS, MARKS, max_size=50),
    st.lists(st.builds(Request, st.builds(DateRange, DAYS, st.just(date(2031, 1, 1))), st.text(), MARKS), max_size=3),
)
def test_what_is_written_is_read_again(marks: dict[date, str], requests: list[Request]):
    cursor = LandingCursor(marks, tuple(requests), "2025-11-01T04:30:00+00:00")
    assert read_cursor(cursor.text()) == cursor


def test_a_thousand_dates_need_about_five_bytes_each():
    days = [date(2023, 1, 1) + timedelta(days=number) for number in range(1000)]
    assert len(LandingCursor({day: os.urandom(4).hex() for day in days}).text()) < 5500


def test_no_cursor_yet_is_an_empty_one():
    assert read_cursor(None) == read_cursor("") == LandingCursor()


def test_the_first_format_is_understood_so_that_an_upgrade_runs_nothing_again():
    files = [file("order_items/order_date=2025-01-01/b.csv", 7, "y"), file()]
    written_for_these_files = {"2025-01-01": "99be5bbc9a9a"}
    assert read_cursor(json.dumps(written_for_these_files)).marks == {date(2025, 1, 1): mark_files(files)}


@pytest.mark.parametrize(
    "text",
    [
        "7", "[]", "null", "not json", '{"2025-01-01": 5}', '{"2025-01-01": "ab"}', '{"2025-01-01": "no hexadecimal"}',
        '{"yesterday": "d8f0b6a1c2e3"}', '{"version": 3}', '{"version": 2}',
        '{"version": 2, "written": "", "first": "2025-01-01", "marks": "~~~", "requests": []}',
        LandingCursor({date(2025, 1, 1): "d8f0b6a1"}).text().replace("2025-01-01", "2025-99-99"),
        '{"version": 2, "written": "", "first": null, "marks": "", "requests": [["2025-01-02", "2025-01-01", "", ""]]}',
    ],
)  # fmt: skip
def test_a_foreign_text_is_refused_and_not_stumbled_over(text: str):
    with pytest.raises(UnreadableCursorError):
        read_cursor(text)


def test_marks_that_end_within_a_place_are_refused():
    cut = base64.b85encode(zlib.compress(b"12345")).decode()
    text = json.dumps({"version": 2, "written": "", "first": "2025-01-01", "marks": cut, "requests": []})
    with pytest.raises(UnreadableCursorError):
        read_cursor(text)


@pytest.mark.parametrize(
    "other",
    [
        [],
        [file(), file("orders/order_date=2025-01-01/b.csv")],
        [file("orders/order_date=2025-01-01/b.csv")],
        [file(size=4)],
        [file(e_tag="y")],
    ],
)
def test_a_mark_changes_with_names_sizes_and_tags(other: list[LandingFile]):
    assert mark_files(other) != mark_files([file()])
    assert mark_files([file()]) == mark_files([file()])

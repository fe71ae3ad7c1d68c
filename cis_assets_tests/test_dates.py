from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cis_assets.dates import DateRange, day_number, neighbouring_ranges, parse_date_folder, trailing_window

DAYS = st.dates(date(2020, 1, 1), date(2020, 3, 31))


@given(st.lists(DAYS))
def test_neighbouring_ranges_cover_exactly_the_days_given(days: list[date]):
    ranges = neighbouring_ranges(days)
    assert [day for span in ranges for day in span] == sorted(set(days))


@given(st.lists(DAYS))
def test_neighbouring_ranges_are_as_few_as_possible(days: list[date]):
    ranges = neighbouring_ranges(days)
    assert all(later.first - earlier.last > timedelta(days=1) for earlier, later in pairwise(ranges))


@given(DAYS, st.integers(1, 400))
def test_a_trailing_window_ends_with_its_day_and_has_its_length(last: date, length: int):
    window = trailing_window(last, length)
    assert (window.last, len(window)) == (last, length)


def test_a_range_that_ends_before_it_begins_is_refused():
    with pytest.raises(ValueError, match="2026-01-02 to 2026-01-01 ends before it begins"):
        DateRange(date(2026, 1, 2), date(2026, 1, 1))


def test_day_numbers_count_from_1970():
    assert day_number(date(1970, 1, 2)) == 1


@pytest.mark.parametrize(
    "name", ["order_date=2026-02-30", "order_date=2026-1-5", "2026-01-05", "order_date=tmp", "order_date="]
)
def test_other_folder_names_have_no_date(name: str):
    assert parse_date_folder(name) is None


def test_a_date_folder_gives_its_date():
    assert parse_date_folder("order_date=2026-02-28") == date(2026, 2, 28)


@given(DAYS, st.integers(1, 400), st.integers(1, 70))
def test_chunks_of_a_range_have_its_days_in_order_and_are_not_too_long(last: date, length: int, at_most: int):
    span = trailing_window(last, length)
    chunks = span.chunks(at_most)
    assert [day for chunk in chunks for day in chunk] == list(span)
    assert max(len(chunk) for chunk in chunks) <= at_most

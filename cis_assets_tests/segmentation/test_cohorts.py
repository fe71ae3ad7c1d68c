from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import date, timedelta

import narwhals as nw
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from cis_assets.catalog.gold import COHORT_RETENTION
from cis_assets.segmentation.cohorts import cohort_retention
from cis_assets_tests.segmentation.shoppers import AS_OF, silver_orders

OnEngine = Callable[[pl.DataFrame], nw.LazyFrame]
LAST_DAY = AS_OF - timedelta(days=1)


def retention(rows: list[tuple[int, date]], *days: date) -> pl.DataFrame:
    return cohort_retention(nw.from_native(orders(rows).lazy()), days)


def orders(rows: list[tuple[int, date]]) -> pl.DataFrame:
    return silver_orders([(customer, (AS_OF - day).days, 9) for customer, day in rows])


ROWS = [
    *((1, date(2025, 12, 30)), (1, date(2025, 12, 31)), (1, date(2026, 1, 1)), (1, date(2026, 2, 28))),
    *((2, date(2025, 12, 1)), (2, date(2026, 2, 3))),
    *((3, date(2026, 1, 31)), (3, date(2026, 2, 1))),
]


def test_customers_count_once_in_each_month_of_their_cohort(on_engine: OnEngine) -> None:
    found = cohort_retention(on_engine(orders(ROWS)), [LAST_DAY])
    assert dict(found.schema) == COHORT_RETENTION.dtypes
    assert COHORT_RETENTION.schema.is_valid(found)
    assert found.drop("as_of_date").rows() == [
        (date(2025, 12, 1), 0, 2, 2, 1.0, False),
        (date(2025, 12, 1), 1, 2, 1, 0.5, False),
        (date(2025, 12, 1), 2, 2, 2, 1.0, False),
        (date(2026, 1, 1), 0, 1, 1, 1.0, False),
        (date(2026, 1, 1), 1, 1, 1, 1.0, False),
    ]


@pytest.mark.parametrize(("day", "incomplete"), [(date(2026, 2, 27), True), (date(2026, 2, 28), False)])
def test_the_month_of_the_day_is_incomplete_until_its_last_day(day: date, incomplete: bool) -> None:
    found = retention(ROWS, day)
    last = pl.col("cohort_month").dt.offset_by(pl.format("{}mo", "months_since")) == date(2026, 2, 1)
    assert set(found.filter(last)["is_incomplete"]) == {incomplete}
    assert not found.filter(~last)["is_incomplete"].any()


def test_a_month_without_orders_of_a_cohort_is_a_row_of_zero() -> None:
    found = retention([(1, date(2025, 11, 5)), (2, date(2026, 2, 5))], LAST_DAY)
    assert found.filter(cohort_month=date(2025, 11, 1))["retained"].to_list() == [1, 0, 0, 0]


def test_days_before_all_orders_have_no_rows() -> None:
    assert retention(ROWS, date(2025, 11, 30)).is_empty()
    assert retention([], LAST_DAY).is_empty()


HISTORIES = st.lists(st.tuples(st.integers(1, 5), st.dates(date(2025, 10, 1), date(2026, 3, 10))), max_size=40)


@given(HISTORIES)
def test_counts_are_those_of_counting_customers_one_by_one(rows: list[tuple[int, date]]) -> None:
    months: dict[int, set[date]] = defaultdict(set)
    for customer, day in rows:
        if day <= AS_OF:
            months[customer].add(day.replace(day=1))
    found = retention(rows, AS_OF)
    for row in found.iter_rows(named=True):
        cohort = [own for own in months.values() if min(own) == row["cohort_month"]]
        number = row["cohort_month"].year * 12 + row["cohort_month"].month - 1 + row["months_since"]
        looked_at = date(number // 12, number % 12 + 1, 1)
        assert (row["customers"], row["retained"]) == (len(cohort), sum(looked_at in own for own in cohort))
    assert found.filter(months_since=0)["customers"].sum() == len(months)


@settings(max_examples=12, deadline=None)
@given(HISTORIES)
def test_a_range_equals_its_days_and_later_orders_change_nothing(rows: list[tuple[int, date]]) -> None:
    days = [date(2025, 10, 31), date(2025, 11, 1), date(2026, 2, 14), AS_OF]
    alone = [retention([row for row in rows if row[1] <= day], day) for day in days]
    assert_frame_equal(retention(rows, *days), pl.concat(alone))

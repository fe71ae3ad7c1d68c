from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta

import narwhals as nw
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from cis_assets.catalog.gold import CUSTOMER_HABITS
from cis_assets.segmentation.habits import customer_habits, customer_habits_in_chunks
from cis_assets_tests.segmentation.shoppers import AS_OF, silver_orders

HISTORY_DAYS = 365


def orders(*customers: Sequence[tuple[int, int]]) -> pl.DataFrame:
    """Rows of silver/orders: for customers 1, 2, ... their orders as (days before AS_OF, lines)."""
    rows = [(number, before, lines) for number, of in enumerate(customers, start=1) for before, lines in of]
    frame = silver_orders([(number, before, 10) for number, before, _ in rows])
    return frame.with_columns(item_count=pl.Series([lines for *_, lines in rows], dtype=pl.Int32))


def habits(rows: pl.DataFrame, *days: date) -> pl.DataFrame:
    return customer_habits(nw.from_native(rows.lazy()), days or (AS_OF,), HISTORY_DAYS)


def regular(gap: int, lines: int, start: int = 300, end: int = 0) -> list[tuple[int, int]]:
    return [(before, lines) for before in range(start, end - 1, -gap)]


def test_a_regular_customer_has_the_gap_and_basket_of_every_order() -> None:
    row = habits(orders(regular(7, 12))).row(0, named=True)
    assert (row["gap_days"], row["basket_size"]) == (pytest.approx(7), pytest.approx(12))
    assert row["since"] == AS_OF - timedelta(days=300)


def test_new_habits_of_four_weeks_replace_the_old_ones() -> None:
    changed = regular(12, 6, end=29) + regular(3, 20, start=27)
    row = habits(orders(changed)).row(0, named=True)
    assert row["gap_days"] < 4
    assert row["basket_size"] == pytest.approx(20, rel=0.2)
    assert row["since"] >= AS_OF - timedelta(days=28)


@pytest.mark.parametrize("recent", [[(10, 10), (5, 10), (0, 10)], [(20, 10), (15, 10), (10, 45), (5, 10), (0, 10)]])
def test_one_long_pause_or_one_large_basket_changes_nothing(recent: list[tuple[int, int]]) -> None:
    steady = regular(5, 10, end=25)
    before, after = (habits(orders(rows)).row(0, named=True) for rows in (steady, [*steady, *recent]))
    assert (after["gap_days"], after["basket_size"]) == (before["gap_days"], before["basket_size"])


def test_days_without_orders_change_nothing() -> None:
    rows = orders(regular(7, 12, end=40))
    days = [AS_OF + timedelta(days=offset) for offset in range(0, 60, 7)]
    found = habits(rows, *days)
    assert found.height == len(days)
    assert found.drop("as_of_date").unique().height == 1


def test_a_customer_without_an_order_in_the_window_is_not_listed() -> None:
    rows = orders(regular(7, 12))
    assert habits(rows, AS_OF + timedelta(days=HISTORY_DAYS - 7)).height == 1
    assert habits(rows, AS_OF + timedelta(days=HISTORY_DAYS)).is_empty()


def test_a_single_order_has_no_gap() -> None:
    row = habits(orders([(3, 8)])).row(0, named=True)
    assert (row["order_count"], row["gap_days"], row["basket_size"]) == (1, None, pytest.approx(8))


def test_no_orders_give_no_rows() -> None:
    assert_frame_equal(habits(orders([])), CUSTOMER_HABITS.empty())


_HISTORIES = st.lists(
    st.lists(st.tuples(st.integers(0, 120), st.integers(1, 40)), min_size=1, max_size=25), min_size=1, max_size=4
)


@settings(max_examples=60, deadline=None)
@given(histories=_HISTORIES, day=st.integers(0, 60), others=_HISTORIES)
def test_a_snapshot_depends_on_neither_later_orders_nor_other_days_nor_other_customers(
    histories: list[list[tuple[int, int]]], day: int, others: list[list[tuple[int, int]]]
) -> None:
    as_of = AS_OF - timedelta(days=day)
    rows = orders(*histories)
    alone = habits(rows.filter(pl.col("order_date") <= as_of), as_of)
    together = habits(rows, as_of - timedelta(days=1), as_of, AS_OF)
    assert_frame_equal(together.filter(pl.col("as_of_date") == as_of).unique(), alone.unique(), check_row_order=False)
    crowd = orders(*histories, *others)
    known = pl.col("customer_id") <= len(histories)
    assert_frame_equal(habits(crowd, as_of).filter(known), alone)
    assert CUSTOMER_HABITS.schema.is_valid(alone)


def test_every_engine_gives_the_same_rows(on_engine: Callable[[pl.DataFrame], nw.LazyFrame]) -> None:
    rows = orders(regular(7, 12), regular(3, 5), [(3, 8)])
    assert_frame_equal(customer_habits(on_engine(rows), [AS_OF], HISTORY_DAYS), habits(rows))


def test_chunks_of_customers_and_days_give_the_same_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cis_assets.segmentation.habits._ORDERS_PER_CHUNK", 30)
    monkeypatch.setattr("cis_assets.segmentation.habits.DAYS_AT_ONCE", 2)
    rows = orders(regular(7, 12), regular(3, 5), [(3, 8)], regular(20, 9))
    days = [AS_OF - timedelta(days=offset) for offset in (10, 9, 2, 0)]
    chunks = customer_habits_in_chunks(nw.from_native(rows.lazy()), days, HISTORY_DAYS, rows.height)
    assert len(chunks) > 4
    found = pl.concat(chunk.collect() for chunk in chunks).sort("as_of_date", "customer_id")
    assert_frame_equal(found, habits(rows, *days))


def test_recent_habits_are_those_of_the_last_28_days() -> None:
    steady = [(day, 10) for day in range(300, 30, -10)]
    row = habits(orders([*steady, (24, 4), (18, 8)])).row(0, named=True)
    # The order before these 28 days is 40 days old.
    assert (row["recent_gap_days"], row["recent_basket_size"]) == ((16 + 6) / 2, 6)
    silent = habits(orders(steady)).row(0, named=True)
    assert (silent["recent_gap_days"], silent["recent_basket_size"]) == (None, None)


def test_a_pause_counts_as_at_most_60_days() -> None:
    row = habits(orders([(200, 1), (20, 1), (10, 1), (0, 1)])).row(0, named=True)
    assert row["recent_gap_days"] == pytest.approx((60 + 10 + 10) / 3)

from __future__ import annotations

from dataclasses import fields
from datetime import date, timedelta

import narwhals as nw
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cis_assets.predictions.next_order_features import FEATURES, FeatureRows, next_order_features
from cis_assets.predictions.order_history import OrderHistory
from cis_assets_tests.predictions.shoppers import day, habitual, history, silver_orders
from cis_assets_tests.segmentation.histories import FIRST_DAY, HISTORIES, Order
from cis_assets_tests.segmentation.histories import history as silver_history

HISTORY_DAYS = 365
WEEKLY = [(1, 7 * week) for week in range(20)]


def features(
    placed: list[tuple[int, int]], offset: int, capped: list[tuple[int, int]] | None = None
) -> dict[str, float]:
    """The features of the only customer."""
    (row,) = next_order_features(history(placed, capped or []), [day(offset)], HISTORY_DAYS).values
    return dict(zip(FEATURES, row.tolist(), strict=True))


def assert_equal(found: FeatureRows, expected: FeatureRows) -> None:
    for each in fields(FeatureRows):
        np.testing.assert_array_equal(getattr(found, each.name), getattr(expected, each.name), each.name)


def test_counts_and_times_of_a_weekly_customer() -> None:
    found = features(WEEKLY, 19 * 7 + 3)
    expected = {
        "recency_days": 3,
        "tenure_days": 136,
        "order_count": 20,
        "orders_7d": 1,
        "orders_28d": 4,
        "orders_112d": 16,
        "weeks_of_8": 8,
        "week_streak": 16,
        "gap_count": 19,
        "gap_mean": 7,
        "gap_std": 0,
        "gap_median": 7,
        "gap_p90": 7,
        "gaps_beyond_recency": 19.5 / 20,
        "own_chance_7d": 20 / 21,
        "basket_mean": 5,
        "items_28d": 20,
        "as_of_weekday": 3,
        "days_to_usual_weekday": 4,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_a_missed_week_ends_the_streak() -> None:
    found = features([each for each in WEEKLY if each[1] != 16 * 7], 19 * 7)
    assert (found["week_streak"], found["weeks_of_4"], found["weeks_of_8"]) == (3, 3, 7)


def test_orders_of_one_day_are_separate_orders_of_one_day() -> None:
    found = features([(1, 0), (1, 10), (1, 10)], 12)
    assert (found["order_count"], found["order_days"], found["gap_last"], found["gap_before_last"]) == (3, 2, 0, 10)


def test_a_customer_with_one_order_has_no_rhythm() -> None:
    found = features([(1, 0)], 5)
    assert found["gap_count"] == 0
    assert all(np.isnan(found[name]) for name in ("gap_mean", "gap_median", "gap_last", "recency_to_median"))


def test_a_capped_gap_is_longer_than_measured_ones() -> None:
    placed, capped = [(1, 0), (1, 30), (1, 65), (1, 100)], [(1, 30)]
    assert features(placed, 101)["gap_p25"] == 30
    found = features(placed, 101, capped)
    assert (found["gap_p25"], found["gap_longest"]) == (35, 35)


def test_a_gap_that_is_capped_within_the_week_says_nothing_about_it() -> None:
    placed = [(1, 0), (1, 30), (1, 60)]
    assert features(placed, 60 + 25)["own_chance_7d"] == 3 / 4
    assert features(placed, 60 + 25, [(1, 60)])["own_chance_7d"] == 2 / 3
    # A week earlier it counts: at 20 days neither gap ended within 7 days.
    assert features(placed, 60 + 20, [(1, 60)])["own_chance_7d"] == 1 / 4


def test_customers_without_an_order_in_the_window_have_no_row() -> None:
    given = history([(1, 0), (2, 100)])
    assert next_order_features(given, [day(99), day(100), day(365)], HISTORY_DAYS).customer.tolist() == [1, 1, 2, 2]


@given(HISTORIES, st.integers(0, 14))
def test_later_orders_change_nothing(orders: list[Order], today: int) -> None:
    rows, as_of = silver_history(orders).orders, FIRST_DAY + timedelta(days=today)
    full = next_order_features(OrderHistory.of_rows(rows), [as_of], HISTORY_DAYS)
    known = OrderHistory.read(nw.from_native(rows.lazy()), as_of)
    assert_equal(next_order_features(known, [as_of], HISTORY_DAYS), full)


@given(HISTORIES, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(orders: list[Order], random) -> None:
    rows = silver_history(orders).orders
    places = list(range(rows.height))
    random.shuffle(places)
    days = [FIRST_DAY + timedelta(days=offset) for offset in (3, 9, 14)]
    mixed = next_order_features(OrderHistory.of_rows(rows[places]), days, 5)
    assert_equal(mixed, next_order_features(OrderHistory.of_rows(rows), days, 5))


def test_one_pass_over_many_days_equals_single_days_and_single_customers() -> None:
    rows = silver_orders(habitual(30, 150))
    days: list[date] = [day(offset) for offset in (40, 90, 149)]
    together = next_order_features(OrderHistory.of_rows(rows), days, 60)
    alone = [
        next_order_features(OrderHistory.of_rows(rows.filter(pl.col("customer_id") == customer)), [each], 60)
        for each in days
        for customer in range(1, 31)
    ]
    assert_equal(together, FeatureRows.concat(alone))


@given(HISTORIES)
def test_counts_equal_those_by_hand(orders: list[Order]) -> None:
    rows = silver_history(orders).orders
    as_of = FIRST_DAY + timedelta(days=14)
    found = next_order_features(OrderHistory.of_rows(rows), [as_of], HISTORY_DAYS)
    for customer, order_count, week, days_with_orders in zip(
        found.customer,
        found.column("order_count"),
        found.column("orders_7d"),
        found.column("order_days"),
        strict=True,
    ):
        own = [order for order in orders if order.customer_id == customer]
        assert order_count == len(own)
        assert week == sum(order.day > 7 for order in own)
        assert days_with_orders == len({order.day for order in own})

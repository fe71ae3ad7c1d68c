from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cis_assets.predictions.basket_features import repeat_candidates
from cis_assets.predictions.basket_rates import FamilyCounts
from cis_assets.predictions.basket_targets import KnownBaskets
from cis_assets_tests.predictions.baskets import before_order, order, read, shop
from cis_assets_tests.segmentation.histories import HISTORIES, Order


@settings(max_examples=40, deadline=None)
@given(HISTORIES, st.integers(2, 12), st.integers(0, 2), st.integers(0, 9))
@example([order(customer, day, 5, 6) for customer in range(1, 9) for day in (0, 1, 30)], 40, 0, 1)
def test_an_evaluation_has_the_features_that_a_snapshot_of_the_same_day_serves(
    orders: list[Order], history_days: int, back: int, seed: int
):
    whole = read(orders)
    known = before_order(whole, "expected", back, history_days=history_days, seed=seed)
    rates = FamilyCounts.count(whole, whole.order_counts).rates(whole.families.aisle)
    evaluated = repeat_candidates(known.history, known.target, rates)
    for number, (customer, today) in enumerate(zip(known.history.customer_id, known.today, strict=True)):
        snapshot = KnownBaskets.as_of(read(orders, last_day=int(today)), int(today), history_days)
        served = repeat_candidates(snapshot.history, snapshot.target, rates)
        mine = snapshot.history.customer_id[served.customer] == customer
        here = evaluated.customer == number
        np.testing.assert_array_equal(evaluated.family[here], served.family[mine])
        np.testing.assert_array_equal(evaluated.product[here], served.product[mine])
        np.testing.assert_array_equal(evaluated.values[here], served.values[mine])


def test_the_day_of_an_evaluation_is_any_from_the_order_before_to_the_day_before_the_order():
    history = read([order(customer, day, 5) for customer in range(1, 2001) for day in (0, 10)])
    first = int(history.day.min())
    passed = before_order(history, "expected").today - first
    assert np.bincount(passed, minlength=10)[:10] == pytest.approx(np.full(10, 200), abs=60)
    assert passed.max() == 9
    assert (before_order(history, "given").today - first == 9).all()
    assert (before_order(history, "expected", seed=8).today - first != passed).mean() > 0.8
    late = before_order(history, "expected").target.day - first
    np.testing.assert_array_equal(late, np.maximum(passed, 7))


def test_the_day_of_an_evaluation_does_not_depend_on_other_orders():
    rows = shop()
    more = [*rows, *(order(customer, 150, 1) for customer in range(1, 61))]
    first, second = before_order(read(rows), "expected"), before_order(read(more), "expected", back=1)
    np.testing.assert_array_equal(first.today, second.today)
    np.testing.assert_array_equal(first.history.day, second.history.day)


def test_a_second_order_of_a_day_is_predicted_only_when_its_time_is_given():
    # No snapshot knows the first one alone.
    history = read([order(1, 0, 5), order(1, 3, 6), order(1, 3, 7), order(2, 0, 5), order(2, 3, 6)])
    assert before_order(history, "expected").history.customer_id.tolist() == [2]
    assert before_order(history, "given").history.customer_id.tolist() == [1, 2]


@pytest.mark.parametrize("context", ["given", "expected"])
def test_orders_before_the_window_of_the_day_are_not_known(context: str):
    history = read([order(1, 0, 5), order(1, 20, 6), order(1, 21, 7), order(2, 0, 5), order(2, 9, 5), order(2, 10, 6)])
    known = before_order(history, context, history_days=15)
    assert known.history.customer_id.tolist() == [1, 2]
    assert known.target.known.tolist() == [1, 2]
    assert (known.history.day - history.day.min()).tolist() == [20, 21, 0, 9, 10]
    late = before_order(read([order(1, 0, 5), order(1, 1, 5), order(1, 500, 6)]), "given", history_days=15)
    assert late.history.customer_id.tolist() == []


def test_orders_before_the_last_window_are_no_targets():
    history = read([order(customer, day + 30 * (customer == 2), 5) for customer in (1, 2) for day in (0, 5)])
    assert before_order(history, history_days=30).history.customer_id.tolist() == [2]
    assert before_order(history, history_days=31).history.customer_id.tolist() == [1, 2]

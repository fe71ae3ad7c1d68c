from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cis_assets.predictions.basket_features import BASKET_FEATURES, Candidates, Target, repeat_candidates
from cis_assets.predictions.basket_history import BasketHistory
from cis_assets.predictions.basket_rates import FamilyCounts
from cis_assets.predictions.evaluation_rows import CONTEXTS
from cis_assets_tests.predictions.baskets import before_order, order, read
from cis_assets_tests.segmentation.histories import Order


def features(history: BasketHistory, context: str = "given", back: int = 0, most: int = 50) -> Candidates:
    known = before_order(history, context, back)
    rates = FamilyCounts.count(known.history, known.target.known).rates(history.families.aisle)
    return repeat_candidates(known.history, known.target, rates, most)


def of_product(candidates: Candidates, history: BasketHistory, product: int) -> dict[str, float]:
    row = int(np.flatnonzero(history.families.family_id[candidates.family] == product)[0])
    return dict(zip(BASKET_FEATURES, candidates.values[row].tolist(), strict=True))


WEEKS = [
    order(1, 0, 5, 6),
    order(1, 7, 5),
    order(1, 14, 6, 5),
    order(1, 21, 7),
    order(1, 28, 5),
    order(1, 38, 5, hour=12),
]


def test_features_say_how_often_how_lately_and_how_regularly_a_family_was_bought():
    history = read(WEEKS)
    found = of_product(features(history), history, 5)
    expected = {
        "count": 4,
        "share": 0.8,
        "orders_since_first": 5,
        "orders_since_last": 0,
        "days_since_last": 10,
        "in_order_before_last": 0,
        "streak": 1,
        "share_last_3": 2 / 3,
        "share_last_5": 0.8,
        "gap_orders": 4 / 3,
        "gap_days": 28 / 3,
        "due_orders": 1 / (4 / 3),
        "due_days": 10 / (28 / 3),
        "decay_order_90": (1 + 0.9**2 + 0.9**3 + 0.9**4) / sum(0.9**age for age in range(5)),
        "decay_day_97": sum(0.97**age for age in (10, 24, 31, 38)) / sum(0.97**age for age in (10, 17, 24, 31, 38)),
        "position": (0 + 0 + 0.5 + 0) / 4,
        "orders": 5,
        "gap": 10,
        "gap_of_usual": 10 / 7,
        "rank": 0,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-5)
    once = of_product(features(history), history, 7)
    assert np.isnan([once["gap_orders"], once["gap_days"], once["due_days"]]).all()


def test_a_streak_counts_orders_in_a_row_up_to_the_last_purchase():
    history = read(
        [order(1, day, *products) for day, products in enumerate([(5,), (5,), (6,), (5,), (5,), (5,), (6,), (9,)])]
    )
    found = of_product(features(history), history, 5)
    assert (found["streak"], found["orders_since_last"]) == (3, 1)


def test_only_the_given_context_knows_weekday_hour_and_gap():
    # Product 5 on Mondays in the morning, and 6 on Thursdays in the evening.
    turns = [order(1, day, 5) if day % 7 == 0 else order(1, day, 6, hour=20) for day in (0, 3, 7, 10, 14, 21)]
    history = read(turns)
    given_, expected = (of_product(features(history, context), history, 5) for context in CONTEXTS)
    assert given_["weekday_lift"] > 0.1
    assert given_["hour_lift"] > 0.1
    assert expected["weekday_lift"] == expected["hour_lift"] == 0
    # The target is 7 days after the last order; the mean of the gaps before is 3.5, so 4 days are expected.
    passed = int(before_order(history, "expected").today[0]) - int(history.day[-2])
    assert (given_["gap"], expected["gap"]) == (7, max(4, passed))


def test_a_customer_has_the_families_with_the_most_weighted_orders():
    orders = [order(1, 0, 10), order(1, 1, *range(11, 31)), order(1, 2, 11, 12), order(1, 3, 11), order(1, 4, 5)]
    history = read(orders)
    chosen = features(history, most=3)
    assert len(chosen.family) == 3
    assert {11, 12} <= set(history.families.family_id[chosen.family].tolist())
    whole = features(history)
    kept = np.isin(whole.family, chosen.family)
    # An aisle is seen through the candidates.
    own = [place for place, name in enumerate(BASKET_FEATURES) if not name.startswith("aisle_")]
    np.testing.assert_array_equal(whole.values[kept][:, own], chosen.values[:, own])


_ORDERS = st.lists(
    st.builds(
        lambda customer, day, products, hour: order(customer, day, *products, hour=hour),
        st.integers(1, 3),
        st.integers(0, 12),
        st.lists(st.integers(1, 8), min_size=1, max_size=4, unique=True),
        st.sampled_from([8, 9, 21]),
    ),
    min_size=1,
    max_size=15,
)


@settings(max_examples=60, deadline=None)
@given(_ORDERS, st.sampled_from(CONTEXTS), st.integers(0, 99))
def test_features_do_not_depend_on_the_order_of_rows(orders: list[Order], context: str, seed: int):
    # Orders of a day get their numbers before rows are shuffled.
    first, second = features(read(orders), context), features(read(orders, shuffled=seed), context)
    np.testing.assert_array_equal(first.family, second.family)
    np.testing.assert_array_equal(first.values, second.values)


@settings(max_examples=60, deadline=None)
@given(_ORDERS, st.lists(st.lists(st.integers(1, 8), min_size=1, max_size=4, unique=True), min_size=3, max_size=3))
def test_what_is_bought_in_the_target_order_and_after_it_changes_no_feature(
    orders: list[Order], later: list[list[int]]
):
    # Each customer gets one more order, on a day of its own, with other products each time.
    customers = sorted({made.customer_id for made in orders})
    one = [*orders, *(order(customer, 20, *later[0]) for customer in customers)]
    other = [*orders, *(order(customer, 20, *later[1]) for customer in customers)]
    more = [*other, *(order(customer, 25, *later[2]) for customer in customers)]
    first, second, third = features(read(one)), features(read(other)), features(read(more), back=1)
    for found in (second, third):
        np.testing.assert_array_equal(first.family, found.family)
        np.testing.assert_array_equal(first.values, found.values)


def test_a_customer_without_earlier_orders_has_no_candidates():
    assert len(features(read([order(1, 0, 5)])).family) == 0


def test_the_expected_day_is_not_before_today():
    history = read(WEEKS)
    target = Target.expected(history, -1, today=int(history.day[-1]) + 100)
    assert target.day.tolist() == [history.day[-1] + 100]
    assert target.known.tolist() == [6]

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cis_assets.segmentation.rfm import RFM_MAP, quintile_score, rfm_scores
from cis_assets_tests.segmentation.shoppers import customers

values = st.lists(st.integers(0, 12), min_size=1, max_size=60)


def scores(numbers: list[int]) -> list[int]:
    return pl.DataFrame({"value": numbers}).select(quintile_score(pl.col("value"))).to_series().to_list()


@given(values)
def test_equal_values_score_equally_and_larger_ones_never_lower(numbers: list[int]) -> None:
    by_value = sorted(zip(numbers, scores(numbers), strict=True))
    assert all(score in range(1, 6) for _, score in by_value)
    for (value, score), (next_value, next_score) in pairwise(by_value):
        assert score <= next_score
        assert value != next_value or score == next_score


@given(values, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(numbers: list[int], random) -> None:
    places = list(range(len(numbers)))
    random.shuffle(places)
    shuffled = scores([numbers[place] for place in places])
    assert [score for _, score in sorted(zip(places, shuffled, strict=True))] == scores(numbers)


@given(st.integers(1, 60).map(lambda fifth: 5 * fifth))
def test_without_ties_every_score_has_a_fifth(count: int) -> None:
    assert Counter(scores(list(range(count)))) == dict.fromkeys(range(1, 6), count // 5)


@given(values)
def test_negated_values_reverse_the_scores(numbers: list[int]) -> None:
    for score, turned in zip(scores(numbers), scores([-number for number in numbers]), strict=True):
        # A mid-rank exactly on the edge of a fifth falls to the upper one either way.
        assert score + turned in (6, 7)


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [([5], [3]), ([1, 2], [2, 4]), ([1, 2, 3], [1, 3, 5]), ([1, 2, 3, 4], [1, 2, 4, 5]), ([7, 7, 7], [3, 3, 3])],
)
def test_fewer_than_five_customers_spread_around_the_middle(numbers: list[int], expected: list[int]) -> None:
    assert scores(numbers) == expected


def test_every_pair_of_scores_has_one_of_the_ten_segments() -> None:
    assert set(RFM_MAP) == {(recency, frequency) for recency in range(1, 6) for frequency in range(1, 6)}
    assert len(set(RFM_MAP.values())) == 10


@pytest.mark.parametrize(
    ("recency", "frequency", "name"),
    [
        (5, 5, "Champions"),
        (4, 5, "Loyal"),
        (5, 2, "Potential loyalist"),
        (5, 1, "New"),
        (4, 1, "Promising"),
        (3, 3, "Needs attention"),
        (3, 1, "About to sleep"),
        (2, 3, "At risk"),
        (1, 5, "Cannot lose"),
        (1, 1, "Hibernating"),
    ],
)
def test_the_map_is_the_common_one(recency: int, frequency: int, name: str) -> None:
    assert RFM_MAP[recency, frequency] == name


def test_the_most_recent_the_most_frequent_and_the_largest_spenders_score_five() -> None:
    rows = [{"recency_days": 10 * n, "order_count": 50 - n, "total_spend": 5.0 + n} for n in range(10)]
    first, *_, last = rfm_scores(customers(rows)).sort("customer_id").iter_rows(named=True)
    assert (first["recency_score"], first["frequency_score"], first["monetary_score"]) == (5, 5, 1)
    assert first["rfm_segment"] == "Champions"
    assert (last["recency_score"], last["frequency_score"], last["monetary_score"]) == (1, 1, 5)
    assert last["rfm_segment"] == "Hibernating"


def test_items_bought_replace_spend_if_one_customer_has_none() -> None:
    spend = [{"total_spend": 100.0 - n, "mean_basket_size": 1.0 + n, "order_count": 10} for n in range(5)]
    priced = rfm_scores(customers(spend))["monetary_score"].to_list()
    unpriced = rfm_scores(customers([{**spend[0], "total_spend": None}, *spend[1:]]))["monetary_score"].to_list()
    assert priced == [5, 4, 3, 2, 1]
    assert unpriced == [1, 2, 3, 4, 5]


def test_equal_numbers_of_items_tie_for_any_number_of_orders() -> None:
    rows = [{"mean_basket_size": 101 / orders, "order_count": orders} for orders in range(1, 60)]
    assert rfm_scores(customers(rows))["monetary_score"].n_unique() == 1

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise, product
from operator import le

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cis_assets.segmentation.lifecycle import STAGES
from cis_assets.segmentation.naming import NEW_CUSTOMERS, Center, segment_names
from cis_assets.segmentation.rfm import RFM_MAP, quintile_score, rfm_scores, rfm_segment, rfm_table
from cis_assets_tests.segmentation.shoppers import customers

CELLS = list(product(range(1, 6), repeat=3))

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


def test_every_cell_of_scores_has_a_name_and_each_of_eleven_names_is_reached() -> None:
    names = {rfm_segment(*cell) for cell in CELLS}
    assert len(CELLS) == 125
    assert names == set(RFM_MAP.values()) == set(rfm_table()["rfm_segment"])
    assert len(names) == 11


def test_a_cell_between_two_cells_of_one_name_has_that_name() -> None:
    """Order-convex: a customer who is no worse than one and no better than another of a name has that name too."""
    for low, high in product(CELLS, repeat=2):
        if rfm_segment(*low) == rfm_segment(*high) and all(map(le, low, high)):
            between = product(*(range(first, last + 1) for first, last in zip(low, high, strict=True)))
            assert {rfm_segment(*cell) for cell in between} == {rfm_segment(*low)}


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ((5, 5, 5), "Champions"),
        ((5, 4, 3), "Champions"),
        ((4, 5, 5), "Loyal"),
        ((5, 2, 2), "Potential loyalists"),
        ((5, 1, 1), "Recent customers"),
        ((4, 1, 1), "Promising"),
        ((3, 3, 3), "Needs attention"),
        ((3, 1, 2), "About to sleep"),
        ((2, 3, 4), "At risk"),
        ((1, 5, 5), "Cannot lose"),
        ((2, 1, 1), "Hibernating"),
        ((1, 1, 1), "Lost"),
    ],
)
def test_the_names_are_the_common_ones(cell: tuple[int, int, int], name: str) -> None:
    assert rfm_segment(*cell) == name


def test_no_word_serves_two_of_segments_lifecycle_stages_and_rfm() -> None:
    """But for "customers", and "new" of the segment "New customers" and of the stage."""
    segments = _words(_segment_names())
    stages = _words(STAGES)
    rfm = _words(RFM_MAP.values())
    assert {"daily", "occasional", "stock", "top", "shoppers", "smaller", "less", "new"} <= segments
    assert segments & rfm == {"customers"}
    assert segments & stages == {"new"}
    assert stages & rfm == set()


def _segment_names() -> set[str]:
    """The names that segments can get, alone and beside a segment whose rule gives the same."""
    centers = [Center(gap, 9.0, z) for gap in (1, 3, 7, 14, 30, 99) for z in (-1.0, 0.0, 1.0)]
    names = {name for center in centers for name in segment_names([center])}
    for center in centers:
        rarer, larger = (
            replace(center, **{field: getattr(center, field) * 1.1}) for field in ("gap_days", "basket_size")
        )
        names |= {*segment_names([center, rarer]), *segment_names([center, larger])}
    return {*names, NEW_CUSTOMERS}


def _words(names: Iterable[str]) -> set[str]:
    return {word for name in names for word in re.findall(r"[a-z]+", name.lower())}


def test_the_most_recent_the_most_frequent_and_the_largest_spenders_score_five() -> None:
    rows = [{"recency_days": 10 * n, "order_count": 50 - n, "total_spend": 5.0 + n} for n in range(10)]
    first, *_, last = rfm_scores(customers(rows)).sort("customer_id").iter_rows(named=True)
    assert (first["recency_score"], first["frequency_score"], first["monetary_score"]) == (5, 5, 1)
    assert first["rfm_segment"] == "Potential loyalists"
    assert (last["recency_score"], last["frequency_score"], last["monetary_score"]) == (1, 1, 5)
    assert last["rfm_segment"] == "At risk"


def test_items_bought_replace_spend_if_one_customer_has_none() -> None:
    spend = [{"total_spend": 100.0 - n, "mean_basket_size": 1.0 + n, "order_count": 10} for n in range(5)]
    priced = rfm_scores(customers(spend))["monetary_score"].to_list()
    unpriced = rfm_scores(customers([{**spend[0], "total_spend": None}, *spend[1:]]))["monetary_score"].to_list()
    assert priced == [5, 4, 3, 2, 1]
    assert unpriced == [1, 2, 3, 4, 5]


def test_equal_numbers_of_items_tie_for_any_number_of_orders() -> None:
    rows = [{"mean_basket_size": 101 / orders, "order_count": orders} for orders in range(1, 60)]
    assert rfm_scores(customers(rows))["monetary_score"].n_unique() == 1

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cis_assets.segmentation.naming import Center, base_name, segment_marks, segment_names

AVERAGE = Center(14, 10, 0.0)
centers = st.builds(Center, st.floats(0.5, 60), st.floats(1, 200), st.floats(-4, 4))


@pytest.mark.parametrize(
    ("gap", "z", "name"),
    [
        (1.5, 0.0, "Daily shoppers"),
        (3.0, -0.5, "Frequent top-up"),
        (7.0, 0.6, "Weekly stock-up"),
        (14.0, 0.1, "Fortnightly shoppers"),
        (30.0, 1.0, "Monthly stock-up"),
        (50.0, -1.0, "Occasional top-up"),
    ],
)
def test_the_name_says_how_often_and_how_much(gap: float, z: float, name: str) -> None:
    assert base_name(Center(gap, 10, z)) == name


@given(st.lists(centers, min_size=1, max_size=12))
def test_no_two_names_are_alike_and_each_has_the_name_of_its_rule(drawn: list[Center]) -> None:
    names = segment_names(drawn)
    assert len(set(names)) == len(drawn)
    for name, center in zip(names, drawn, strict=True):
        assert name.split(", ")[0] == base_name(center)


def test_two_segments_of_the_same_rule_differ_by_the_larger_difference() -> None:
    assert segment_names([Center(6, 20, 1), Center(9, 21, 1)]) == [
        "Weekly stock-up, more often",
        "Weekly stock-up, less often",
    ]
    assert segment_names([Center(7, 40, 1), Center(7, 20, 1)]) == [
        "Weekly stock-up, larger baskets",
        "Weekly stock-up, smaller baskets",
    ]


def test_three_segments_of_the_same_rule_are_told_apart_in_words() -> None:
    assert segment_names([Center(9.5, 20, 1), Center(5.5, 20, 1), Center(7, 20, 1)]) == [
        "Weekly stock-up, least often",
        "Weekly stock-up, most often",
        "Weekly stock-up, in between",
    ]


def test_marks_have_the_average_customer_beside_and_the_most_unusual_first() -> None:
    assert segment_marks(Center(7, 11, 0.2), AVERAGE) == (
        "47 products a month (average customer: 21), orders every 7 days (14), 11 products a basket (10)"
    )


def test_a_gap_of_a_day_reads_naturally() -> None:
    assert "orders every day (average customer: 14)" in segment_marks(Center(1.2, 1.2, -1), AVERAGE)
    assert "1 product a basket" in segment_marks(Center(30, 1.2, -1), AVERAGE)

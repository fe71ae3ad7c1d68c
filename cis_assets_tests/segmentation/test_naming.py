from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cis_assets.segmentation.features import CLUSTERED_FEATURES
from cis_assets.segmentation.naming import Center, segment_marks, segment_names

_AVERAGE = {
    "recency_days": 10.0,
    "tenure_days": 250.0,
    "order_count": 20.0,
    "mean_gap_days": 12.0,
    "mean_basket_size": 11.0,
    "reorder_share": 0.5,
}


def center(values: dict[str, float] | None = None, **z: float) -> Center:
    return Center(values={**_AVERAGE, **(values or {})}, z={**dict.fromkeys(CLUSTERED_FEATURES, 0.0), **z})


@pytest.mark.parametrize(
    ("values", "z", "name"),
    [
        ({"tenure_days": 20, "recency_days": 40}, {"tenure_days": -2}, "New customers"),
        ({"order_count": 1.1}, {}, "Tried once"),
        ({"recency_days": 130}, {"recency_days": 1.5}, "Lapsed"),
        ({"recency_days": 60}, {"recency_days": 1.5}, "Lapsing"),
        ({"recency_days": 60, "mean_gap_days": 30}, {"recency_days": 1.5}, "Occasional"),
        ({"mean_gap_days": 3}, {"mean_basket_size": -1}, "Frequent top-up"),
        ({"mean_gap_days": 3}, {"mean_basket_size": 1}, "Frequent stock-up"),
        ({"mean_gap_days": 7}, {"mean_basket_size": 1, "reorder_share": 1}, "Weekly stock-up"),
        ({"mean_gap_days": 7}, {"mean_basket_size": -1}, "Weekly top-up"),
        ({"mean_gap_days": 7}, {"reorder_share": 1}, "Loyal regulars"),
        ({"mean_gap_days": 7}, {}, "Weekly shoppers"),
        ({"mean_gap_days": 14}, {"mean_basket_size": 1}, "Fortnightly stock-up"),
        ({"mean_gap_days": 14}, {}, "Fortnightly shoppers"),
        ({"mean_gap_days": 29}, {"mean_basket_size": 1}, "Monthly bulk"),
        ({"mean_gap_days": 70}, {"mean_basket_size": 1}, "Occasional bulk"),
        ({"mean_gap_days": 40}, {}, "Occasional"),
    ],
)
def test_the_name_says_what_the_customers_do(values: dict[str, float], z: dict[str, float], name: str) -> None:
    assert segment_names([center(values, **z)]) == [name]


def test_two_equal_names_are_distinguished_by_the_largest_difference() -> None:
    rare = {"mean_gap_days": 40.0}
    quiet, active = center(rare, recency_days=1.0, reorder_share=0.2), center(rare, recency_days=-1.0)
    weekly = center({"mean_gap_days": 7.0})
    assert segment_names([quiet, weekly, active]) == ["Occasional, quiet", "Weekly shoppers", "Occasional, active"]


def test_three_equal_names_are_distinguished_by_a_second_word() -> None:
    rare = {"mean_gap_days": 40.0}
    names = segment_names(
        [
            center(rare, recency_days=2.0),
            center(rare, recency_days=-1.0, reorder_share=-0.5),
            center(rare, recency_days=-1.0, reorder_share=0.5),
        ]
    )
    assert names == ["Occasional, quiet", "Occasional, active, explorers", "Occasional, active, creatures of habit"]


@given(
    st.lists(
        st.fixed_dictionaries({name: st.sampled_from([-1.0, 0.0, 1.0]) for name in CLUSTERED_FEATURES}),
        min_size=2,
        max_size=8,
    )
)
def test_names_are_unique_even_where_centers_are_equal(all_z: list[dict[str, float]]) -> None:
    names = segment_names([center(None, **z) for z in all_z])
    assert len(set(names)) == len(names)


def test_marks_list_the_largest_deviations_first_in_the_features_units() -> None:
    told = segment_marks(
        center(
            {"mean_gap_days": 6.2, "mean_basket_size": 18.4, "reorder_share": 0.714, "order_count": 52},
            mean_gap_days=-0.9,
            order_count=0.8,
            mean_basket_size=0.7,
            reorder_share=0.5,
        )
    )
    assert told == "orders every 6 days, 18 products a basket, 71% reordered"


def test_a_third_mark_needs_a_clear_deviation() -> None:
    told = segment_marks(center(mean_basket_size=0.29, reorder_share=0.28, recency_days=0.27))
    assert told == "11 products a basket, 50% reordered"


def test_marks_have_the_number_of_orders_if_the_rhythm_does_not_explain_it() -> None:
    new = center(
        {"order_count": 3, "mean_gap_days": 7, "tenure_days": 20}, order_count=-2, mean_gap_days=-0.5, tenure_days=-2.5
    )
    assert segment_marks(new) == "ordering for 20 days, 3 orders"


def test_marks_of_customers_with_one_order_have_no_gap() -> None:
    once = center({"order_count": 1.0, "mean_gap_days": 12}, order_count=-2, mean_gap_days=1.5, reorder_share=-1)
    assert "every" not in segment_marks(once)
    assert segment_marks(once).startswith("1 order, ")


def test_a_long_tenure_is_not_a_mark_because_the_window_limits_it() -> None:
    assert "ordering for" not in segment_marks(center(tenure_days=3.0))


@pytest.mark.parametrize(
    ("days", "words"), [(0.2, "last order today"), (1.2, "last order 1 day ago"), (45, "last order 45 days ago")]
)
def test_days_read_naturally(days: float, words: str) -> None:
    assert segment_marks(center({"recency_days": days}, recency_days=2.0)).startswith(words)

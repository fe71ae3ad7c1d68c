"""Product names are shortened at a natural boundary, and never cut within a word."""

from __future__ import annotations

import re

import narwhals as nw
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cis_assets.notifications.product_names import shorten_product_names


def shortened(names: list[str], longest: int = 32) -> list[str]:
    frame = nw.from_native(pl.DataFrame({"product_name": names}))
    return shorten_product_names(frame, longest)["product_name"].to_list()


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


@pytest.mark.parametrize(
    ("name", "display"),
    [
        ("Classic Vanilla Yogurt", "Classic Vanilla Yogurt"),
        ("Peas, Organic", "Peas, Organic"),
        ("x" * 32, "x" * 32),
        ("Slow Churned Ice Cream, Peanut Butter Cup, Light", "Slow Churned Ice Cream"),
        ("Everyday Premium Napkins (Two Hundred Count)", "Everyday Premium Napkins"),
        ("Take Along Containers with Lids - 3 CT", "Take Along Containers with Lids"),
        ("Gentle Skin Cleanser for All Skin Types", "Gentle Skin Cleanser"),
        ("Signature Recipes Four Cheese Alfredo Pasta Sauce", "Four Cheese Alfredo Pasta Sauce"),
        ("Free and Gentle High Efficiency Liquid Laundry Detergent", "Liquid Laundry Detergent"),
        ("Extra Large Fresh Cut Carrots & Celery Sticks Snack", "Carrots & Celery Sticks Snack"),
        ("Cold Pressed Coconut Water Blend and Greens of the Garden", "Blend and Greens of the Garden"),
        ("Tangerine 1,000 mg Vitamin C Dietary Supplement", "mg Vitamin C Dietary Supplement"),
        ("Caffeine Free Diet Cola All Natural Soda", "Diet Cola All Natural Soda"),
        ("Fresh Squeezed No Pulp Florida Orange Juice Drink", "Florida Orange Juice Drink"),
        ("Extra Sharp New York Style Aged Cheddar", "New York Style Aged Cheddar"),
        ("  two   spaces  ", "two spaces"),
        ("Donaudampfschifffahrtsgesellschaft", "Donaudampfschifffahrtsgesellsch…"),
        ("(Unsalted Butter Sticks From Somewhere Nice)", "Unsalted Butter Sticks"),
    ],
)
def test_names_are_cut_where_a_person_would_cut(name: str, display: str) -> None:
    assert shortened([name]) == [display]


@given(st.lists(st.text("ab,()&- é日{}%", min_size=1, max_size=70), min_size=1), st.integers(8, 40))
@settings(max_examples=200, deadline=None)
@example(["a aaaaaaaaa", "the bbb aaaaaaaaa bb"], 8)
def test_no_name_is_longer_than_it_may_be_and_no_word_is_cut(names: list[str], longest: int) -> None:
    for name, display in zip(names, shortened(names, longest), strict=True):
        assert len(display) <= longest
        # A word that is too long by itself is cut if it comes first, also after an article that goes.
        if all(len(word) < longest for word in name.split()):
            assert set(words(display)) <= set(words(name))

"""Names for people: written by hand for the types that make most of the lines, by rule for the others."""

from __future__ import annotations

import csv
import re
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cis_assets.sources.complete_journey.names import clean, name_category, name_product


@pytest.mark.parametrize(
    ("product_type", "category", "name"),
    [
        ("FLUID MILK WHITE ONLY", "FLUID MILK PRODUCTS", "White Milk"),
        ("SFT DRNK 2 LITER BTL CARB INCL", "SOFT DRINKS", "Two-Liter Soda"),
        ("PREMIUM", "BACON", "Premium Bacon"),
        ("CORN", "VEGETABLES - SHELF STABLE", "Canned Corn"),
        ("CORN", "CORN", "Corn"),
        ("ECONOMY", "TURKEY", "Economy Turkey"),
        ("FRESH", "FRESH", "Fresh"),
        ("RBR SYRNGS HOT WTR BTLS", "HOME HEALTH CARE", "Home Health Care"),
        (None, "HOSIERY/SOCKS", "Hosiery and Socks"),
        (None, None, None),
        ("MISC SALES TRANS", "BEEF", None),
        ("PRODUCE DEPT KEY RING", "COUPON/MISC ITEMS", None),
    ],
)
def test_a_type_has_its_name_within_its_category(product_type: str | None, category: str | None, name: str | None):
    assert name_product(product_type, category) == name


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("FRZN PIE/DESSERTS", "Frozen Pie and Desserts"),
        ("FRZN OJ&OJ SUBSTITUTES (OVER 5", "Frozen Orange Juice and Orange Juice Substitutes"),
        ("DRY SAUCES/GRAVY/RICE", "Dry Sauces, Gravy and Rice"),
        ("CAKES: SHEET", "Sheet Cakes"),
        ("BREAD:PITA/POCKET BREADS", "Pita and Pocket Breads"),
        ("SW GDS:COFFEE CAKES", "Coffee Cakes"),
        ("PEARS ANJOU", "Anjou Pears"),
        ("APPLES BRAEBURN (BULK&BAG)", "Braeburn Apples"),
        ("SEAFOOD-FRZ-IQF COOKED SHRIMP", "Frozen Cooked Shrimp Seafood"),
        ("WOMEN S GENERAL-MAGAZINE", "Women's General Magazine"),
        ("NON-DAIRY BEVERAGES", "Non-Dairy Beverages"),
        ("IN-STORE PHOTOFINISHING", "In-Store Photofinishing"),
        ("COLD AND FLU", "Cold and Flu"),
        ("VENDING SIZE/SNGL SERVE CRACKE", "Vending Size and Single Serve"),
        ("MISC. DAIRY", "Dairy"),
        ("MISCELLANEOUS", None),
        ("18 PK", "Pack"),
        ("", None),
    ],
)
def test_a_code_is_spelled_out_by_rule(code: str, name: str | None):
    assert clean(code) == name


def test_an_aisle_has_the_name_of_its_category():
    assert name_category("ISOTONIC DRINKS") == "Sports Drinks"
    assert name_category("DINNER SAUSAGE") == "Dinner Sausage"


def test_at_least_500_types_have_a_name_that_people_read_without_a_second_look():
    text = files("cis_assets.sources.complete_journey").joinpath("product_names.csv").read_text("utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    assert len({row["product_type"] for row in rows} - {""}) >= 500
    keys = [(row["product_type"], row["product_category"]) for row in rows]
    assert len(keys) == len(set(keys))
    for row in rows:
        name = row["display_name"]
        assert re.fullmatch(r"[A-Z][A-Za-z',\- ]+", name), name
        assert len(name) <= 40
        assert (
            not re.search(r"\b(free|sale|discount|save|offer|coupon)\b", name, re.IGNORECASE)
            or row["product_type"] == ""
        )


@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 /&:-().,;*#\"'%", max_size=34))
def test_a_name_is_tidy_whatever_the_code(code: str):
    name = clean(code)
    if name is not None:
        assert name == " ".join(name.split())
        assert not re.search(r"[\d/&:*#()%]", name)
        assert re.search(r"[A-Za-z]", name)
        assert not re.search(r"^(and|with|of) | (and|with|of)$|, (and )?(,|$)", name)

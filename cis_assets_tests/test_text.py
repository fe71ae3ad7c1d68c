"""Texts from data: what is removed from names, and what is escaped on a terminal."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cis_assets.text import escape_invisible, escape_json, holds_invisible, tidy

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=[]), max_size=30)
JOINERS = "\u200c\u200d\ufe0e\ufe0f"
# Texts in which joiners may stand in their place.
JOINED = st.text("\u200c\u200d\ufe0f\ufe0e\u20e3👩🚀❤🏽1a \u0645\u064b\u0915\u094d\u200b\x1b[", max_size=12)


@pytest.mark.parametrize(
    ("text", "tidied"),
    [
        ("  Classic \t Vanilla\nYogurt ", "Classic Vanilla Yogurt"),
        ("\x1b[31mRED\x1b[0m\x1b]0;title\x07", "RED"),
        ("\x9b31mRed", "Red"),
        ("\x1b]0;Milk", "]0;Milk"),
        ("Nul\x00l", "Null"),
        ("\u202egnp.exe", "gnp.exe"),
        ("A\u200b B\ufeff", "A B"),
        ("Soft\u00adhyphen", "Softhyphen"),
        ("Tea\u2028Line\u2029Sep", "Tea Line Sep"),
        ("Milk\ufe0f", "Milk"),
        ("Tag\U000e0041", "Tag"),
        ("Own\ue000", "Own"),
        ("Cre\u0301me", "Créme"),
        ("\u200b\ufeff", ""),
        ("\u3164 \u2800", ""),
        ("\u0301", ""),
        ("A\u200dB", "AB"),
    ],
)
def test_a_name_loses_what_nobody_sees(text: str, tidied: str):
    assert tidy(text) == tidied


@pytest.mark.parametrize(
    "text",
    [
        "👨‍👩‍👧‍👦 Family Pack",
        "👩🏽‍🚀",
        "❤️ Hearts",
        "1️⃣ Tea",
        "می‌خواهم",
        "क्‍ष",
        "Crème Brûlée",
        "الشاي العربي",
        "Ελληνικό",
        "牛乳 김치",
        "Tea®",
    ],
)
def test_a_name_keeps_what_its_script_or_its_emoji_needs(text: str):
    assert tidy(text) == text
    assert escape_invisible(text) == text
    assert not holds_invisible(text)


@given(ANY_TEXT | JOINED)
@example("\u0300\u094d\u200c0")
def test_a_tidy_name_has_nothing_invisible_and_stays_as_it_is(text: str):
    once = tidy(text)
    assert tidy(once) == once
    assert not holds_invisible(once)
    assert unicodedata.is_normalized("NFC", once)
    assert all(each.isprintable() or each in JOINERS for each in once)


@given(ANY_TEXT | JOINED)
@example("\n\r\t\x1b\x7f\x9b\u2028\u202e")
def test_what_a_terminal_shows_has_no_character_that_it_acts_on(text: str):
    shown = escape_invisible(text)
    assert all(each.isprintable() or each in JOINERS or unicodedata.category(each) == "Zs" for each in shown)
    shown.encode()


@given(st.dictionaries(ANY_TEXT, ANY_TEXT | st.integers(), max_size=4))
def test_programs_read_the_same_values_from_escaped_json(data: dict):
    shown = escape_json(json.dumps(data, ensure_ascii=False, indent=2))
    assert json.loads(shown) == data
    assert all(escape_invisible(line) == line for line in shown.split("\n"))

"""Slots are filled once, with any text, and the values are never parsed."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cis_assets.notifications.slots import SLOTS, filled, longest_length, piece_columns, pieces

VALUES = {
    "product": "{offer} {weekday} 50% {0} %s \\1 $1",
    "weekday": "{product}",
    "daypart": "evening",
    "offer": "10% off",
}
TEMPLATES = st.lists(
    st.one_of(st.sampled_from([f"{{{name}}}" for name in SLOTS]), st.text("ab .'$\\%", max_size=5))
).map("".join)


def fill_column(texts: list[str], values: dict[str, str]) -> list[str | None]:
    frame = pl.DataFrame(piece_columns(texts, "body")) if texts else pl.DataFrame()
    return frame.select(filled("body", frame.columns, {name: pl.lit(value) for name, value in values.items()}))[
        "literal"
    ].to_list()


def test_a_text_is_filled_with_its_values() -> None:
    values = {"product": "Whole Milk", "weekday": "Tuesday", "daypart": "evening", "offer": "10% off"}
    text = "{product}, {offer} this {weekday} {daypart}."
    assert fill_column([text], values) == ["Whole Milk, 10% off this Tuesday evening."]


def test_a_product_named_like_a_slot_is_not_parsed() -> None:
    text = "Restock {product} this {weekday}."
    assert fill_column([text], VALUES) == ["Restock {offer} {weekday} 50% {0} %s \\1 $1 this {product}."]


@given(st.lists(TEMPLATES, min_size=1, max_size=8))
def test_a_column_is_filled_as_python_formats_each_text(texts: list[str]) -> None:
    assert fill_column(texts, VALUES) == [text.format(**VALUES) for text in texts]


def test_a_text_whose_value_is_missing_becomes_null() -> None:
    frame = pl.DataFrame({"offer": ["10% off", None]}).with_columns(
        *[column.gather([0, 0]) for column in piece_columns(["{offer} now"], "body")]
    )
    offers = frame.select(filled("body", frame.columns, {"offer": pl.col("offer")}).alias("body"))
    assert offers["body"].to_list() == ["10% off now", None]


@pytest.mark.parametrize("text", ["{price}", "{ product }", "{Product}", "{", "}", "{{product}}", "{product", "{}"])
def test_braces_that_are_not_a_slot_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not one of the slots product, weekday, daypart, offer"):
        pieces(text)


def test_the_longest_length_counts_the_longest_values() -> None:
    assert longest_length("{weekday} {product}!", 32, "morning") == len("Wednesday ") + 32 + 1
    assert longest_length("{daypart} {offer}", 32, "morning") == len("morning 100% off")

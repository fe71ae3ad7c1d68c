"""Named slots in copy: their names, syntax and filling.

A text is split into pieces once, and a message concatenates pieces and values. Values are never parsed, so a product
called "{offer}" or "50% {weekday}" appears in the message unchanged.
"""

import re
from collections.abc import Mapping, Sequence

import polars as pl

SLOTS: Mapping[str, str] = {
    "product": "the name of the product",
    "weekday": "the weekday of the send date, such as Tuesday",
    "daypart": "the part of the day of sending: morning, afternoon or evening",
    "offer": "the offer with all its terms, such as 10% off; only with an offer",
}
LONGEST_WEEKDAY = "Wednesday"
LONGEST_OFFER = "100% off"
"""The longest percentage on the product alone. Offers with other terms may be longer (`offer_max_length`)."""

_SLOT = re.compile(r"\{([^{}]*)\}")


def slot_names(text: str) -> list[str]:
    """All names in braces in a text, in order, including unknown ones."""
    return _SLOT.findall(text)


def prose(text: str) -> str:
    """The text with each slot replaced by `{}`: the part that the writer is responsible for."""
    return _SLOT.sub("{}", text)


def has_loose_braces(text: str) -> bool:
    """Whether the text has braces that do not enclose a slot."""
    rest = _SLOT.sub("", text)
    return "{" in rest or "}" in rest


def pieces(text: str) -> list[tuple[str, str | None]]:
    """Split a text into pairs of literal text and the slot after it (None at the end).

    Raises ValueError for an unknown slot or braces that do not enclose a slot.
    """
    unknown = [name for name in slot_names(text) if name not in SLOTS]
    if unknown or has_loose_braces(text):
        raise ValueError(f"The text {text!r} has braces that are not one of the slots {', '.join(SLOTS)}.")
    parts = _SLOT.split(text)
    return list(zip(parts[::2], [*parts[1::2], None], strict=True))


def longest_length(text: str, product_name_max_length: int, daypart: str, offer: int = len(LONGEST_OFFER)) -> int:
    """Length of the text in characters if its slots have their longest values."""
    lengths = {
        "product": product_name_max_length,
        "weekday": len(LONGEST_WEEKDAY),
        "daypart": len(daypart),
        "offer": offer,
    }
    literal = len(_SLOT.sub("", text))
    return literal + sum(lengths.get(name, 0) for name in slot_names(text))


def piece_columns(texts: Sequence[str], name: str) -> list[pl.Series]:
    """The pieces of each text as columns `<name>_text_<n>` and `<name>_slot_<n>`, the input of `filled`."""
    rows = [pieces(text) for text in texts]
    columns = []
    for number in range(max((len(row) for row in rows), default=0)):
        numbered = [row[number] if number < len(row) else ("", None) for row in rows]
        for part, values in zip(("text", "slot"), zip(*numbered, strict=True), strict=True):
            columns.append(pl.Series(f"{name}_{part}_{number}", values, dtype=pl.String))
    return columns


def filled(name: str, columns: Sequence[str], values: Mapping[str, pl.Expr]) -> pl.Expr:
    """The filled text `name`, from those of `columns` that `piece_columns` made for it.

    `values` has an expression per slot. The result is null in rows whose text has a slot with a null value.
    """
    count = sum(column.startswith(f"{name}_text_") for column in columns)
    parts: list[pl.Expr] = [pl.lit("")]
    for number in range(count):
        slot = pl.col(f"{name}_slot_{number}")
        value = pl.when(slot.is_null()).then(pl.lit(""))
        for slot_name, slot_value in values.items():
            value = value.when(slot == slot_name).then(slot_value)
        parts += [pl.col(f"{name}_text_{number}"), value.otherwise(pl.lit(None, dtype=pl.String))]
    return pl.concat_str(parts)

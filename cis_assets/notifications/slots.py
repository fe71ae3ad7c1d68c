"""Named slots in words: which there are, how they are read and how they are filled.

A template is read into pieces once, and a message is those pieces and the values put side by side. What was put in
is never read again, so a product that is called "{offer}" or "50% {weekday}" stands in the message as it is.

Belongs here: the slots, their syntax and filling, for one text and for a column of texts. Does not belong here: what
prose around the slots may say (see `validator`) and where the values come from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

SLOTS: Mapping[str, str] = {
    "product": "the name of the product",
    "weekday": "the weekday on which the message goes out, such as Tuesday",
    "daypart": "the part of the day in which it goes out: morning, afternoon or evening",
    "offer": "the discount on the product, such as 10% off; only where there is an offer",
}
LONGEST_WEEKDAY = "Wednesday"
LONGEST_OFFER = "100% off"

_SLOT = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class Piece:
    """Literal text and the slot that follows it (None at the end of a text)."""

    text: str
    slot: str | None


def slot_names(text: str) -> list[str]:
    """The names between braces in a text, in order, known or not."""
    return _SLOT.findall(text)


def prose(text: str) -> str:
    """The text with each slot replaced by a bare pair of braces: the words that a writer is answerable for."""
    return _SLOT.sub("{}", text)


def has_loose_braces(text: str) -> bool:
    """Whether braces are left that do not enclose a slot."""
    rest = _SLOT.sub("", text)
    return "{" in rest or "}" in rest


def pieces(text: str) -> list[Piece]:
    """The text as pieces. Raises ValueError, with a sentence, for an unknown slot or loose braces."""
    unknown = [name for name in slot_names(text) if name not in SLOTS]
    if unknown or has_loose_braces(text):
        raise ValueError(f"The text {text!r} holds braces that are none of the slots {', '.join(SLOTS)}.")
    parts = _SLOT.split(text)
    literals, names = parts[::2], [*parts[1::2], None]
    return [Piece(literal, name) for literal, name in zip(literals, names, strict=True)]


def fill(text: str, values: Mapping[str, str]) -> str:
    """One text with its slots filled; a slot without a value is a KeyError."""
    return "".join(piece.text + (values[piece.slot] if piece.slot else "") for piece in pieces(text))


def longest_length(text: str, product_name_max_length: int, daypart: str) -> int:
    """Characters of the text once filled with the longest values that its slots can have."""
    lengths = {
        "product": product_name_max_length,
        "weekday": len(LONGEST_WEEKDAY),
        "daypart": len(daypart),
        "offer": len(LONGEST_OFFER),
    }
    literal = len(_SLOT.sub("", text))
    return literal + sum(lengths.get(name, 0) for name in slot_names(text))


def offer_words(percent_off: pl.Expr) -> pl.Expr:
    """What stands in the offer slot: "10% off"; null where there is no offer."""
    return pl.concat_str(percent_off.cast(pl.String), pl.lit("% off"))


def piece_columns(texts: Sequence[str], name: str) -> list[pl.Series]:
    """The pieces of each text as columns `<name>_text_<n>` and `<name>_slot_<n>`, for `filled`."""
    rows = [pieces(text) for text in texts]
    columns = []
    for number in range(max((len(row) for row in rows), default=0)):
        numbered = [row[number] if number < len(row) else Piece("", None) for row in rows]
        columns.append(pl.Series(f"{name}_text_{number}", [piece.text for piece in numbered], dtype=pl.String))
        columns.append(pl.Series(f"{name}_slot_{number}", [piece.slot for piece in numbered], dtype=pl.String))
    return columns


def filled(name: str, columns: Sequence[str], values: Mapping[str, pl.Expr]) -> pl.Expr:
    """The filled text from the columns that `piece_columns` made, found by their names among `columns`.

    `values` gives the expression of each slot; a row whose text needs a value that is null becomes null.
    """
    count = sum(column.startswith(f"{name}_text_") for column in columns)
    parts: list[pl.Expr] = [pl.lit("")]
    for number in range(count):
        parts += [pl.col(f"{name}_text_{number}"), _value(pl.col(f"{name}_slot_{number}"), values)]
    return pl.concat_str(parts)


def _value(slot: pl.Expr, values: Mapping[str, pl.Expr]) -> pl.Expr:
    chosen = pl.when(slot.is_null()).then(pl.lit(""))
    for name, value in values.items():
        chosen = chosen.when(slot == name).then(value)
    return chosen.otherwise(pl.lit(None, dtype=pl.String))

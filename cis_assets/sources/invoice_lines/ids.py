"""Ids for natural keys: from the text that a shop uses for an order, a product or a customer to a 64-bit integer.

The id of a key is the same in every run and on every machine: a hash of the key, apart for every kind of key (order,
product, customer, aisle, department), between 1 and 2^63 - 1. Where the rule is `number`, keys that are whole numbers
keep their value. Two keys with one id are refused; among ten million keys the chance of that is about one in 200,000.
"""

import re
from hashlib import blake2b

import polars as pl

from cis_assets.sources.invoice_lines.mapping import IdRule, LinesError

_LARGEST = 2**63 - 1
# A number with leading zeros is another key than the one without.
_WHOLE_NUMBER = re.compile(r"(0|[1-9][0-9]{0,18})(\.0+)?")
_PART_OF_KEY = "\x1f"


def stable_id(kind: str, *key: str) -> int:
    """The id of a natural key of some kind; a key may consist of several texts."""
    digest = blake2b(_PART_OF_KEY.join(key).encode(), digest_size=8, person=kind.encode()).digest()
    return int.from_bytes(digest, "big") % _LARGEST + 1


def natural_key(text: str, rule: IdRule) -> str:
    """The key as it is kept: 17850 where the file writes 17850.0 and numbers are kept, else the text as it is."""
    number = _number(text) if rule == "number" else None
    return text if number is None else str(number)


def id_of(kind: str, text: str, rule: IdRule) -> int:
    """The id that a key, as a file writes it, gets under a rule."""
    number = _number(text) if rule == "number" else None
    return stable_id(kind, text) if number is None else number


def keys_and_ids(kind: str, texts: pl.Series, rule: IdRule) -> pl.DataFrame:
    """One row per text, each once and none missing: the text under the series' name, KIND_key and KIND_id."""
    distinct = texts.drop_nulls().unique(maintain_order=True)
    columns = {
        texts.name: distinct,
        f"{kind}_key": [natural_key(text, rule) for text in distinct],
        f"{kind}_id": [id_of(kind, text, rule) for text in distinct],
    }
    rows = pl.DataFrame(columns, schema=dict(zip(columns, (pl.String(), pl.String(), pl.Int64()), strict=True)))
    refuse_collisions(kind, rows)
    return rows


def refuse_collisions(kind: str, rows: pl.DataFrame) -> None:
    """Raise LinesError if two keys (KIND_key) share an id (KIND_id)."""
    key, number = f"{kind}_key", f"{kind}_id"
    shared = rows.group_by(number).agg(pl.col(key).unique().sort()).filter(pl.col(key).list.len() > 1)
    if shared.height:
        keys = shared.sort(number)[key][0].to_list()
        raise LinesError(
            f"The {kind}s {keys[0]!r} and {keys[1]!r} would get the same id {shared[number].min()}, so nothing was "
            "landed: give one of them another key."
        )


def _number(text: str) -> int | None:
    found = _WHOLE_NUMBER.fullmatch(text)
    number = int(found[1]) if found else None
    return number if number is not None and number <= _LARGEST else None

"""Stable 64-bit ids for natural keys: the texts that a shop uses for orders, products and customers.

The id is a hash of the kind of key and the key, between 1 and 2^63 - 1, so it is the same in every run. With the rule
`number`, keys that are whole numbers keep their value. Two keys with the same id are refused. Among ten million keys, the
chance of that is about one in 200,000.
"""

import re
from hashlib import blake2b

import polars as pl

from cis_assets.sources.invoice_lines.mapping import IdRule, InvoiceLinesError

_LARGEST = 2**63 - 1
# A number with leading zeros is a different key.
_WHOLE_NUMBER = re.compile(r"(0|[1-9][0-9]{0,18})(\.0+)?")
_PART_OF_KEY = "\x1f"


def stable_id(kind: str, *key: str) -> int:
    """Compute the id of a natural key; a key may consist of several texts."""
    digest = blake2b(_PART_OF_KEY.join(key).encode(), digest_size=8, person=kind.encode()).digest()
    return int.from_bytes(digest, "big") % _LARGEST + 1


def natural_key(text: str, rule: IdRule) -> str:
    """Return the key to store: 17850 for 17850.0 if the rule keeps numbers, else the text unchanged."""
    number = _parse_number(text) if rule == "number" else None
    return text if number is None else str(number)


def id_of(kind: str, text: str, rule: IdRule) -> int:
    """Compute the id of a key, as a file writes it, by a rule."""
    number = _parse_number(text) if rule == "number" else None
    return stable_id(kind, text) if number is None else number


def keys_and_ids(kind: str, texts: pl.Series, rule: IdRule) -> pl.DataFrame:
    """Map each distinct text to its key and id: columns named like the series, KIND_key and KIND_id."""
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
    """Raise InvoiceLinesError if two keys (KIND_key) share an id (KIND_id)."""
    key, number = f"{kind}_key", f"{kind}_id"
    shared = rows.group_by(number).agg(pl.col(key).unique().sort()).filter(pl.col(key).list.len() > 1)
    if shared.height:
        keys = shared.sort(number)[key][0].to_list()
        raise InvoiceLinesError(
            f"The {kind}s {keys[0]!r} and {keys[1]!r} would get the same id {shared[number].min()}, so nothing was "
            "landed: change one of the keys."
        )


def _parse_number(text: str) -> int | None:
    found = _WHOLE_NUMBER.fullmatch(text)
    number = int(found[1]) if found else None
    return number if number is not None and number <= _LARGEST else None

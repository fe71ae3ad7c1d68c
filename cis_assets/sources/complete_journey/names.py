"""Names for people from the shop's codes: "FRZN OJ&OJ SUBSTITUTES" becomes "Frozen Orange Juice and Substitutes".

`product_names.csv` has names written by hand: of the product types that make most of the lines, some within one category
only, and of categories (rows without a product type). The other types and categories are cleaned by rule:

- Words in parentheses, words with a digit, and words that say nothing (MISC, OTHER, ALL) are dropped.
- A type has room for 30 characters; a last word that is cut off by that is dropped.
- The kind goes last: "CAKES: SHEET" becomes "Sheet Cakes", "PEARS ANJOU" becomes "Anjou Pears".
- The words of `abbreviations.csv` are spelled out, `/` and `&` become "and", and words begin with a capital letter.
- A type that is only an adjective ("PREMIUM") is completed by its category: "Premium Bacon". A type with a word that nobody
  can read, one without a vowel or of a single letter, gets the name of its category.

Does not belong here: which product has which type (`products.py`).
"""

import csv
import re
from functools import cache
from importlib.resources import files

_WIDTH = 30

# Adjectives, which say what a product is only together with its category.
_ADJECTIVES = {
    "and", "better", "boxed", "domestic", "dry", "economy", "enhanced", "flavored", "for", "fresh", "frozen", "imported", "kosher",
    "large", "lean", "mainstream", "medium", "natural", "packaged", "pre-cooked", "premium", "primal", "regular", "seasonal",
    "select", "single-serve", "small", "smoked", "specialty", "super", "traditional", "value", "variety", "you",
}  # fmt: skip
# Kinds that begin a type and belong behind it, and kinds that say nothing that the rest does not say.
_KINDS_FIRST = {
    "APPLES", "BEETS", "CHERRIES", "CORN", "EGGS", "GRAPES", "HAM", "HAMS", "HERBS", "NECTARINES", "ONIONS", "PEACHES", "PEARS",
    "PEPPERS", "PLUMS", "POTATOES", "SEAFOOD", "SQUASH", "TOMATOES", "VITAMIN",
}  # fmt: skip
_KINDS_DROPPED = ("COFF SHOP", "DL SPEC", "PREP FD", "QSR FD", "SAL", "SEAFOOD", "SV BEV", "SW GDS")
_SMALL = {"and", "for", "in", "of", "on", "or", "the", "to", "with"}
_HYPHENATED = {"anti", "by", "in", "multi", "non", "pre", "x"}
# Deposits, donations, key rings and the like: no goods that a shop would name to a customer.
_NO_GOODS = (
    "BOTTLE DEPOSITS",
    "CONTINUITIES",
    "COUPON",
    "COUPON/MISC ITEMS",
    "DELI SUPPLIES",
    "MEAT SUPPLIES",
    "MISC SALES TRANS",
    "PROD SUPPLIES",
)


def name_product(product_type: str | None, category: str | None) -> str | None:
    """Return the display name of a product type within its category; null if neither says what the product is."""
    names = _hand_written_names()
    if product_type and (name := names.get((product_type, category or "")) or names.get((product_type, ""))):
        return name
    if category in _NO_GOODS or product_type in _NO_GOODS:
        return None
    cleaned = clean(product_type or "")
    if category and cleaned and any(map(_is_unreadable, re.split(r"[ ,-]+", cleaned))):
        return name_category(category)
    if category and all(word.lower() in _ADJECTIVES for word in (cleaned or "").split()):
        words = [*(cleaned or "").split(), *(name_category(category) or "").split()]
        return " ".join(dict.fromkeys(words)) or None
    return cleaned


def name_category(category: str) -> str | None:
    """Return the name of a category, which is the aisle of its products; null if it says nothing."""
    return _hand_written_names().get(("", category)) or clean(category)


def clean(code: str) -> str | None:
    """Spell out a code of the shop by rule; null if no word remains."""
    text = re.sub(r"\([^)]*\)?", " ", code)
    if len(code) >= _WIDTH and "(" not in code and len(text.split()) > 1:
        text = _without_cut_word(text)
    text = re.sub(r"\s*[&/]\s*(?:ALL )?OTHERS?$", "", text.strip())
    text = _with_kind_last(text.replace("VALUE ADDED", "PREPARED").replace("W/O", "WITHOUT").replace("N/CARB", "NCARB"))
    text = re.sub(r"\b(\w{3,}) S\b(?! ?[&/])", r"\1'S", text)
    text = re.sub(r"\s*[&/+]\s*", " & ", text)
    text = re.sub(r"(?<!\w)-+|-+(?!\w)|[^\w\s&'-]|_", " ", text)
    words = [_spell_out(word) for word in text.split()]
    phrase = re.sub(r"(?:\band\b\s*)+", "and ", " ".join(filter(None, words))).strip()
    phrase = re.sub(r"^(?:(?:and|with|of)\b\s*)+|(?:\s+(?:and|with|of))+$", "", phrase)
    phrase = re.sub(r"\b(\w+)( \1\b)+", r"\1", phrase)
    parts = phrase.split(" and ")
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 2 else parts) or None


@cache
def _hand_written_names() -> dict[tuple[str, str], str]:
    """Read the names of `product_names.csv` by product type and category; the category "" stands for all."""
    rows = _read_rows("product_names.csv")
    return {(row["product_type"], row["product_category"]): row["display_name"] for row in rows}


@cache
def _words() -> dict[str, str]:
    """Read the words that the shop shortens or misspells; an empty text drops the word."""
    return {row["abbreviation"]: row["word"] for row in _read_rows("abbreviations.csv")}


def _read_rows(name: str) -> list[dict[str, str]]:
    text = files(__name__.rpartition(".")[0]).joinpath(name).read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


def _without_cut_word(text: str) -> str:
    """Drop the last word of a text that fills the width, unless the word is known to be whole."""
    last = re.split(r"[\s/&:-]+", text.strip())[-1]
    if last in _words() or last.title() in _whole_words():
        return text
    return text.strip().removesuffix(last).rstrip(" /&:-") or text


@cache
def _whole_words() -> frozenset[str]:
    """The words of the hand-written names and of the abbreviations, which are no pieces of words."""
    names = (*_hand_written_names().values(), *_words().values())
    return frozenset(word for name in names for word in name.split())


def _with_kind_last(text: str) -> str:
    kind, colon, rest = (part.strip() for part in text.partition(":"))
    if not colon or not rest:
        first, *others = re.sub(r"(?<=\w)-(?=\w)", " ", text).split() or [""]
        return " ".join([*others, first]) if first in _KINDS_FIRST and others and "/" not in text else text
    if kind in _KINDS_DROPPED or kind.rstrip("S") in rest:
        return rest
    return f"{rest} {kind}"


def _is_unreadable(word: str) -> bool:
    return word not in _words().values() and (len(word) == 1 or not re.search(r"[aeiouy]", word, re.IGNORECASE))


def _spell_out(word: str) -> str:
    if word == "&":
        return "and"
    if word in _words():
        return _words()[word]
    if "-" in word:
        first, *others = word.split("-")
        joint = "-" if first.lower() in _HYPHENATED else " "
        spelled = joint.join(filter(None, map(_spell_out, (first, *others))))
        return spelled[:1].upper() + spelled[1:]
    if any(character.isdigit() for character in word) or not any(character.isalpha() for character in word):
        return ""
    return word.lower() if word.lower() in _SMALL else word[:1].upper() + word[1:].lower()

"""What a product is called in a message: its name, shortened at a natural boundary where it is too long.

Belongs here: the shortening rule, engine-neutral. Does not belong here: filling a slot with the name.
"""

from __future__ import annotations

from typing import TypeVar

import narwhals as nw

Frame = TypeVar("Frame", nw.LazyFrame, nw.DataFrame)

_ASIDE = r"(, | *[(\[;:]| [-–—|] ).*$"
_COMPLEMENT = r"(?i) (with|w/|for|in|made|from) .*$"
_WORD_IN_FRONT = r"^[^ ]* +"
# The last ones are what a reader must not be deceived about: a sausage without its "Turkey" reads as pork.
_HOLDS_THE_NEXT_WORD = (
    *("No", "Non", "Not", "New", "San", "Ice", "Peanut", "Sea", "Whole", "Double"),
    *("Turkey", "Chicken", "Beef", "Pork", "Tuna", "Salmon", "Soy", "Almond", "Coconut", "Oat"),
)
_HOLDS_THE_WORD_BEFORE = ("Free", "free", "Added", "added", "Style", "Flavor", "Flavored")
_TIE = "\u00a0"
_LOOSE_START = r"(?i)^((and|or|of|with|in|for|the|a|to) |[&+,.;:/()\[\]–—-] *)+"
_LOOSE_END = r"(?i)( (and|or|of|with|in|for|the|a|to)| *[&+,;:/–—-])+$"


def shorten_product_names(frame: Frame, longest: int) -> Frame:
    """Replace the column `product_name` by what the product is called in at most `longest` characters.

    A name that fits stays as it is. Otherwise, until it fits: what follows a comma, a parenthesis, a colon or a dash
    goes; what follows "with", "for", "in", "made" or "from" goes; then only the last whole words that fit stay, since
    English product names carry their noun at the end ("Signature Recipes Four Cheese Alfredo Pasta Sauce" becomes
    "Four Cheese Alfredo Pasta Sauce"). Words that mean something else alone go or stay together, so that "Caffeine
    Free Cola" never becomes "Free Cola" nor "No Salt Added Corn" "Salt Added Corn". Where nothing of that fits, the
    first words stay, with an ellipsis. No word is cut, except a first one (after an article) that is
    longer than the limit by itself.
    """
    name = nw.col("product_name")
    # Step by step rather than as one expression, which would repeat every step in the next one.
    for shorter in (_without(_ASIDE), _without(_COMPLEMENT), _last_words(longest)):
        frame = _use_where_too_long(frame.with_columns(product_name=_tidy(name)), shorter, longest)
    return _use_where_too_long(frame, _with_ellipsis(longest), longest)


def _use_where_too_long(frame: Frame, shorter: nw.Expr, longest: int) -> Frame:
    """Take `shorter` where the name does not fit and `shorter` still says something."""
    name, tried = nw.col("product_name"), nw.col("_shorter_name")
    wanted = (name.str.len_chars() > longest) & (tried.str.len_chars() > 0)
    frame = frame.with_columns(_shorter_name=shorter)
    return frame.with_columns(product_name=nw.when(wanted).then(tried).otherwise(name)).drop("_shorter_name")


def _tidy(name: nw.Expr) -> nw.Expr:
    return name.str.replace_all(rf"[\s{_TIE}]+", " ").str.strip_chars()


def _without(tail: str) -> nw.Expr:
    head = nw.col("product_name").str.replace_all(_LOOSE_START, "").str.replace_all(tail, "")
    return head.str.replace_all(_LOOSE_END, "").str.strip_chars()


def _last_words(longest: int) -> nw.Expr:
    # One character more than fits: a space in front then tells a whole first word from a cut one.
    tail = _tied(nw.col("product_name")).str.slice(-(longest + 1))
    words = tail.str.replace_all(_WORD_IN_FRONT, "").str.replace_all(_LOOSE_START, "").str.strip_chars()
    words = words.str.replace_all(_TIE, " ", literal=True)
    return nw.when(words.str.len_chars() <= longest).then(words).otherwise(nw.lit(""))


def _tied(name: nw.Expr) -> nw.Expr:
    """The name with spaces that must not be cut at replaced by ties."""
    for word in _HOLDS_THE_NEXT_WORD:
        name = name.str.replace_all(rf"\b{word} ", f"{word}{_TIE}")
    for word in _HOLDS_THE_WORD_BEFORE:
        name = name.str.replace_all(rf" {word}\b", f"{_TIE}{word}")
    return name


def _with_ellipsis(longest: int) -> nw.Expr:
    head = nw.col("product_name").str.slice(0, longest)
    whole_words = head.str.replace_all(r" [^ ]*$", "")
    is_one_word = whole_words.str.len_chars() == longest
    kept = nw.when(is_one_word).then(head.str.slice(0, longest - 1)).otherwise(whole_words)
    return nw.concat_str([kept, nw.lit("…")])

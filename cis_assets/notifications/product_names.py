"""Display names of products in messages: the product name, shortened at a natural boundary if it is too long."""

from typing import TypeVar

import narwhals as nw

Frame = TypeVar("Frame", nw.LazyFrame, nw.DataFrame)

_ASIDE = r"(, | *[(\[;:]| [-–—|] ).*$"
_COMPLEMENT = r"(?i) (with|w/|for|in|made|from) .*$"
_WORD_IN_FRONT = r"^[^ ]* +"
# The second line holds ingredients that must not get lost: a "Turkey Sausage" without "Turkey" reads as pork.
_HOLDS_THE_NEXT_WORD = (
    *("No", "Non", "Not", "New", "San", "Ice", "Peanut", "Sea", "Whole", "Double"),
    *("Turkey", "Chicken", "Beef", "Pork", "Tuna", "Salmon", "Soy", "Almond", "Coconut", "Oat"),
)
_HOLDS_THE_WORD_BEFORE = ("Free", "free", "Added", "added", "Style", "Flavor", "Flavored")
_TIE = "\u00a0"
_LOOSE_START = r"(?i)^((and|or|of|with|in|for|the|a|to) |[&+,.;:/()\[\]–—-] *)+"
_LOOSE_END = r"(?i)( (and|or|of|with|in|for|the|a|to)| *[&+,;:/–—-])+$"


def shorten_product_names(frame: Frame, longest: int) -> Frame:
    """Shorten the column `product_name` of a lazy or eager frame to at most `longest` characters.

    A name that fits is unchanged. Otherwise these steps apply until it fits:

    1. Remove the text after a comma, a parenthesis, a colon or a dash.
    2. Remove the text after "with", "for", "in", "made" or "from".
    3. Keep the last whole words that fit, because English product names have their noun at the end: "Signature
       Recipes Four Cheese Alfredo Pasta Sauce" becomes "Four Cheese Alfredo Pasta Sauce". Words that change the
       meaning stay together: "Caffeine Free Cola" never becomes "Free Cola".
    4. Keep the first words and add an ellipsis.

    Words are never cut, except a first word (after an article) that alone exceeds the limit.
    """
    name = nw.col("product_name")
    # One expression for all steps would repeat each step inside the next one.
    for shorter in (_without(_ASIDE), _without(_COMPLEMENT), _last_words(longest)):
        frame = _use_where_too_long(frame.with_columns(product_name=_tidy(name)), shorter, longest)
    return _use_where_too_long(frame, _with_ellipsis(longest), longest)


def _use_where_too_long(frame: Frame, shorter: nw.Expr, longest: int) -> Frame:
    """Take `shorter` where the name does not fit and `shorter` is not empty."""
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
    # With one character more than fits, a leading space shows that the first word is whole.
    tail = _tied(nw.col("product_name")).str.slice(-(longest + 1))
    words = tail.str.replace_all(_WORD_IN_FRONT, "").str.replace_all(_LOOSE_START, "").str.strip_chars()
    words = words.str.replace_all(_TIE, " ", literal=True)
    return nw.when(words.str.len_chars() <= longest).then(words).otherwise(nw.lit(""))


def _tied(name: nw.Expr) -> nw.Expr:
    """The name with no-break spaces inside word groups that must not be split."""
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

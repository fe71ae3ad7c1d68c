"""Names and descriptions ("marks") of segments in marketing terms, derived from their centers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

NEW_CUSTOMERS = "New customers"
NEW_CUSTOMERS_MARKS = "fewer than 4 orders so far"

_RHYTHMS = ((2.5, "Daily"), (5.0, "Frequent"), (10.0, "Weekly"), (18.0, "Fortnightly"), (45.0, "Monthly"))
_RAREST = "Occasional"
_LARGE = 0.3
_FURTHER_WORDS = (
    (("more often", "less often"), ("most often", "in between", "least often")),
    (("smaller baskets", "larger baskets"), ("smallest baskets", "medium baskets", "largest baskets")),
)
_DAYS_A_MONTH = 30
_LEAST_GAP = 0.5


@dataclass(frozen=True)
class Center:
    """The center of a segment: days between orders, lines per order, and the latter in standard deviations (`basket_z`)."""

    gap_days: float
    basket_size: float
    basket_z: float


def base_name(center: Center) -> str:
    """The name by rule: the rhythm of the orders and the size of the baskets, for example "Weekly stock-up".

    The rhythm is absolute, because a week means the same in every shop. The basket is compared with the shop's own.
    """
    rhythm = next((word for limit, word in _RHYTHMS if center.gap_days < limit), _RAREST)
    if center.basket_z >= _LARGE:
        return f"{rhythm} stock-up"
    return f"{rhythm} top-up" if center.basket_z <= -_LARGE else f"{rhythm} shoppers"


def segment_names(centers: Sequence[Center]) -> list[str]:
    """A name for each center, no two alike: the rule's name, and a further word for centers that share it."""
    bases = [base_name(center) for center in centers]
    names: list[str] = [""] * len(centers)
    for base in dict.fromkeys(bases):
        alike = [place for place, each in enumerate(bases) if each == base]
        for place, word in _further_words(centers, alike).items():
            names[place] = f"{base}, {word}" if word else base
    return names


def segment_marks(center: Center, average: Center) -> str:
    """Rhythm, basket and volume beside the average customer's values, the most unusual first.

    For example "orders every 7 days (average customer: 19), 13 products a basket (9), 56 products a month (14)".
    """
    values = [
        (max(center.gap_days, _LEAST_GAP), max(average.gap_days, _LEAST_GAP), _rhythm),
        (center.basket_size, average.basket_size, lambda value: f"{_count(value, 'product')} a basket"),
        (_volume(center), _volume(average), lambda value: f"{_count(value, 'product')} a month"),
    ]
    values.sort(key=lambda each: -max(each[0] / each[1], each[1] / each[0]))
    (first, usual, words), *others = values
    marks = [f"{words(first)} (average customer: {_number(usual)})"]
    return ", ".join([*marks, *(f"{words(value)} ({_number(usual)})" for value, usual, words in others)])


def _further_words(centers: Sequence[Center], alike: Sequence[int]) -> dict[int, str]:
    """A word for each of `alike`: by the gap or, if that differs less, by the basket; numbers for more than three."""
    if len(alike) == 1:
        return {alike[0]: ""}
    measures: tuple[Callable[[Center], float], ...] = (lambda one: one.gap_days, lambda one: one.basket_size)
    spreads = [
        max(map(of, own)) / min(map(of, own)) for own in [[centers[place] for place in alike]] for of in measures
    ]
    measure = spreads.index(max(spreads))
    ordered = sorted(alike, key=lambda place: (measures[measure](centers[place]), place))
    for words in _FURTHER_WORDS[measure]:
        if len(words) == len(alike):
            return dict(zip(ordered, words, strict=True))
    return {place: str(number) for number, place in enumerate(ordered, start=1)}


def _volume(center: Center) -> float:
    return _DAYS_A_MONTH * center.basket_size / max(center.gap_days, _LEAST_GAP)


def _rhythm(days: float) -> str:
    return "orders every day" if round(days) <= 1 else f"orders every {_number(days)} days"


def _count(value: float, word: str) -> str:
    return f"{_number(value)} {word}{'' if round(value) == 1 else 's'}"


def _number(value: float) -> str:
    return f"{round(value):,}"

"""Names and marks of segments, in a marketer's words, from their centres.

Belongs here: the rules that turn numbers of a centre into words. Does not belong here: the numbers themselves.
Rules read a centre twice: in the features' own units ("orders every 6 days") and as z-scores, that is, in standard
deviations from the average customer ("large baskets for this shop").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cis_assets.segmentation.features import CLUSTERED_FEATURES

_HIGH = 0.3
_CLEAR = 0.3
_MOST_MARKS = 3
_FEWEST_MARKS = 2


@dataclass(frozen=True)
class Centre:
    """The centre of a segment: `values` in the features' own units and `z` in standard deviations from the average."""

    values: Mapping[str, float]
    z: Mapping[str, float]


def segment_names(centres: Sequence[Centre]) -> list[str]:
    """A name for each centre, all different: the first rule that fits, and a further word where two share it."""
    names = [_name(centre) for centre in centres]
    for shared in {name for name in names if names.count(name) > 1}:
        alike = [place for place, name in enumerate(names) if name == shared]
        for place, word in _distinguishing_words(centres, alike).items():
            names[place] = f"{shared}, {word}"
    return names


def segment_marks(centre: Centre) -> str:
    """The two or three strongest deviations from the average customer, strongest first.

    For example "orders every 6 days, 18 products a basket, 71 % reordered".
    """
    marks: list[str] = []
    told: set[str] = set()
    for feature in sorted(centre.z, key=lambda name: -abs(centre.z[name])):
        if len(marks) >= (_MOST_MARKS if abs(centre.z[feature]) >= _CLEAR else _FEWEST_MARKS):
            break
        teller = _RHYTHM.get(feature, feature) if _rhythm_is_clear(centre) else feature
        if teller not in told and _is_worth_telling(teller, centre):
            marks.append(_MARKS[teller](centre.values[teller]))
            told |= _SAME_TOPIC.get(teller, {teller})
    return ", ".join(marks)


def _name(centre: Centre) -> str:
    return next(name for name, fits in _RULES if fits(centre.values, centre.z))


def _is_new(values: Mapping[str, float], z: Mapping[str, float]) -> bool:
    return values["tenure_days"] <= 75 and z["tenure_days"] <= -0.8


def _has_gone_quiet(values: Mapping[str, float], z: Mapping[str, float]) -> bool:
    """Away for at least two and a half of their usual gaps and for a month, and longer than most."""
    return values["recency_days"] >= max(30.0, 2.5 * values["mean_gap_days"]) and z["recency_days"] >= 0.5


_Rule = Callable[[Mapping[str, float], Mapping[str, float]], bool]

# Read from the top: the stage of a customer's life outranks the rhythm, and the rhythm outranks the basket.
_RULES: tuple[tuple[str, _Rule], ...] = (
    ("New customers", _is_new),
    ("Tried once", lambda values, z: values["order_count"] < 1.5),
    ("Lapsed", lambda values, z: _has_gone_quiet(values, z) and values["recency_days"] >= 120),
    ("Lapsing", _has_gone_quiet),
    ("Frequent stock-up", lambda values, z: values["mean_gap_days"] < 5 and z["mean_basket_size"] >= _HIGH),
    ("Frequent top-up", lambda values, z: values["mean_gap_days"] < 5),
    ("Weekly stock-up", lambda values, z: values["mean_gap_days"] < 10 and z["mean_basket_size"] >= _HIGH),
    ("Weekly top-up", lambda values, z: values["mean_gap_days"] < 10 and z["mean_basket_size"] <= -_HIGH),
    ("Loyal regulars", lambda values, z: values["mean_gap_days"] < 10 and z["reorder_share"] >= _HIGH),
    ("Weekly shoppers", lambda values, z: values["mean_gap_days"] < 10),
    ("Fortnightly stock-up", lambda values, z: values["mean_gap_days"] < 18 and z["mean_basket_size"] >= _HIGH),
    ("Fortnightly shoppers", lambda values, z: values["mean_gap_days"] < 18),
    ("Monthly bulk", lambda values, z: values["mean_gap_days"] < 45 and z["mean_basket_size"] >= _HIGH),
    ("Occasional bulk", lambda values, z: z["mean_basket_size"] >= _HIGH),
    ("Occasional", lambda values, z: True),
)

_LOW_AND_HIGH_WORDS: dict[str, tuple[str, str]] = {
    "recency_days": ("active", "quiet"),
    "tenure_days": ("newer", "long-standing"),
    "order_count": ("fewer orders", "more orders"),
    "mean_gap_days": ("shorter gaps", "longer gaps"),
    "mean_basket_size": ("small baskets", "large baskets"),
    "reorder_share": ("explorers", "creatures of habit"),
}


def _distinguishing_words(centres: Sequence[Centre], alike: Sequence[int]) -> dict[int, str]:
    """A word for each centre of `alike`: by the feature they differ in most, then the next; numbers at the last."""
    features = sorted(
        (feature for feature in CLUSTERED_FEATURES if feature in centres[alike[0]].z),
        key=lambda feature: -_spread(centres, alike, feature),
    )
    return _split_by(centres, alike, features)


def _split_by(centres: Sequence[Centre], alike: Sequence[int], features: Sequence[str]) -> dict[int, str]:
    if not features or _spread(centres, alike, features[0]) == 0:
        return {place: str(number) for number, place in enumerate(alike, start=1)}
    feature, *rest = features
    z = {place: centres[place].z[feature] for place in alike}
    middle = (min(z.values()) + max(z.values())) / 2
    words: dict[int, str] = {}
    for is_high in (False, True):
        side = [place for place in alike if (z[place] > middle) == is_high]
        word = _LOW_AND_HIGH_WORDS[feature][is_high]
        further = _split_by(centres, side, rest) if len(side) > 1 else {}
        words |= {place: f"{word}, {further[place]}" if place in further else word for place in side}
    return words


def _spread(centres: Sequence[Centre], alike: Sequence[int], feature: str) -> float:
    z = [centres[place].z[feature] for place in alike]
    return max(z) - min(z)


_SAME_TOPIC = {name: {"order_count", "mean_gap_days"} for name in ("order_count", "mean_gap_days")}
_RHYTHM = {"order_count": "mean_gap_days"}


def _rhythm_is_clear(centre: Centre) -> bool:
    """Whether "orders every 7 days" says more than "52 orders": it is out of the ordinary, and explains the count.

    Few orders in short gaps are those of a new or a lost customer; there the count is the news.
    """
    gap, count = centre.z["mean_gap_days"], centre.z["order_count"]
    return _has_rhythm(centre) and abs(gap) >= _CLEAR and (gap > 0) != (count > 0)


def _has_rhythm(centre: Centre) -> bool:
    """Customers with one order have no gap; the value that stands in for it must not be told as theirs."""
    return centre.values["order_count"] >= 1.5


def _is_worth_telling(feature: str, centre: Centre) -> bool:
    if feature == "mean_gap_days":
        return _has_rhythm(centre)
    # A long tenure is only as long as the window that features look back over.
    return feature != "tenure_days" or centre.z[feature] < 0


def _count(value: float, one: str, many: str) -> str:
    rounded = round(value)
    return f"{rounded:,} {one if rounded == 1 else many}"


_MARKS: dict[str, Callable[[float], str]] = {
    "recency_days": lambda value: (
        "last order today" if value < 0.5 else f"last order {_count(value, 'day', 'days')} ago"
    ),
    "tenure_days": lambda value: f"ordering for {_count(value, 'day', 'days')}",
    "order_count": lambda value: _count(value, "order", "orders"),
    "mean_gap_days": lambda value: "orders every day" if round(value) <= 1 else f"orders every {round(value)} days",
    "mean_basket_size": lambda value: f"{_count(value, 'product', 'products')} a basket",
    "reorder_share": lambda value: f"{round(100 * value)} % reordered",
}

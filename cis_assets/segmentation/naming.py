"""Names and descriptions ("marks") of segments in marketing terms, derived from their centers.

Rules use a center in the features' own units ("orders every 6 days") and as z-scores, which are standard deviations
from the average customer ("large baskets for this shop").
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cis_assets.segmentation.features import CLUSTERED_FEATURES

_HIGH = 0.3
_CLEAR = 0.3
_MOST_MARKS = 3
_FEWEST_MARKS = 2
_SAME_TOPIC = {"order_count", "mean_gap_days"}


@dataclass(frozen=True)
class Center:
    """The center of a segment: `values` in the features' own units, `z` in standard deviations from the average."""

    values: Mapping[str, float]
    z: Mapping[str, float]


def segment_names(centers: Sequence[Center]) -> list[str]:
    """A unique name for each center: the first rule that applies, and a further word if several share it."""
    names = [next(name for name, applies in _RULES if applies(center.values, center.z)) for center in centers]
    for shared in {name for name in names if names.count(name) > 1}:
        alike = [place for place, name in enumerate(names) if name == shared]
        by_spread = sorted(
            (feature for feature in CLUSTERED_FEATURES if feature in centers[alike[0]].z),
            key=lambda feature: -_spread(centers, alike, feature),
        )
        for place, word in _distinguishing_words(centers, alike, by_spread).items():
            names[place] = f"{shared}, {word}"
    return names


def segment_marks(center: Center) -> str:
    """The two or three largest deviations from the average customer, largest first.

    For example "orders every 6 days, 18 products a basket, 71% reordered".
    """
    marks: list[str] = []
    described: set[str] = set()
    for strongest in sorted(center.z, key=lambda name: -abs(center.z[name])):
        if len(marks) >= (_MOST_MARKS if abs(center.z[strongest]) >= _CLEAR else _FEWEST_MARKS):
            break
        feature = "mean_gap_days" if strongest == "order_count" and _is_rhythm_clear(center) else strongest
        if feature not in described and _is_informative(feature, center):
            marks.append(_MARKS[feature](center.values[feature]))
            described |= _SAME_TOPIC if feature in _SAME_TOPIC else {feature}
    return ", ".join(marks)


def _has_gone_quiet(values: Mapping[str, float], z: Mapping[str, float]) -> bool:
    """Whether the last order is at least 2.5 usual gaps and 30 days ago, and longer ago than for most."""
    return values["recency_days"] >= max(30.0, 2.5 * values["mean_gap_days"]) and z["recency_days"] >= 0.5


_Rule = Callable[[Mapping[str, float], Mapping[str, float]], bool]

# The first rule that applies wins: lifecycle before rhythm, rhythm before basket.
_RULES: tuple[tuple[str, _Rule], ...] = (
    ("New customers", lambda values, z: values["tenure_days"] <= 75 and z["tenure_days"] <= -0.8),
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


def _distinguishing_words(centers: Sequence[Center], alike: Sequence[int], features: Sequence[str]) -> dict[int, str]:
    """A word for each center of `alike`, by the first of the features, then the next; finally numbers."""
    if not features or _spread(centers, alike, features[0]) == 0:
        return {place: str(number) for number, place in enumerate(alike, start=1)}
    feature, *rest = features
    z = {place: centers[place].z[feature] for place in alike}
    middle = (min(z.values()) + max(z.values())) / 2
    words: dict[int, str] = {}
    for is_high in (False, True):
        side = [place for place in alike if (z[place] > middle) == is_high]
        word = _LOW_AND_HIGH_WORDS[feature][is_high]
        further = _distinguishing_words(centers, side, rest) if len(side) > 1 else {}
        words |= {place: f"{word}, {further[place]}" if place in further else word for place in side}
    return words


def _spread(centers: Sequence[Center], alike: Sequence[int], feature: str) -> float:
    z = [centers[place].z[feature] for place in alike]
    return max(z) - min(z)


def _is_rhythm_clear(center: Center) -> bool:
    """Whether "orders every 7 days" is more informative than "52 orders": the gap is unusual and explains the count.

    Few orders with short gaps belong to new or lost customers; then the count is more informative.
    """
    gap, count = center.z["mean_gap_days"], center.z["order_count"]
    return _has_rhythm(center) and abs(gap) >= _CLEAR and (gap > 0) != (count > 0)


def _has_rhythm(center: Center) -> bool:
    """Whether the gap is real: customers with one order have none, and their filled value must not be reported."""
    return center.values["order_count"] >= 1.5


def _is_informative(feature: str, center: Center) -> bool:
    if feature == "mean_gap_days":
        return _has_rhythm(center)
    # A long tenure only reflects the length of the trailing window.
    return feature != "tenure_days" or center.z[feature] < 0


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
    "reorder_share": lambda value: f"{round(100 * value)}% reordered",
}

"""Why a product family is recommended: a code and whole numbers, which are stored, and words for those who show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from cis_assets.predictions.basket_features import Candidates

IN_RECENT_ORDERS, EVERY_DAYS, IN_ALL_ORDERS, BOUGHT_WITH = (
    "in_recent_orders",
    "every_days",
    "in_all_orders",
    "bought_with",
)
REASONS = (IN_RECENT_ORDERS, EVERY_DAYS, IN_ALL_ORDERS, BOUGHT_WITH)

_RECENT_ORDERS = 10
_FEWEST_GAPS = 2
_LEAST_DUE, _MOST_DUE = 0.75, 2.0
_MOST_SPREAD = 0.6


def repeat_reasons(candidates: Candidates, days_ago: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The code and two numbers of each candidate; `days_ago` is the number of days since the customer last bought it.

    A family in half of the latest ten orders is a staple. One that is bought at even intervals and is due about now
    has a rhythm. Else the orders are counted: the latest ones if the family is in two of them, or all.
    """
    orders, count = (_whole(candidates.column(name)) for name in ("orders", "count"))
    latest = np.minimum(orders, _RECENT_ORDERS)
    recent = _whole(candidates.column("share_last_10") * latest)
    gap, spread = (candidates.column(name).astype(float) for name in ("gap_days", "gap_days_spread"))
    with np.errstate(invalid="ignore"):
        is_even = (count > _FEWEST_GAPS) & (gap >= 2) & (spread <= _MOST_SPREAD * gap)
        has_rhythm = is_even & (days_ago >= _LEAST_DUE * gap) & (days_ago <= _MOST_DUE * gap)
    code = np.select(
        [(recent >= 2) & (2 * recent >= latest), has_rhythm, recent >= 2],
        [IN_RECENT_ORDERS, EVERY_DAYS, IN_RECENT_ORDERS],
        IN_ALL_ORDERS,
    )
    days = _whole(np.nan_to_num(gap))
    first = np.select([code == IN_RECENT_ORDERS, code == EVERY_DAYS], [recent, days], count)
    second = np.select([code == IN_RECENT_ORDERS, code == EVERY_DAYS], [latest, days_ago], orders)
    return code, np.column_stack((first, second))


def reason_in_words(code: str, numbers: Sequence[int], names: Mapping[int, str]) -> str:
    """A stored reason in words; `names` are the names of products by id.

    A code of a newer release is shown as it is stored.
    """
    match code, *numbers:
        case "in_recent_orders", 1, 1:
            return "in the last order"
        case "in_recent_orders", orders, latest:
            return f"in {orders} of the last {latest} orders"
        case "every_days", usual, since:
            return f"every {_days(usual)}, last {_ago(since)}"
        case "in_all_orders", 1, 1:
            return "in the only order"
        case "in_all_orders", orders, total:
            return f"in {orders} of all {total} orders"
        case "bought_with", product:
            return f"often bought with {names.get(product, f'product {product}')}"
        case _:
            return " ".join([code, *map(str, numbers)])


def _ago(days: int) -> str:
    return {0: "today", 1: "yesterday"}.get(days, f"{days} days ago")


def _days(number: int) -> str:
    return "day" if number == 1 else f"{number} days"


def _whole(values: np.ndarray) -> np.ndarray:
    return np.rint(values).astype(np.int64)

"""What a customer's orders up to a day say about the next one: one row per customer and as-of day.

Every value depends on the orders of one customer up to the day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date

import numpy as np

from cis_assets.dates import day_number
from cis_assets.predictions.order_history import LATEST_GAPS, OrderHistory, weekday

WEEKS = 16
"""Number of weeks before a day whose orders are counted week by week."""
FEATURES = (
    "recency_days",
    "tenure_days",
    "order_count",
    "order_days",
    "orders_7d",
    "orders_14d",
    "orders_28d",
    "orders_56d",
    "orders_112d",
    "weeks_of_4",
    "weeks_of_8",
    "weeks_of_16",
    "week_share",
    "week_streak",
    "months_of_4",
    "recent_rate",
    "slow_rate",
    "gap_count",
    "gap_mean",
    "gap_std",
    "gap_p25",
    "gap_median",
    "gap_p75",
    "gap_p90",
    "gap_longest",
    "gap_last",
    "gap_before_last",
    "gap_mean_of_3",
    "recency_to_median",
    "recency_to_p75",
    "recency_to_p90",
    "gaps_beyond_recency",
    "own_chance_7d",
    "own_chance_28d",
    "basket_mean",
    "basket_last_to_mean",
    "items_28d",
    "as_of_weekday",
    "usual_weekday_share",
    "days_to_usual_weekday",
)
"""Names of the columns of `FeatureRows.values`."""

_NONE = np.iinfo(np.int16).max
_CAPPED = np.int16(1 << 14)
_RECENT, _SLOW = 0.7, 0.9


@dataclass(frozen=True)
class FeatureRows:
    """Features by as-of day and customer: `values` (rows x FEATURES, NaN: unknown).

    `gaps` has the latest gaps, newest first (-1: no gap), and `is_capped` says which of them the source caps.
    """

    as_of: np.ndarray
    customer: np.ndarray
    values: np.ndarray
    gaps: np.ndarray
    is_capped: np.ndarray

    def __len__(self) -> int:
        return len(self.customer)

    def column(self, name: str) -> np.ndarray:
        return self.values[:, FEATURES.index(name)]

    def take(self, rows: np.ndarray) -> FeatureRows:
        """Some of the rows, by place or by a mask."""
        return FeatureRows(**{each.name: getattr(self, each.name)[rows] for each in fields(self)})

    @classmethod
    def concat(cls, parts: Sequence[FeatureRows]) -> FeatureRows:
        return cls(**{each.name: np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(cls)})


def next_order_features(
    history: OrderHistory, days: Sequence[date], history_days: int, among: np.ndarray | None = None
) -> FeatureRows:
    """The features of each day (ascending), by day and customer.

    A day has the customers with an order in the `history_days` days that end with it. Orders after a day do not change
    its rows, so one history serves many days. `among` restricts the customers to some, as places in `history.customer`.
    """
    among = np.arange(len(history.customer)) if among is None else among
    return FeatureRows.concat([_features_of_day(history, day_number(day), history_days, among) for day in days])


def _features_of_day(history: OrderHistory, day: int, history_days: int, among: np.ndarray) -> FeatureRows:
    owner = history.listed(among, day, history_days)
    end = history.places_after(owner, day)
    first = history.first[owner]
    recency = day - history.day[end - 1]
    tenure = day - history.day[first]
    gaps, is_capped = history.latest_gaps(owner, end)
    columns = {
        "recency_days": recency,
        "tenure_days": tenure,
        "order_count": end - first,
        "order_days": history.order_days[end] - history.order_days[first],
        **_weekly(history, owner, end, day, tenure),
        **_rhythm(gaps, is_capped, recency),
        **_baskets(history, owner, first, end, day),
        **_weekdays(history, first, end, day),
    }
    values = np.column_stack([np.asarray(columns[name], dtype=np.float64) for name in FEATURES])
    return FeatureRows(np.full(len(owner), day), history.customer[owner], values, gaps, is_capped)


def _weekly(
    history: OrderHistory, owner: np.ndarray, end: np.ndarray, day: int, tenure: np.ndarray
) -> dict[str, np.ndarray]:
    starts = np.column_stack([end, *(history.places_after(owner, day - 7 * week) for week in range(1, WEEKS + 1))])
    orders = starts[:, :-1] - starts[:, 1:]
    has_order = orders > 0
    lived = np.minimum(tenure // 7 + 1, WEEKS)
    return {
        **{f"orders_{7 * weeks}d": starts[:, 0] - starts[:, weeks] for weeks in (1, 2, 4, 8, 16)},
        **{f"weeks_of_{weeks}": has_order[:, :weeks].sum(axis=1) for weeks in (4, 8, 16)},
        "week_share": (has_order.sum(axis=1) + 0.5) / (lived + 1.0),
        "week_streak": np.cumprod(has_order, axis=1).sum(axis=1),
        "months_of_4": np.column_stack([has_order[:, at : at + 4].any(axis=1) for at in (0, 4, 8, 12)]).sum(axis=1),
        "recent_rate": _decayed(has_order, lived, _RECENT),
        "slow_rate": _decayed(orders, lived, _SLOW),
    }


def _decayed(weekly: np.ndarray, lived: np.ndarray, decay: float) -> np.ndarray:
    """The weekly mean over the weeks since the first order, in which each week counts less than the one after it."""
    total, weight = np.zeros(len(weekly)), np.zeros(len(weekly))
    for week in range(WEEKS):
        total += decay**week * weekly[:, week]
        weight += np.where(week < lived, decay**week, 0.0)
    return total / weight


def _rhythm(gaps: np.ndarray, is_capped: np.ndarray, recency: np.ndarray) -> dict[str, np.ndarray]:
    exists = gaps >= 0
    number = exists.sum(axis=1)
    length = np.where(exists, gaps, 0).astype(np.int64)
    total, squares = length.sum(axis=1), (length**2).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / number
        std = np.sqrt(np.maximum(squares / number - mean**2, 0.0))
        mean_of_3 = length[:, :3].sum(axis=1) / np.minimum(number, 3)
    ranked = sorted_gaps(gaps, is_capped)
    p25, median, p75, p90 = (quantile(ranked, number, share) for share in (0.25, 0.5, 0.75, 0.9))
    beyond = (exists & (gaps > recency[:, None])).sum(axis=1)
    chances = {f"own_chance_{days}d": _own_chance(gaps, is_capped, recency, days) for days in (7, 28)}
    return {
        "gap_count": number,
        "gap_mean": mean,
        "gap_std": std,
        "gap_p25": p25,
        "gap_median": median,
        "gap_p75": p75,
        "gap_p90": p90,
        "gap_longest": quantile(ranked, number, 1.0),
        "gap_last": np.where(number > 0, length[:, 0], np.nan),
        "gap_before_last": np.where(number > 1, length[:, 1], np.nan),
        "gap_mean_of_3": mean_of_3,
        "recency_to_median": recency / (median + 0.5),
        "recency_to_p75": recency / (p75 + 0.5),
        "recency_to_p90": recency / (p90 + 0.5),
        "gaps_beyond_recency": (beyond + 0.5) / (number + 1.0),
        **chances,
    }


def sorted_gaps(gaps: np.ndarray, is_capped: np.ndarray) -> np.ndarray:
    """The gaps of each row in ascending order. A capped gap is longer than it says, so it follows the measured ones."""
    ranked = np.where(gaps < 0, _NONE, gaps + np.where(is_capped, _CAPPED, np.int16(0)))
    ranked.sort(axis=1)
    is_gap = ranked < _NONE
    ranked = np.where(is_gap, ranked % _CAPPED, -1)
    # At least as long as the measured gaps before it.
    return np.maximum.accumulate(ranked, axis=1)


def quantile(ranked: np.ndarray, number: np.ndarray, share: float) -> np.ndarray:
    """The smallest gap that at least this share of the gaps do not exceed; NaN without a gap."""
    place = np.ceil(share * number - 1e-9).astype(np.int64) - 1
    values = ranked[np.arange(len(ranked)), np.clip(place, 0, LATEST_GAPS - 1)].astype(np.float64)
    return np.where(number > 0, values, np.nan)


def _own_chance(gaps: np.ndarray, is_capped: np.ndarray, recency: np.ndarray, days: int) -> np.ndarray:
    """Of the own gaps longer than the days since the last order, the share that ended within `days` more.

    Gaps that the source caps before the end of that time are left out. Two gaps of even odds are added.
    """
    passed = recency[:, None]
    ended = ((gaps > passed) & (gaps <= passed + days) & ~is_capped).sum(axis=1)
    went_on = (gaps > passed + days).sum(axis=1)
    return (ended + 1.0) / (ended + went_on + 2.0)


def _baskets(
    history: OrderHistory, owner: np.ndarray, first: np.ndarray, end: np.ndarray, day: int
) -> dict[str, np.ndarray]:
    start = np.maximum(first, end - 10)
    mean = (history.items[end] - history.items[start]) / (end - start)
    last = history.items[end] - history.items[end - 1]
    return {
        "basket_mean": mean,
        "basket_last_to_mean": last / np.maximum(mean, 0.5),
        "items_28d": history.items[end] - history.items[history.places_after(owner, day - 28)],
    }


def _weekdays(history: OrderHistory, first: np.ndarray, end: np.ndarray, day: int) -> dict[str, np.ndarray]:
    orders = history.weekdays[end] - history.weekdays[first]
    usual = orders.argmax(axis=1)
    today = int(weekday(day))
    return {
        "as_of_weekday": np.full(len(end), today),
        "usual_weekday_share": (orders.max(axis=1) + 1.0) / (end - first + 7.0),
        "days_to_usual_weekday": (usual - today - 1) % 7 + 1,
    }

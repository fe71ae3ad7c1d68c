"""Features of the product families that a customer may buy again in the next order.

Candidates are families that the customer bought, at most `CANDIDATES` per customer. A feature uses only the orders
before the target order, and what is known of that order: nothing, or its time (see `Target`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from cis_assets.predictions.basket_history import BasketHistory
from cis_assets.predictions.basket_rates import RATE_FEATURES

CANDIDATES = 50
ORDER_DECAY, DAY_DECAY = 0.9, 0.97
BASKET_FEATURES = (
    "count",
    "share",
    "orders_since_first",
    "share_since_first",
    "orders_since_last",
    "days_since_last",
    "in_order_before_last",
    "streak",
    "rank",
    "decay_order_90",
    "share_last_3",
    "share_last_5",
    "share_last_10",
    "decay_order_75",
    "decay_order_97",
    "decay_day_97",
    "decay_day_99",
    "share_of_best",
    "decay_order_90_of_best",
    "gap_orders",
    "gap_orders_spread",
    "due_orders",
    "gap_days",
    "gap_days_spread",
    "due_days",
    "position",
    "weekday_lift",
    "hour_lift",
    "orders",
    "recent_basket",
    "families_per_line",
    "gap",
    "gap_of_usual",
    "aisle_share",
    "aisle_since_last",
    *RATE_FEATURES,
)
"""Names of the columns of `Candidates.values`."""


@dataclass(frozen=True)
class Target:
    """The order to predict, per customer: the number of orders before it, and its day, weekday and hour.

    Weekday and hour are NaN if unknown; then the day is the expected one.
    """

    known: np.ndarray
    day: np.ndarray
    weekday: np.ndarray
    hour: np.ndarray

    @classmethod
    def given(cls, history: BasketHistory, back: int) -> Self:
        """The order that is `back` orders from the last one (0: the last), with its time. Needs an order before it."""
        known = np.maximum(history.order_counts - 1 - back, 0)
        place = history.first_order[:-1] + known
        return cls(known, history.day[place], history.weekday[place].astype(float), history.hour[place].astype(float))

    @classmethod
    def expected(cls, history: BasketHistory, back: int, today: int | np.ndarray) -> Self:
        """The same order without its time; `back` -1 is the order after the last.

        The expected day is the last known order's plus the mean of the customer's latest gaps, and not before `today`: one
        day number, or one per customer.
        """
        known = np.maximum(history.order_counts - 1 - back, 0)
        last = history.first_order[:-1] + np.maximum(known - 1, 0)
        early = np.maximum(last - 8, history.first_order[:-1])
        gap = np.where(last > early, (history.day[last] - history.day[early]) / np.maximum(last - early, 1), 7.0)
        day = history.day[last] + np.maximum(np.rint(gap), 1).astype(np.int64)
        nothing = np.full(len(known), np.nan)
        return cls(known, np.maximum(day, today), nothing, nothing)


class Candidates(NamedTuple):
    """Families that customers may buy again, by customer and family, with their features (BASKET_FEATURES).

    Customers, families and products are numbers in the history, not ids. `product` is the family's product to show: of
    those that the customer bought, the last one that the shop has, else the smallest that it has, else the last bought. Of
    the products of one order, the first in the cart counts.
    """

    customer: np.ndarray
    family: np.ndarray
    product: np.ndarray
    values: np.ndarray

    def column(self, name: str) -> np.ndarray:
        return self.values[:, BASKET_FEATURES.index(name)]


def repeat_candidates(history: BasketHistory, target: Target, rates: np.ndarray, most: int = CANDIDATES) -> Candidates:
    """The candidates of each customer with their features; `rates` are the rows of `FamilyCounts.rates`.

    A customer has the `most` families with the highest recency-weighted frequency (ties: the smaller aisle and family).
    """
    lines = _KnownLines.read(history, target, most)
    columns: dict[str, np.ndarray] = {}
    columns |= _frequency(lines)
    columns |= _cadence(lines)
    columns |= _cart_and_time(lines, history, target)
    columns |= _customer_facts(lines, history, target)
    columns |= _aisle_hold(lines, history, columns)
    columns |= dict(zip(RATE_FEATURES, rates[lines.pair_family].T, strict=True))
    # Column by column, as it is filled and scored.
    values = np.empty((len(lines.starts), len(BASKET_FEATURES)), dtype=np.float32, order="F")
    for place, name in enumerate(BASKET_FEATURES):
        values[:, place] = columns[name]
    product = history.product[lines.kept]
    in_shop = np.where(history.families.in_shop[product], np.arange(len(product)), -1)
    latest = np.maximum.reduceat(in_shop, lines.starts) if len(lines.starts) else in_shop
    in_family = history.families.smallest_in_shop[lines.pair_family]
    not_bought = np.where(history.families.in_shop[in_family], in_family, product[lines.last])
    shown = np.where(latest >= 0, product[latest], not_bought)
    return Candidates(lines.pair_customer, lines.pair_family, shown, values)


@dataclass(frozen=True)
class _KnownLines:
    """Lines before the target, of candidates alone, with their age in orders (0: the last known) and days.

    `starts` is the first line of each pair of customer and family, `last` its last one, `rank` its rank in the customer.
    """

    kept: np.ndarray
    customer: np.ndarray
    order: np.ndarray
    position: np.ndarray
    back: np.ndarray
    age: np.ndarray
    starts: np.ndarray
    pair_customer: np.ndarray
    pair_family: np.ndarray
    weight: np.ndarray
    rank: np.ndarray
    orders: np.ndarray
    families: np.ndarray
    order_back: np.ndarray
    order_age: np.ndarray
    order_known: np.ndarray
    owner: np.ndarray

    @classmethod
    def read(cls, history: BasketHistory, target: Target, most: int) -> Self:
        owner = np.repeat(np.arange(len(history.customer_id)), history.order_counts)
        order_back = history.first_order[owner] + target.known[owner] - 1 - np.arange(len(owner))
        order_known = order_back >= 0
        order_age = np.where(order_known, target.day[owner] - history.day, 0)
        kept = np.flatnonzero(order_known[history.order])
        customer, family, order = history.customer[kept], history.family[kept], history.order[kept]
        starts = first_of_groups(customer, family)
        back = order_back[order]
        weight = np.add.reduceat(_powers(ORDER_DECAY, back), starts) if len(starts) else np.zeros(0)
        rank = rank_in_group(customer[starts], weight)
        families = np.bincount(customer[starts], minlength=len(history.customer_id))
        chosen = rank < most
        if not chosen.all():
            lengths = np.diff(np.append(starts, len(kept)))
            rows = np.repeat(chosen, lengths)
            kept, customer, order, back = kept[rows], customer[rows], order[rows], back[rows]
            family = family[rows]
            starts = np.append(0, np.cumsum(lengths[chosen])[:-1]).astype(np.int64) if chosen.any() else starts[:0]
        return cls(
            kept=kept,
            customer=customer,
            order=order,
            position=history.position[kept],
            back=back,
            age=order_age[order],
            starts=starts,
            pair_customer=customer[starts],
            pair_family=family[starts],
            weight=weight[chosen],
            rank=rank[chosen],
            orders=target.known[customer[starts]],
            families=families[customer[starts]],
            order_back=np.maximum(order_back, 0),
            order_age=order_age,
            order_known=order_known,
            owner=owner,
        )

    @property
    def last(self) -> np.ndarray:
        return np.append(self.starts[1:], len(self.order))[: len(self.starts)] - 1

    def total(self, values: np.ndarray) -> np.ndarray:
        """Sum of a value of the lines per pair."""
        return np.add.reduceat(values, self.starts) if len(self.starts) else np.zeros(0)

    def per_customer(self, values: np.ndarray) -> np.ndarray:
        """Sum of a value of the known orders, for the customer of each pair."""
        sums = np.bincount(self.owner, weights=np.where(self.order_known, values, 0.0), minlength=1)
        return sums[self.pair_customer] if len(self.pair_customer) else np.zeros(0)


def _frequency(lines: _KnownLines) -> dict[str, np.ndarray]:
    count = np.diff(np.append(lines.starts, len(lines.order)))
    orders, last = lines.orders, lines.last
    since_first = lines.back[lines.starts] + 1
    index = np.arange(len(lines.order))
    goes_on = np.append(False, (lines.back[1:] == lines.back[:-1] - 1) & (lines.customer[1:] == lines.customer[:-1]))
    goes_on = goes_on[: len(index)]
    goes_on[lines.starts] = False
    run = index - np.maximum.accumulate(np.where(goes_on, 0, index)) + 1 if len(index) else index
    columns = {
        "count": count,
        "share": count / orders,
        "orders_since_first": since_first,
        "share_since_first": count / since_first,
        "orders_since_last": lines.back[last],
        "days_since_last": lines.age[last],
        "in_order_before_last": lines.total((lines.back == 1).astype(float)),
        "streak": run[last],
        "rank": lines.rank,
        "decay_order_90": lines.weight / lines.per_customer(_powers(ORDER_DECAY, lines.order_back)),
    }
    for recent in (3, 5, 10):
        columns[f"share_last_{recent}"] = lines.total((lines.back < recent).astype(float)) / np.minimum(orders, recent)
    for name, decay in (("decay_order_75", 0.75), ("decay_order_97", 0.97)):
        columns[name] = lines.total(_powers(decay, lines.back)) / lines.per_customer(_powers(decay, lines.order_back))
    for name, decay in (("decay_day_97", DAY_DECAY), ("decay_day_99", 0.99)):
        columns[name] = lines.total(_powers(decay, lines.age)) / np.maximum(
            lines.per_customer(_powers(decay, lines.order_age)), 1e-9
        )
    for name in ("share", "decay_order_90"):
        columns[f"{name}_of_best"] = columns[name] / np.maximum(_most(columns[name], lines.pair_customer), 1e-9)
    return columns


def _cadence(lines: _KnownLines) -> dict[str, np.ndarray]:
    count = np.diff(np.append(lines.starts, len(lines.order)))
    last, several = lines.last, count > 1
    columns: dict[str, np.ndarray] = {}
    for unit, ages in (("orders", lines.back), ("days", lines.age)):
        gap = np.append(0, ages[:-1] - ages[1:])[: len(ages)].astype(float)
        gap[lines.starts] = 0
        gaps = np.maximum(count - 1, 1)
        mean = np.where(several, lines.total(gap) / gaps, np.nan)
        spread = np.sqrt(np.maximum(lines.total(gap**2) / gaps - mean**2, 0))
        passed = ages[last] + (unit == "orders")
        columns |= {
            f"gap_{unit}": mean,
            f"gap_{unit}_spread": spread,
            f"due_{unit}": passed / np.maximum(mean, 0.5),
        }
    return columns


def _cart_and_time(lines: _KnownLines, history: BasketHistory, target: Target) -> dict[str, np.ndarray]:
    count = np.diff(np.append(lines.starts, len(lines.order)))
    pair = lines.pair_customer
    known = ~np.isnan(target.weekday[pair])
    owner = lines.owner
    with np.errstate(invalid="ignore"):
        same_day = (history.weekday == target.weekday[owner]).astype(float)
        hours = np.abs(history.hour - target.hour[owner])
        hours = np.minimum(hours, 24 - hours)
    near = (hours <= 2).astype(float)
    columns = {"position": lines.total(lines.position) / count}
    for name, matches in (("weekday_lift", same_day), ("hour_lift", near)):
        usual = lines.per_customer(matches) / lines.orders
        share = (lines.total(matches[lines.order]) + 2 * usual) / (count + 2)
        columns[name] = np.where(known, share - usual, 0.0)
    return columns


def _customer_facts(lines: _KnownLines, history: BasketHistory, target: Target) -> dict[str, np.ndarray]:
    pair, orders = lines.pair_customer, lines.orders
    first = history.first_order[:-1][pair]
    last = first + orders - 1
    basket = history.basket.astype(float)
    usual = np.where(orders > 1, (history.day[last] - history.day[first]) / np.maximum(orders - 1, 1), np.nan)
    gap = target.day[pair] - history.day[last]
    recent = lines.order_back < 5
    return {
        "orders": orders,
        "recent_basket": lines.per_customer(np.where(recent, basket, 0.0)) / np.minimum(orders, 5),
        "families_per_line": lines.families / np.maximum(lines.per_customer(basket), 1),
        "gap": gap,
        "gap_of_usual": gap / np.maximum(usual, 0.5),
    }


def _aisle_hold(lines: _KnownLines, history: BasketHistory, columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    aisle = history.families.aisle[lines.pair_family]
    starts = first_of_groups(lines.pair_customer, aisle)
    lengths = np.diff(np.append(starts, len(aisle)))

    def spread(values: np.ndarray) -> np.ndarray:
        return np.repeat(values, lengths)

    if not len(starts):
        return dict.fromkeys(("aisle_share", "aisle_since_last"), aisle)
    count = columns["count"]
    return {
        "aisle_share": count / spread(np.add.reduceat(count, starts)),
        "aisle_since_last": spread(np.minimum.reduceat(columns["orders_since_last"], starts)),
    }


def _powers(base: float, exponents: np.ndarray) -> np.ndarray:
    """Powers for whole, non-negative exponents, looked up."""
    if not len(exponents):
        return np.zeros(0)
    table = np.power(base, np.arange(int(exponents.max()) + 1))
    return table[np.maximum(exponents, 0)]


def first_of_groups(*columns: np.ndarray) -> np.ndarray:
    """The places of rows that differ from the row before in any column: the first rows of groups."""
    size = len(columns[0])
    changed = np.zeros(max(size - 1, 0), dtype=bool)
    for column in columns:
        changed |= column[1:] != column[:-1]
    return np.flatnonzero(np.append(True, changed)[:size])


def rank_in_group(group: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Ranks from 0 by falling score within each group of rows in a row; ties by row."""
    order = np.lexsort((-score, group))
    rank = np.empty(len(group), dtype=np.int64)
    starts = first_of_groups(group)
    lengths = np.diff(np.append(starts, len(group)))
    rank[order] = np.arange(len(group)) - np.repeat(starts, lengths)
    return rank


def _most(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """The largest value of each row's group; groups are in a row."""
    if not len(group):
        return values
    starts = first_of_groups(group)
    return np.repeat(np.maximum.reduceat(values, starts), np.diff(np.append(starts, len(group))))

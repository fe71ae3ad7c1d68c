"""What is known when a basket is predicted: the orders of the trailing window up to a day.

Snapshots, training and evaluation all see orders through this module, so a feature means the same in each of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from cis_assets.predictions.basket_features import Target
from cis_assets.predictions.basket_history import BasketHistory
from cis_assets.predictions.customer_sample import Purpose, customer_places
from cis_assets.predictions.evaluation_rows import EXPECTED, GIVEN


@dataclass(frozen=True)
class KnownBaskets:
    """The order to predict of each customer, and a history of the known orders and, if it happened, of that order.

    `today` is the day number of each customer's snapshot, the last day that it knows.
    """

    history: BasketHistory
    target: Target
    today: np.ndarray

    @classmethod
    def as_of(cls, history: BasketHistory, today: int, history_days: int) -> Self:
        """What a snapshot of the day `today` (a day number) knows: the orders of the `history_days` days up to it."""
        history = history.between(today - history_days + 1, today)
        return cls(history, Target.expected(history, -1, today), np.full(len(history.customer_id), today))

    @classmethod
    def before_order(
        cls, history: BasketHistory, back: int, context: str, history_days: int, seed: int, fewest: int = 1
    ) -> Self:
        """What a snapshot before each customer's order knows; the order is `back` orders from the last one (0: the last).

        In the context `expected` the snapshot is of a random day from the day of the order before to the day before the
        order; an order on the same day as the one before has none, and is left out. In `given` it is of the day before the
        order. Customers with fewer than `fewest` known orders are left out, and so are orders before the last `history_days`
        days of the history, because it may not go back a whole window from them.
        """
        number = history.order_counts - 1 - back
        place = history.first_order[:-1] + np.maximum(number, 0)
        day, before = history.day[place], history.day[np.maximum(place - 1, 0)]
        chosen = (number >= fewest) & (day > history.day.max(initial=0) - history_days)
        if context == EXPECTED:
            chosen &= day > before
            today = _draw_day(history.customer_id, before, day, seed)
        else:
            today = np.maximum(before, day - 1)
        owner = np.repeat(np.arange(len(number)), history.order_counts)
        kept = (np.arange(len(owner)) <= place[owner]) & (history.day > today[owner] - history_days)
        chosen &= np.bincount(owner[kept], minlength=len(number)) > fewest
        history, today = history.of_orders(kept & chosen[owner]), today[chosen]
        target = Target.given(history, 0) if context == GIVEN else Target.expected(history, 0, today)
        return cls(history, target, today)


def _draw_day(customers: np.ndarray, first: np.ndarray, end: np.ndarray, seed: int) -> np.ndarray:
    """A day from `first` to before `end` for each customer."""
    return first + np.floor(customer_places(customers, Purpose.TODAY, seed, end) * (end - first)).astype(np.int64)

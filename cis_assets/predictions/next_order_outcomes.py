"""What happened after an as-of day, and the forecasts that it is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np

from cis_assets.dates import day_number
from cis_assets.predictions.next_order_features import FeatureRows
from cis_assets.predictions.order_history import OrderHistory

SOON, LATER, LONG = 7, 28, 90
"""Days within which an order is predicted (two probabilities), and days whose orders are counted."""


class Forecast(NamedTuple):
    """Per row: the probability of an order within 7 and 28 days, and the expected orders within 90 days."""

    probability_7d: np.ndarray
    probability_28d: np.ndarray
    expected_orders_90d: np.ndarray


@dataclass(frozen=True)
class Outcomes:
    """Per row: whether an order followed within 7 and 28 days (NaN: not known yet), and the orders of the days that follow.

    `orders` counts those of `exposure` days: 90, or fewer if the history ends before.
    """

    within_7d: np.ndarray
    within_28d: np.ndarray
    orders: np.ndarray
    exposure: np.ndarray

    @classmethod
    def of(cls, history: OrderHistory, rows: FeatureRows, last: date) -> Outcomes:
        """The outcomes of `rows` in a history that is complete up to the day `last`."""
        owner = np.searchsorted(history.customer, rows.customer)
        exposure = np.clip(day_number(last) - rows.as_of, 0, LONG)

        def within(days: int) -> np.ndarray:
            followed = history.orders_between(owner, rows.as_of, rows.as_of + days) > 0
            return np.where(exposure >= days, followed.astype(np.float64), np.nan)

        orders = history.orders_between(owner, rows.as_of, rows.as_of + exposure)
        return cls(within(SOON), within(LATER), orders.astype(np.float64), exposure.astype(np.float64))

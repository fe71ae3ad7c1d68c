"""Rates of product families over many customers: how often a family is bought again, and in the very next order.

Counts are whole numbers, so sums over chunks of customers are exact. They are part of a trained ranker, so a
score depends on the customer's own orders and the ranker alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from cis_assets.predictions.basket_history import BasketHistory

_PRIOR = 10.0
RATE_FEATURES = ("family_repeat_rate", "family_next_rate", "aisle_next_rate", "family_popularity")


@dataclass(frozen=True)
class FamilyCounts:
    """Whole numbers per family: buyers, buyers of two orders or more, orders, orders with a next one, and bought in it."""

    orders: int
    buyers: np.ndarray
    repeaters: np.ndarray
    bought: np.ndarray
    followed: np.ndarray
    repeated: np.ndarray

    @classmethod
    def count(cls, history: BasketHistory, known: np.ndarray) -> Self:
        """Count the first `known[c]` orders of each customer c; later ones change nothing."""
        end = history.first_order[:-1] + known
        kept = np.flatnonzero(history.order < end[history.customer])
        customer, family, order = history.customer[kept], history.family[kept], history.order[kept]
        same = (customer[1:] == customer[:-1]) & (family[1:] == family[:-1])
        is_first = np.append(True, ~same)[: len(kept)]
        is_second = np.append(False, same)[: len(kept)] & np.append(False, is_first[:-1])[: len(kept)]
        again = np.append(same & (order[1:] == order[:-1] + 1), False)[: len(kept)]
        size = len(history.families)

        def total(rows: np.ndarray) -> np.ndarray:
            return np.bincount(family[rows], minlength=size)

        return cls(
            orders=int(known.sum()),
            buyers=total(is_first),
            repeaters=total(is_second),
            bought=np.bincount(family, minlength=size),
            followed=total(order + 1 < end[customer]),
            repeated=total(again),
        )

    def rates(self, aisle: np.ndarray) -> np.ndarray:
        """RATE_FEATURES of each family (families x rates), shrunk: a family towards its aisle, an aisle towards all."""
        family, aisles = [], []
        for part, whole in self._parts:
            overall = part.sum() / max(whole.sum(), 1)
            rate = (_per_aisle(part, aisle) + _PRIOR * overall) / (_per_aisle(whole, aisle) + _PRIOR)
            aisles.append(rate[aisle])
            family.append((part + _PRIOR * rate[aisle]) / (whole + _PRIOR))
        return np.column_stack([*family, aisles[1], self.bought / max(self.orders, 1)])

    def overall_rates(self) -> np.ndarray:
        """The RATE_FEATURES of a family and aisle without orders."""
        repeat, following = (part.sum() / max(whole.sum(), 1) for part, whole in self._parts)
        return np.array([repeat, following, following, 0.0])

    @property
    def _parts(self) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        return (self.repeaters, self.buyers), (self.repeated, self.followed)


def _per_aisle(counts: np.ndarray, aisle: np.ndarray) -> np.ndarray:
    return np.bincount(aisle, weights=counts, minlength=1)

"""What products cost on a day: list prices that drift at reviews, less what an offer takes off.

Belongs here: prices over time. Does not belong here: the list prices (`assortment.py`) and which offers there are
(`offers.py`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from cis_assets.sources.sample.arrays import Floats, Ints

_REVIEW_DAYS = 91


@dataclass(frozen=True)
class Prices:
    """Per product: the list price, the days since its last review at the start, and the change at each review."""

    list_price: Floats
    since_review: Ints
    change: Floats

    def unit_prices(self, day: int, percent_off: Floats) -> Floats:
        """Per product, the price of one unit on a day (0 = first day of the window)."""
        regular = self.list_price * (1 + self.change) ** ((day + self.since_review) // _REVIEW_DAYS)
        return np.round(np.round(regular, 2) * (1 - percent_off / 100), 2)


def draw_prices(list_price: Floats, rng: Generator) -> Prices:
    """Draw when each product's price is reviewed and how it changes."""
    products = list_price.size
    return Prices(list_price, rng.integers(0, _REVIEW_DAYS, products), rng.uniform(-0.012, 0.030, products))

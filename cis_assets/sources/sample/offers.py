"""What is on offer: weekly flights of products with some percent off.

Belongs here: which offers there are and when. Does not belong here: prices without them (`prices.py`).
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.random import Generator

from cis_assets.landing.contract import OFFERS
from cis_assets.sources.sample.arrays import Floats, Ints
from cis_assets.sources.sample.assortment import Assortment
from cis_assets.sources.sample.options import SampleOptions

_ON_OFFER_SHARE = 0.04
_PERCENTS_OFF = (5, 10, 15, 20, 25)
_OFFER_WEEKS = (1, 2)
_OFFER_REST_DAYS = 21
_OFFER_START_WEEKDAY = 2


@dataclass(frozen=True)
class Offers:
    """Offers by start: 0-based product, percent off, first and last day (0 = first day of the window)."""

    product: Ints
    percent_off: Ints
    starts: Ints
    ends: Ints

    def percent_by_product(self, day: int, products: int) -> Floats:
        """Percent off each product on a day, 0 where it is not on offer."""
        live = (self.starts <= day) & (day <= self.ends)
        percent = np.zeros(products)
        percent[self.product[live]] = self.percent_off[live]
        return percent

    def snapshot(self, first_date: date) -> pl.DataFrame:
        """The offers as landing rows; ids count from 1."""
        return pl.DataFrame(
            {
                "offer_id": np.arange(1, self.product.size + 1),
                "product_id": self.product + 1,
                "percent_off": self.percent_off,
                "starts_on": [first_date + timedelta(days=int(day)) for day in self.starts],
                "ends_on": [first_date + timedelta(days=int(day)) for day in self.ends],
            },
            schema=OFFERS.columns,
        )


def draw_offers(options: SampleOptions, shelf: Assortment, rng: Generator) -> Offers:
    """Weekly flights of offers, from the week of the first day to those that start in the week after the end."""
    products = shelf.popularity.size
    per_week = round(_ON_OFFER_SHARE * products / np.mean(_OFFER_WEEKS))
    free_from = np.full(products, -1000)
    weight = np.sqrt(shelf.popularity)
    flights = []
    # The newest flight before the window may have started up to 13 days earlier.
    first = (_OFFER_START_WEEKDAY - options.first_date.weekday()) % 7 - 14
    for start in range(first, options.days + 7, 7):
        key = np.where(free_from <= start, rng.standard_exponential(products) / weight, np.inf)
        product = np.sort(np.argsort(key, kind="stable")[:per_week])
        ends = start + 7 * rng.choice(_OFFER_WEEKS, per_week) - 1
        free_from[product] = ends + 1 + _OFFER_REST_DAYS
        flights.append((product, rng.choice(_PERCENTS_OFF, per_week), np.full(per_week, start), ends))
    return Offers(*(np.concatenate(part) for part in zip(*flights, strict=True)))

"""What products cost: list prices that drift at reviews, and weekly flights of offers with some percent off.

Belongs here: prices over time. Does not belong here: the list prices (`assortment.py`).
"""

from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.random import Generator

from cis_assets.landing.contract import OFFERS
from cis_assets.sources.sample.archetypes import Floats
from cis_assets.sources.sample.assortment import Assortment
from cis_assets.sources.sample.options import SampleOptions

_REVIEW_DAYS = 91
_ON_OFFER_SHARE = 0.04
_PERCENTS_OFF = (5, 10, 15, 20, 25)
_OFFER_WEEKS = (1, 2)
_OFFER_REST_DAYS = 21
_OFFER_START_WEEKDAY = 2
_COLUMNS = ("offer_id", "product_id", "percent_off", "starts_on", "ends_on")


class Prices:
    """Per product: the list price, the days since its last review at the start, and the change at each review."""

    def __init__(self, list_price: Floats, rng: Generator) -> None:
        self._list_price = list_price
        self._since_review = rng.integers(0, _REVIEW_DAYS, list_price.size)
        self._change = rng.uniform(-0.012, 0.030, list_price.size)

    def unit_prices(self, day: int, percent_off: Floats) -> Floats:
        """Per product, the price of one unit on a day (0 = first day of the window)."""
        regular = self._list_price * (1 + self._change) ** ((day + self._since_review) // _REVIEW_DAYS)
        return np.round(np.round(regular, 2) * (1 - percent_off / 100), 2)


class Offers:
    """Offers by start: 0-based product, percent off, first and last day (0 = first day of the window).

    Weekly flights, from the week of the first day to those that start in the week after the end.
    """

    def __init__(self, options: SampleOptions, shelf: Assortment, rng: Generator) -> None:
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
        columns = (np.concatenate(column) for column in zip(*flights, strict=True))
        self._product, self._percent_off, self._starts, self._ends = columns

    def percent_by_product(self, day: int, products: int) -> Floats:
        """Percent off each product on a day, 0 where it is not on offer."""
        live = (self._starts <= day) & (day <= self._ends)
        percent = np.zeros(products)
        percent[self._product[live]] = self._percent_off[live]
        return percent

    def snapshot(self, first_date: date) -> pl.DataFrame:
        """The offers as landing rows; ids count from 1."""
        return pl.DataFrame(
            {
                "offer_id": np.arange(1, self._product.size + 1),
                "product_id": self._product + 1,
                "percent_off": self._percent_off,
                "starts_on": [first_date + timedelta(days=int(day)) for day in self._starts],
                "ends_on": [first_date + timedelta(days=int(day)) for day in self._ends],
            },
            schema={name: OFFERS.columns[name] for name in _COLUMNS},
        )

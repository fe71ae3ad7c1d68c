"""What customers like: their departments, and their favourites with the rhythm in which these run out.

Belongs here: liking, drawn once per customer. Does not belong here: what is bought on a day (`baskets.py`).
"""

import numpy as np
from numpy.random import Generator

from cis_assets.sources.sample.archetypes import Floats, Ints
from cis_assets.sources.sample.assortment import DEPARTMENT_NAMES, Assortment
from cis_assets.sources.sample.customers import Customers

_FEWEST_FAVOURITES = 12
_MOST_FAVOURITES = 30
NO_PRODUCT = -1
# For how long products stay favourites: median, and sigma of a log-normal. Of the products that real customers buy often
# in one half of their orders, 17% to 30% are absent from the other half.
_KEPT_DAYS, _KEPT_SPREAD = np.float32(190.0), np.float32(1.2)
# Days fit into 16 bits.
_LONGEST_KEPT_DAYS = 20_000

# What only some households buy: department, share of households, share kept by the others.
_HOUSEHOLDS = (("pets", 0.24, 0.02), ("babies", 0.12, 0.02), ("alcohol", 0.25, 0.05), ("meat seafood", 0.85, 0.04))


class Tastes:
    """Per customer: the cumulated taste for departments, and the favourites, strongest first.

    `favourites` holds 0-based places in the assortment, NO_PRODUCT behind the last one; `liking` its weight and
    `interval` the days after which it runs out; `last_bought` the day it was bought before the window, and `given_up` the
    day from which the customer no longer wants it.
    """

    def __init__(self, customers: Customers, shelf: Assortment, rng: Generator) -> None:
        count = customers.archetype.size
        taste = _draw_department_tastes(count, shelf, rng)
        wanted = customers.basket_lines * 1.1 + 7 + 3 * rng.standard_normal(count, np.float32)
        self.favourite_count = np.round(wanted).clip(_FEWEST_FAVOURITES, _MOST_FAVOURITES).astype(np.int8)
        self.favourites = _draw_favourites(taste, self.favourite_count, shelf, rng)
        size = self.favourites.shape
        strength = np.arange(2, _MOST_FAVOURITES + 2, dtype=np.float32) ** np.float32(-0.35)
        self.liking = strength * np.exp(np.float32(0.4) * rng.standard_normal(size, np.float32))
        rhythm = shelf.rhythm_days.astype(np.float32)[self.favourites]
        self.interval = rhythm * np.exp(np.float32(0.25) * rng.standard_normal(size, np.float32))
        ago = rng.random(size, np.float32) * np.float32(1.3) * self.interval
        begin = np.maximum(customers.first_day, 0)[:, None]
        self.last_bought = np.round(begin - ago).astype(np.int16)
        self.given_up = (begin + draw_kept_days(size, rng)).astype(np.int16)
        cumulated = np.cumsum(taste, axis=1)
        self.departments = cumulated / cumulated[:, -1:]


def draw_kept_days(size: tuple[int, ...], rng: Generator) -> Floats:
    """How many days products stay favourites: some are tried for weeks, others are kept for years."""
    kept = _KEPT_DAYS * np.exp(_KEPT_SPREAD * rng.standard_normal(size, np.float32))
    return kept.clip(1, _LONGEST_KEPT_DAYS)


def _draw_department_tastes(count: int, shelf: Assortment, rng: Generator) -> Floats:
    """Per customer and department, the share of the customer's lines; adds up to about 1 per customer."""
    share = np.bincount(shelf.department, shelf.popularity, len(DEPARTMENT_NAMES)).astype(np.float32)
    taste = rng.standard_gamma(np.float32(3.0), (count, share.size), dtype=np.float32) / np.float32(3.0) * share
    for department, households, rest in _HOUSEHOLDS:
        buys = rng.random(count, np.float32) < households
        strength = (1 - (1 - households) * rest) / households
        taste[:, DEPARTMENT_NAMES.index(department)] *= np.where(buys, np.float32(strength), np.float32(rest))
    return taste / taste.sum(axis=1, keepdims=True)


def _draw_favourites(taste: Floats, favourite_count: Ints, shelf: Assortment, rng: Generator) -> Ints:
    """Draw favourites without replacement, weighted by taste for their department and popularity in it."""
    within = popularity_within_department(shelf, 0.9)
    favourites = np.full((taste.shape[0], _MOST_FAVOURITES), NO_PRODUCT, np.int16)
    # In chunks: the draw looks at every customer and product at once.
    for start in range(0, taste.shape[0], 4096):
        chunk = slice(start, start + 4096)
        weight = taste[chunk][:, shelf.department] * within
        # The smallest of exponentials divided by weights: a weighted draw without replacement.
        key = rng.standard_exponential(weight.shape, np.float32) / weight
        first = np.argpartition(key, _MOST_FAVOURITES, axis=1)[:, :_MOST_FAVOURITES]
        by_key = np.argsort(np.take_along_axis(key, first, axis=1), axis=1, kind="stable")
        favourites[chunk] = np.take_along_axis(first, by_key, axis=1)
    favourites[np.arange(_MOST_FAVOURITES) >= favourite_count[:, None]] = NO_PRODUCT
    return favourites


def popularity_within_department(shelf: Assortment, flatness: float) -> Floats:
    """Per product, its share of its department; an exponent below 1 brings the slow sellers forward."""
    weight = shelf.popularity**flatness
    return (weight / np.bincount(shelf.department, weight)[shelf.department]).astype(np.float32)

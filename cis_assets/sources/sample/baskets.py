"""What goes into a basket: due favourites, novelties, positions and quantities.

Belongs here: the lines of a day's orders. Does not belong here: liking itself (`tastes.py`) and what the
products cost (`prices.py`).
"""

import numpy as np
from numpy.random import Generator

from cis_assets.sources.sample.archetypes import Flags, Floats, Ints, per_customer
from cis_assets.sources.sample.assortment import Assortment
from cis_assets.sources.sample.customers import Customers
from cis_assets.sources.sample.tastes import NO_PRODUCT, Tastes, draw_kept_days, popularity_within_department

# Baskets of one customer vary: shape of a gamma (higher is steadier). The sizes of a real customer's baskets vary by 0.5 to
# 0.9 of their mean.
_BASKET_SHAPE = 2.6
# The weight of products given up: they are bought only if nothing else is left.
_UNWANTED = np.float32(1e-6)


class Shopping:
    """Fills baskets day after day, and remembers when each customer bought each favourite and which ones were given up."""

    def __init__(self, customers: Customers, tastes: Tastes, shelf: Assortment) -> None:
        self._customers = customers
        self._tastes = tastes
        self._favourites, self._interval = tastes.favourites.copy(), tastes.interval.copy()
        self._last_bought, self._given_up = tastes.last_bought.copy(), tastes.given_up.copy()
        self._rhythm_days = shelf.rhythm_days.astype(np.float32)
        self._by_department = np.argsort(shelf.department, kind="stable")
        self._department = shelf.department[self._by_department]
        self._within = popularity_within_department(shelf, 0.45)[self._by_department].astype(np.float64)
        self._multiples = per_customer(customers.archetype, "multiples")

    def fill_baskets(
        self, day: int, customer: Ints, second: Flags, pull: Floats, rng: Generator
    ) -> tuple[Ints, Ints, Ints, Ints]:
        """Lines of a day's orders, sorted: place of the order, 0-based product, position from 1, quantity.

        `pull` is how much more of each product is bought than on an average day, as it is on offer or in season.
        """
        lines = []
        # Second orders afterwards, when the first ones have taken what was due.
        for orders in (np.flatnonzero(~second), np.flatnonzero(second)):
            order, product, urge = self._choose(day, customer[orders], pull, rng)
            lines.append((orders[order], product, urge))
        order, product, urge = (np.concatenate(part) for part in zip(*lines, strict=True))
        by_urge = np.lexsort((urge, order))
        order, product = order[by_urge], product[by_urge]
        chance = rng.random(order.size, np.float32) / self._multiples[customer[order]]
        quantity = 1 + (chance < 1).astype(np.int32) + (chance < 0.3) + (chance < 0.06)
        return order, product, 1 + _rank_in_run(order), quantity

    def _choose(self, day: int, customer: Ints, pull: Floats, rng: Generator) -> tuple[Ints, Ints, Floats]:
        """Order, product and urge (small: early into the cart) of each line, for customers that differ."""
        mean = self._customers.basket_lines[customer] - 1
        size = 1 + rng.poisson(mean * rng.standard_gamma(_BASKET_SHAPE, customer.size) / _BASKET_SHAPE)
        novel = rng.binomial(size, self._customers.novelty[customer])
        favourites = self._favourites[customer]
        liked = (favourites != NO_PRODUCT) & (day < self._given_up[customer])
        # One favourite at least, so that no basket can end up empty.
        wanted = np.clip(size - novel, 1, np.maximum(liked.sum(axis=1), 1))
        taken = self._due_favourites(day, customer, favourites, liked, wanted, pull, rng)
        order, place = np.nonzero(taken)
        self._last_bought[customer[order], place] = day
        other_order, other = self._novelties(customer, favourites, np.maximum(size - wanted, 0), pull, rng)
        self._take_up(day, customer, ~liked & (favourites != NO_PRODUCT) & ~taken, other_order, other, rng)
        return (
            np.concatenate([order, other_order]),
            np.concatenate([favourites[order, place], other]),
            np.concatenate([rng.random(order.size, np.float32), 0.35 + rng.random(other.size, np.float32)]),
        )

    def _take_up(self, day: int, customer: Ints, free: Flags, other_order: Ints, other: Ints, rng: Generator) -> None:
        """Novelties of an order, first come first served, become favourites in the place of those given up."""
        nth = _rank_in_run(other_order)
        taken_up = nth < free.sum(axis=1)[other_order]
        order, product, nth = other_order[taken_up], other[taken_up], nth[taken_up]
        # The n-th free place of each order.
        place = np.argsort(~free, axis=1, kind="stable")[order, nth]
        owner = customer[order]
        self._favourites[owner, place] = product
        self._interval[owner, place] = self._rhythm_days[product]
        self._last_bought[owner, place] = day
        self._given_up[owner, place] = day + draw_kept_days(order.shape, rng)

    def _due_favourites(
        self, day: int, customer: Ints, favourites: Ints, liked: Flags, wanted: Ints, pull: Floats, rng: Generator
    ) -> Flags:
        """Which favourites are bought: `wanted` per order, the likelier the more of its interval has passed."""
        passed = (day - self._last_bought[customer]) / self._interval[customer]
        steep = np.square(np.square(passed))
        due = np.float32(0.01) + steep / (steep + np.float32(0.5))
        weight = self._tastes.liking[customer] * due * pull[favourites] * np.where(liked, 1, _UNWANTED)
        key = rng.standard_exponential(weight.shape, np.float32) / weight
        key[favourites == NO_PRODUCT] = np.inf
        last = np.take_along_axis(np.sort(key, axis=1), wanted[:, None] - 1, axis=1)
        return key <= last

    def _novelties(
        self, customer: Ints, favourites: Ints, wanted: Ints, pull: Floats, rng: Generator
    ) -> tuple[Ints, Ints]:
        """Order and product of purchases beyond the favourites, at most `wanted` per order, none twice."""
        # Draw some more than wanted: what is a favourite or drawn twice falls away.
        drawn = np.where(wanted > 0, wanted + wanted // 3 + 2, 0)
        order = np.repeat(np.arange(customer.size), drawn)
        taste = self._tastes.departments[customer[order]]
        department = (taste < rng.random((order.size, 1), np.float32)).sum(axis=1).clip(0, taste.shape[1] - 1)
        product = self._by_department[self._product_of(department, pull, rng.random(order.size))].astype(np.int16)
        fresh = ~(favourites[order] == product[:, None]).any(axis=1)
        order, product = order[fresh], product[fresh]
        _, first = np.unique(order * 100_000 + product, return_index=True)
        first.sort()
        order, product = order[first], product[first]
        kept = _rank_in_run(order) < wanted[order]
        return order[kept], product[kept]

    def _product_of(self, department: Ints, pull: Floats, chance: Floats) -> Ints:
        """Place in `_by_department` that a chance from 0 to 1 falls on within each given department."""
        weight = self._within * pull[self._by_department]
        share = weight / np.bincount(self._department, weight)[self._department]
        place = np.searchsorted(np.cumsum(share), department + chance, side="right")
        # Rounding may carry a chance near 0 or 1 over the department's edge.
        first = np.searchsorted(self._department, department)
        return place.clip(first, np.searchsorted(self._department, department, side="right") - 1)


def _rank_in_run(sorted_values: Ints) -> Ints:
    """0, 1, 2 … within each run of equal values."""
    places = np.arange(sorted_values.size)
    starts = np.flatnonzero(np.diff(sorted_values, prepend=-1))
    return places - np.repeat(starts, np.diff(starts, append=sorted_values.size))

"""The sample shop as a source of landing files: customers, cadence, baskets, offers and dirt put together.

Everything follows from the options: each purpose (and each day) has a random stream of its own, derived from the
seed, so the same options always give the same rows, and no purpose disturbs another.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from enum import IntEnum
from functools import cached_property

import numpy as np
import polars as pl
from numpy.random import Generator

from cis_assets.landing.contract import ORDER_ITEMS, ORDERS
from cis_assets.sources.sample.arrays import Ints
from cis_assets.sources.sample.assortment import assortment
from cis_assets.sources.sample.baskets import Shopping
from cis_assets.sources.sample.cadence import customer_of, day_starts, draw_order_keys, hour_of, is_second
from cis_assets.sources.sample.customers import Customers, draw_customer_snapshot, draw_customers
from cis_assets.sources.sample.dirt import DIRTY_ORDER_ITEMS, DIRTY_ORDERS, draw_dirty_lines
from cis_assets.sources.sample.offers import Offers, draw_offers
from cis_assets.sources.sample.options import SampleOptions
from cis_assets.sources.sample.prices import Prices, draw_prices
from cis_assets.sources.sample.tastes import Tastes, draw_tastes
from cis_assets.sources.source import LandedDay


class _Stream(IntEnum):
    """The purposes that have a random stream of their own."""

    CUSTOMERS = 1
    CADENCE = 2
    CLOCK = 3
    FAVOURITES = 4
    OFFERS = 5
    PRICES = 6
    LINES = 7
    DIRT = 8
    DIMENSIONS = 9


class SampleSource:
    """Landing rows of the sample shop; implements `LandingSource`.

    Order ids count from 1 in order of date and hour. Every date of the window is yielded, oldest first, also one
    on which nobody ordered. What the customers are like is worked out on first use and kept.
    """

    name = "sample"

    def __init__(self, options: SampleOptions) -> None:
        self._options = options
        self._assortment = assortment()

    @property
    def day_count(self) -> int:
        return self._options.days

    def snapshots(self) -> Mapping[str, pl.DataFrame]:
        return {
            "products": self._assortment.products,
            "aisles": self._assortment.aisles,
            "departments": self._assortment.departments,
            "customers": draw_customer_snapshot(self._options.customers, self._rng(_Stream.DIMENSIONS)),
            "offers": self._offers.snapshot(self._options.first_date),
        }

    def days(self) -> Iterator[LandedDay]:
        shopping = Shopping(self.customers, self._tastes, self._assortment)
        keys = self._order_keys
        starts = day_starts(keys, self._options.days)
        for day in range(self._options.days):
            yield self._landed_day(day, keys[starts[day] : starts[day + 1]], int(starts[day]) + 1, shopping)

    @cached_property
    def customers(self) -> Customers:
        """What the customers are like: the truth behind the rows, which never lands."""
        return draw_customers(self._options, self._rng(_Stream.CUSTOMERS))

    @cached_property
    def _tastes(self) -> Tastes:
        return draw_tastes(self.customers, self._assortment, self._rng(_Stream.FAVOURITES))

    @cached_property
    def _order_keys(self) -> Ints:
        return draw_order_keys(self._options, self.customers, self._rng(_Stream.CADENCE), self._rng(_Stream.CLOCK))

    @cached_property
    def _offers(self) -> Offers:
        return draw_offers(self._options, self._assortment, self._rng(_Stream.OFFERS))

    @cached_property
    def _prices(self) -> Prices:
        return draw_prices(self._assortment.list_price, self._rng(_Stream.PRICES))

    def _rng(self, stream: _Stream, *place: int) -> Generator:
        return np.random.default_rng(np.random.SeedSequence(self._options.seed, spawn_key=(stream, *place)))

    def _landed_day(self, day: int, keys: Ints, first_order_id: int, shopping: Shopping) -> LandedDay:
        order_ids = first_order_id + np.arange(keys.size, dtype=np.int64)
        orders = pl.DataFrame(
            {"order_id": order_ids, "customer_id": customer_of(keys) + 1, "order_hour": hour_of(keys)},
            schema=ORDERS.columns,
        )
        order_items = self._order_items(day, keys, order_ids, shopping)
        dirt = self._rng(_Stream.DIRT, day)
        return LandedDay(
            order_date=self._options.first_date + timedelta(days=day),
            orders=orders,
            order_items=order_items,
            dirty_orders=self._dirty_lines(DIRTY_ORDERS, orders.height, day, dirt),
            dirty_order_items=self._dirty_lines(DIRTY_ORDER_ITEMS, order_items.height, day, dirt),
        )

    def _order_items(self, day: int, keys: Ints, order_ids: Ints, shopping: Shopping) -> pl.DataFrame:
        percent_off = self._offers.percent_by_product(day, self._assortment.list_price.size)
        order, product, position, quantity = shopping.fill_baskets(
            day, customer_of(keys), is_second(keys), percent_off, self._rng(_Stream.LINES, day)
        )
        return pl.DataFrame(
            {
                "order_id": order_ids[order],
                "product_id": product.astype(np.int64) + 1,
                "add_to_cart_order": position.astype(np.int32),
                "quantity": quantity.astype(np.int32),
                "unit_price": self._prices.unit_prices(day, percent_off)[product],
            },
            schema=ORDER_ITEMS.columns,
        )

    def _dirty_lines(self, kinds: tuple[str, ...], clean_rows: int, day: int, rng: Generator) -> tuple[str, ...]:
        count = rng.binomial(clean_rows, self._options.dirty_share)
        return draw_dirty_lines(kinds, count, day, self._options.customers, self._assortment.list_price, rng)

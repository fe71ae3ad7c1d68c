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
from cis_assets.sources.sample.archetypes import Ints
from cis_assets.sources.sample.assortment import assortment
from cis_assets.sources.sample.baskets import Shopping
from cis_assets.sources.sample.cadence import draw_order_keys, read_order_keys
from cis_assets.sources.sample.customers import Customers, draw_customer_snapshot
from cis_assets.sources.sample.dirt import DIRTY_ORDER_ITEMS, DIRTY_ORDERS, draw_dirty_lines
from cis_assets.sources.sample.options import SampleOptions
from cis_assets.sources.sample.prices import Offers, Prices
from cis_assets.sources.sample.seasons import Seasons
from cis_assets.sources.sample.tastes import Tastes
from cis_assets.sources.source import LandedDay

# The purposes that have a random stream of their own, from 1. A new one comes last, or all rows change.
_Stream = IntEnum("_Stream", "CUSTOMERS CADENCE CLOCK FAVOURITES OFFERS PRICES LINES DIRT DIMENSIONS")


class SampleSource:
    """Landing rows of the sample shop; implements `LandingSource`.

    Order ids count from 1 in order of date and hour. Every date of the window is yielded, oldest first, also one
    on which nobody ordered. What the customers are like is worked out on first use and kept.
    """

    name = "sample"

    def __init__(self, options: SampleOptions) -> None:
        self._options = options
        self._assortment = assortment()
        self._seasons = Seasons(self._assortment)

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
        tastes = Tastes(self.customers, self._assortment, self._rng(_Stream.FAVOURITES))
        shopping = Shopping(self.customers, tastes, self._assortment)
        prices = Prices(self._assortment.list_price, self._rng(_Stream.PRICES))
        first_order_id = 1
        cadence, clock = self._rng(_Stream.CADENCE), self._rng(_Stream.CLOCK)
        for day, keys in enumerate(draw_order_keys(self._options, self.customers, cadence, clock)):
            yield self._landed_day(day, keys, first_order_id, shopping, prices)
            first_order_id += keys.size

    @cached_property
    def customers(self) -> Customers:
        """What the customers are like: the truth behind the rows, which never lands."""
        return Customers(self._options, self._rng(_Stream.CUSTOMERS))

    @cached_property
    def _offers(self) -> Offers:
        return Offers(self._options, self._assortment, self._rng(_Stream.OFFERS))

    def _rng(self, stream: _Stream, *place: int) -> Generator:
        return np.random.default_rng(np.random.SeedSequence(self._options.seed, spawn_key=(stream, *place)))

    def _landed_day(self, day: int, keys: Ints, first_order_id: int, shopping: Shopping, prices: Prices) -> LandedDay:
        order_ids = first_order_id + np.arange(keys.size, dtype=np.int64)
        customer, hour, second = read_order_keys(keys)
        orders = pl.DataFrame(
            {"order_id": order_ids, "customer_id": customer + 1, "order_hour": hour},
            schema={name: ORDERS.columns[name] for name in ORDERS.required},
        )
        percent_off = self._offers.percent_by_product(day, self._assortment.list_price.size)
        order_date = self._options.first_date + timedelta(days=day)
        pull = (1 + percent_off / 30) * self._seasons.pull(order_date)
        order, product, position, quantity = shopping.fill_baskets(
            day, customer, second, pull.astype(np.float32), self._rng(_Stream.LINES, day)
        )
        order_items = pl.DataFrame(
            {
                "order_id": order_ids[order],
                "product_id": product.astype(np.int64) + 1,
                "add_to_cart_order": position.astype(np.int32),
                "quantity": quantity.astype(np.int32),
                "unit_price": prices.unit_prices(day, percent_off)[product],
            },
            schema=ORDER_ITEMS.columns,
        )
        dirt = self._rng(_Stream.DIRT, day)
        return LandedDay(
            order_date=order_date,
            orders=orders,
            order_items=order_items,
            dirty_orders=self._dirty_lines(DIRTY_ORDERS, orders.height, day, dirt),
            dirty_order_items=self._dirty_lines(DIRTY_ORDER_ITEMS, order_items.height, day, dirt),
        )

    def _dirty_lines(self, kinds: tuple[str, ...], clean_rows: int, day: int, rng: Generator) -> tuple[str, ...]:
        count = rng.binomial(clean_rows, self._options.dirty_share)
        return draw_dirty_lines(kinds, count, day, self._options.customers, self._assortment.list_price, rng)

"""A sample shop: customers of six archetypes who buy an invented assortment with habits of their own.

Belongs here: who the customers are, when they order, what goes into their baskets, what is on offer, and the
dirty rows that a real landing folder would also hold. Does not belong here: the assortment itself
(`landing/assortment.py`), nor where the rows are written.

Everything follows from the options: each purpose (and each day) has a random stream of its own, derived from the
seed, so the same options always give the same rows, and no purpose disturbs another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import IntEnum
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.random import Generator
from numpy.typing import NDArray

from cis_assets.landing.assortment import DEPARTMENT_NAMES, Assortment, assortment
from cis_assets.landing.contract import CUSTOMERS, OFFERS, ORDER_ITEMS, ORDERS
from cis_assets.landing.source import LandedDay

_Ints = NDArray[np.integer[Any]]
_Floats = NDArray[np.floating[Any]]

FIRST_DIRTY_ID = 9_000_000_000
"""Dirty rows carry order ids from here on, clean rows ids far below."""


@dataclass(frozen=True)
class SampleOptions:
    """What to generate: `days` days of orders up to and including `end`, of `customers` customers.

    `dirty_share` is the number of dirty rows added per clean row. A wrong value raises ValueError.
    """

    end: date
    customers: int = 2000
    days: int = 180
    seed: int = 7
    dirty_share: float = 0.002

    def __post_init__(self) -> None:
        if not isinstance(self.end, date) or isinstance(self.end, datetime):
            raise ValueError(f"end must be a date such as 2025-06-30, not {self.end!r}.")
        if not date(1970, 1, 1) <= self.end <= date(2999, 12, 31):
            raise ValueError(f"end must be a date from 1970-01-01 to 2999-12-31, not {self.end}.")
        _refuse_other_than_whole("customers", self.customers, 1, 10_000_000)
        _refuse_other_than_whole("days", self.days, 1, 3660)
        _refuse_other_than_whole("seed", self.seed, 0, 2**63 - 1)
        if isinstance(self.dirty_share, bool) or not isinstance(self.dirty_share, int | float):
            raise ValueError(f"dirty_share must be a number from 0 to 0.5, not {self.dirty_share!r}.")
        if not 0 <= self.dirty_share <= 0.5:
            raise ValueError(f"dirty_share must be a number from 0 to 0.5, not {self.dirty_share}.")

    @property
    def first_date(self) -> date:
        return self.end - timedelta(days=self.days - 1)


def _refuse_other_than_whole(name: str, value: object, lowest: int, highest: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
        raise ValueError(f"{name} must be a whole number from {lowest} to {highest}, not {value!r}.")


@dataclass(frozen=True)
class Archetype:
    """How one kind of customer shops.

    Gaps between orders are in days: `gap_days` on average, `gap_spread` how much that average varies between
    customers (sigma of a log-normal), `gap_shape` how steady one customer is (shape of a gamma; higher is
    steadier). `weekly` customers come every week or skip one, with no drift. `weekday_habit` is the share of orders
    that land on the customer's own weekday, drawn by `weekdays` (Monday first). `dayparts` weighs the _DAYPARTS.
    `basket_lines` is the mean number of lines, `novelty` the share of lines outside the favourites, and
    `multiples` the share of lines with a quantity above 1.
    """

    name: str
    share: float
    gap_days: float
    gap_spread: float
    gap_shape: float
    weekday_habit: float
    weekdays: tuple[float, ...]
    dayparts: tuple[float, ...]
    basket_lines: float
    novelty: float
    multiples: float
    weekly: bool = False


_ANY_DAY = (0.15, 0.13, 0.13, 0.13, 0.14, 0.16, 0.16)
_WEEKENDS = (0.15, 0.09, 0.09, 0.10, 0.14, 0.20, 0.23)
_ALL_ORDERS = (0.15, 0.12, 0.12, 0.12, 0.14, 0.17, 0.18)

# Mean and standard deviation of the hour: early risers, late mornings, afternoons, evenings after work.
_DAYPARTS = ((7.8, 1.2), (10.4, 1.5), (14.2, 1.8), (18.8, 1.5))
_EVENING = 3

ARCHETYPES = (
    Archetype(
        "weekly stock-up",
        share=0.19,
        gap_days=7.0,
        gap_spread=0.0,
        gap_shape=1.0,
        weekday_habit=0.88,
        weekdays=_WEEKENDS,
        dayparts=(0.15, 0.45, 0.28, 0.12),
        basket_lines=13.0,
        novelty=0.26,
        multiples=0.26,
        weekly=True,
    ),
    Archetype(
        "frequent top-up",
        share=0.11,
        gap_days=4.2,
        gap_spread=0.18,
        gap_shape=2.4,
        weekday_habit=0.08,
        weekdays=_ANY_DAY,
        dayparts=(0.18, 0.17, 0.25, 0.40),
        basket_lines=5.2,
        novelty=0.25,
        multiples=0.14,
    ),
    Archetype(
        "monthly bulk",
        share=0.18,
        gap_days=29.0,
        gap_spread=0.10,
        gap_shape=30.0,
        weekday_habit=0.65,
        weekdays=_WEEKENDS,
        dayparts=(0.10, 0.40, 0.40, 0.10),
        basket_lines=19.0,
        novelty=0.28,
        multiples=0.42,
    ),
    Archetype(
        "occasional",
        share=0.30,
        gap_days=23.0,
        gap_spread=0.30,
        gap_shape=1.4,
        weekday_habit=0.12,
        weekdays=_ANY_DAY,
        dayparts=(0.12, 0.28, 0.32, 0.28),
        basket_lines=7.5,
        novelty=0.42,
        multiples=0.18,
    ),
    Archetype(
        "lapsing",
        share=0.14,
        gap_days=9.5,
        gap_spread=0.25,
        gap_shape=4.0,
        weekday_habit=0.35,
        weekdays=_ANY_DAY,
        dayparts=(0.15, 0.28, 0.29, 0.28),
        basket_lines=8.5,
        novelty=0.31,
        multiples=0.18,
    ),
    Archetype(
        "new",
        share=0.08,
        gap_days=8.0,
        gap_spread=0.30,
        gap_shape=3.0,
        weekday_habit=0.30,
        weekdays=_ANY_DAY,
        dayparts=(0.12, 0.25, 0.28, 0.35),
        basket_lines=7.5,
        novelty=0.35,
        multiples=0.16,
    ),
)
_LAPSING = [archetype.name for archetype in ARCHETYPES].index("lapsing")
_NEW = [archetype.name for archetype in ARCHETYPES].index("new")

# The share of newcomers is that of a half-year window; in a longer one, fewer of all its customers are new at its end.
_NEWCOMERS_WINDOW = 180
_NEW_FOR_DAYS = 32

# Of the customers who join, some only try the shop, others stay; who was there before the window is loyal.
_TRIES_SHARE = 0.40
_TRY_DAYS = 45.0
_STAY_DAYS = 450.0
_LOYAL_DAYS = 1200.0
# The shop grows: the longer the window, the fewer of its customers were there before it began.
_GROWTH_DAYS = 420.0

# How many days before the end a decline begins (in a long window, many lapsed long ago), and what came before it.
_DECLINED_FROM, _DECLINED_TO = 35, 120
_DECLINED_TO_SHARE = 0.6
_BEFORE_DECLINE_DAYS = 110.0

_SECOND_ORDER_SHARE = 0.003
_LOOSE_WEEKDAY_SHARE = 0.35

_FEWEST_FAVOURITES = 12
_MOST_FAVOURITES = 30
_NO_PRODUCT = -1

# What only some households buy: department, share of households, share kept by the others.
_HOUSEHOLDS = (("pets", 0.24, 0.02), ("babies", 0.12, 0.02), ("alcohol", 0.25, 0.05), ("meat seafood", 0.85, 0.04))

_TIME_ZONES = {
    "America/New_York": 0.42,
    "America/Chicago": 0.27,
    "America/Los_Angeles": 0.20,
    "America/Denver": 0.07,
    "America/Phoenix": 0.04,
}
_CONSENT_SHARE = 0.72

_ON_OFFER_SHARE = 0.04
_PERCENTS_OFF = (5, 10, 15, 20, 25)
_OFFER_WEEKS = (1, 2)
_OFFER_REST_DAYS = 21
_OFFER_START_WEEKDAY = 2
_PRICE_REVIEW_DAYS = 91

_DIRTY_ORDERS = (
    "{id},{customer},noon",
    "{id},{customer}",
    "{id},{customer},{hour},app",
    "{id},{customer},25",
    "{id},,{hour}",
    "A-{id},{customer},{hour}",
)
_DIRTY_ORDER_ITEMS = (
    "{id},{product},first,1,{price}",
    "{id},{product},1",
    "{id},{product},1,1,{price},{price}",
    "{id},{unknown},1,1,{price}",
    "{id},,1,1,{price}",
    "{id},{product},1,0,{price}",
    "{id},{product},1,-2,{price}",
    "{id},{product},1,one,{price}",
    "{id},{product},1,1,free",
)

# Bits of an order's sort key, from the right: customer, second order of the day, hour, day.
_CUSTOMER_BITS = 32
_HOUR_SHIFT = 40
_DAY_SHIFT = 48


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


@dataclass(frozen=True)
class _Customers:
    """Per customer: archetype, habits and the days (0 = first day of the window) between which they shop.

    `decline_day` is when a lapsing customer's gaps begin to stretch by `stretch` per order.
    """

    archetype: _Ints
    weekday: _Ints
    daypart: _Ints
    gap_days: _Floats
    skip_week: _Floats
    basket_lines: _Floats
    novelty: _Floats
    first_day: _Floats
    last_day: _Floats
    decline_day: _Floats
    stretch: _Floats


@dataclass(frozen=True)
class _Tastes:
    """Per customer: the cumulated taste for departments, and the favourites, strongest first.

    `favourites` holds 0-based places in the assortment, _NO_PRODUCT behind the last one; `liking` its weight and
    `interval` the days after which it runs out; `last_bought` the day it was bought before the window.
    """

    departments: _Floats
    favourite_count: _Ints
    favourites: _Ints
    liking: _Floats
    interval: _Floats
    last_bought: _Ints


@dataclass(frozen=True)
class _Offers:
    """Offers by start: 0-based product, percent off, first and last day (0 = first day of the window)."""

    product: _Ints
    percent_off: _Ints
    starts: _Ints
    ends: _Ints

    def percent_by_product(self, day: int, products: int) -> _Floats:
        """Percent off each product on a day, 0 where it is not on offer."""
        live = (self.starts <= day) & (day <= self.ends)
        percent = np.zeros(products)
        percent[self.product[live]] = self.percent_off[live]
        return percent


class SampleSource:
    """Landing rows of the sample shop; implements `LandingSource`.

    Order ids count from 1 in order of date and hour. Every date of the window is yielded, oldest first, also one
    on which nobody ordered. What the customers are like is worked out on first use and kept.
    """

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
            "customers": self._customer_snapshot(),
            "offers": self._offer_snapshot(),
        }

    def days(self) -> Iterator[LandedDay]:
        tastes = self._tastes
        shopping = _Shopping(self._customers, tastes, self._assortment, tastes.last_bought.copy())
        keys = self._order_keys
        starts = np.searchsorted(keys, np.arange(self._options.days + 1, dtype=np.int64) << _DAY_SHIFT)
        for day in range(self._options.days):
            yield self._landed_day(day, keys[starts[day] : starts[day + 1]], int(starts[day]) + 1, shopping)

    def archetypes(self) -> pl.DataFrame:
        """What each customer is, by customer_id: the truth behind the rows, which never lands."""
        names = pl.Series(np.arange(len(ARCHETYPES)), dtype=pl.Int64)
        words = pl.Series([archetype.name for archetype in ARCHETYPES])
        archetype = pl.Series(self._customers.archetype, dtype=pl.Int64).replace_strict(names, words)
        return pl.DataFrame({"customer_id": np.arange(1, self._options.customers + 1), "archetype": archetype})

    @cached_property
    def _customers(self) -> _Customers:
        return _draw_customers(self._options, self._rng(_Stream.CUSTOMERS))

    @cached_property
    def _tastes(self) -> _Tastes:
        return _draw_tastes(self._customers, self._assortment, self._rng(_Stream.FAVOURITES))

    @cached_property
    def _order_keys(self) -> _Ints:
        return _draw_order_keys(self._options, self._customers, self._rng(_Stream.CADENCE), self._rng(_Stream.CLOCK))

    @cached_property
    def _offers(self) -> _Offers:
        return _draw_offers(self._options, self._assortment, self._rng(_Stream.OFFERS))

    @cached_property
    def _price_trend(self) -> tuple[_Ints, _Floats]:
        """Per product: the days since its last price review at the start, and the change at each review."""
        rng = self._rng(_Stream.PRICES)
        products = self._assortment.list_price.size
        return rng.integers(0, _PRICE_REVIEW_DAYS, products), rng.uniform(-0.012, 0.030, products)

    def _rng(self, stream: _Stream, *place: int) -> Generator:
        return np.random.default_rng(np.random.SeedSequence(self._options.seed, spawn_key=(stream, *place)))

    def _unit_prices(self, day: int, percent_off: _Floats) -> _Floats:
        since_review, change = self._price_trend
        regular = self._assortment.list_price * (1 + change) ** ((day + since_review) // _PRICE_REVIEW_DAYS)
        return np.round(np.round(regular, 2) * (1 - percent_off / 100), 2)

    def _landed_day(self, day: int, keys: _Ints, first_order_id: int, shopping: _Shopping) -> LandedDay:
        customer = (keys & ((1 << _CUSTOMER_BITS) - 1)).astype(np.int64)
        hour = (keys >> _HOUR_SHIFT) & 0xFF
        percent_off = self._offers.percent_by_product(day, self._assortment.list_price.size)
        order, product, position, quantity = shopping.fill_baskets(
            day, customer, _is_second(keys), percent_off, self._rng(_Stream.LINES, day)
        )
        order_ids = first_order_id + np.arange(customer.size, dtype=np.int64)
        orders = pl.DataFrame(
            {"order_id": order_ids, "customer_id": customer + 1, "order_hour": hour.astype(np.int32)},
            schema=ORDERS.columns,
        )
        order_items = pl.DataFrame(
            {
                "order_id": order_ids[order],
                "product_id": product.astype(np.int64) + 1,
                "add_to_cart_order": position.astype(np.int32),
                "quantity": quantity.astype(np.int32),
                "unit_price": self._unit_prices(day, percent_off)[product],
            },
            schema=ORDER_ITEMS.columns,
        )
        rng = self._rng(_Stream.DIRT, day)
        return LandedDay(
            order_date=self._options.first_date + timedelta(days=day),
            orders=orders,
            order_items=order_items,
            dirty_orders=self._dirty_lines(rng, _DIRTY_ORDERS, orders.height, day),
            dirty_order_items=self._dirty_lines(rng, _DIRTY_ORDER_ITEMS, order_items.height, day),
        )

    def _dirty_lines(self, rng: Generator, kinds: tuple[str, ...], clean_rows: int, day: int) -> tuple[str, ...]:
        products = self._assortment.list_price.size
        lines = []
        for place in range(rng.binomial(clean_rows, self._options.dirty_share)):
            product = int(rng.integers(0, products))
            lines.append(
                kinds[rng.integers(0, len(kinds))].format(
                    id=FIRST_DIRTY_ID + day * 1_000_000 + place,
                    customer=rng.integers(1, self._options.customers + 1),
                    hour=rng.integers(0, 24),
                    product=product + 1,
                    unknown=products + rng.integers(1, 1_000_000),
                    price=self._assortment.list_price[product],
                )
            )
        return tuple(lines)

    def _customer_snapshot(self) -> pl.DataFrame:
        rng = self._rng(_Stream.DIMENSIONS)
        count = self._options.customers
        zones = rng.choice(len(_TIME_ZONES), count, p=list(_TIME_ZONES.values()))
        return pl.DataFrame(
            {
                "customer_id": np.arange(1, count + 1),
                "push_consent": rng.random(count) < _CONSENT_SHARE,
                "time_zone": pl.Series(list(_TIME_ZONES)).gather(zones),
            },
            schema=CUSTOMERS.columns,
        )

    def _offer_snapshot(self) -> pl.DataFrame:
        first = self._options.first_date
        offers = self._offers
        return pl.DataFrame(
            {
                "offer_id": np.arange(1, offers.product.size + 1),
                "product_id": offers.product + 1,
                "percent_off": offers.percent_off,
                "starts_on": [first + timedelta(days=int(day)) for day in offers.starts],
                "ends_on": [first + timedelta(days=int(day)) for day in offers.ends],
            },
            schema=OFFERS.columns,
        )


# --- who the customers are -------------------------------------------------------------------------------------


def _per_customer(archetype: _Ints, field: str) -> _Floats:
    return np.array([getattr(each, field) for each in ARCHETYPES], dtype=np.float32)[archetype]


def _archetype_shares(days: int) -> _Floats:
    shares = np.array([each.share for each in ARCHETYPES])
    shares[_NEW] *= min(1.0, _NEWCOMERS_WINDOW / days)
    return shares / shares.sum()


def _draw_customers(options: SampleOptions, rng: Generator) -> _Customers:
    count = options.customers
    # Quotas instead of free draws, so that a small sample has all archetypes too.
    quotas = np.cumsum(_archetype_shares(options.days)) * count
    archetype = np.searchsorted(quotas, rng.permutation(count) + 0.5).clip(0, len(ARCHETYPES) - 1).astype(np.int8)
    weekday, daypart = np.zeros(count, np.int8), np.zeros(count, np.int8)
    for place, each in enumerate(ARCHETYPES):
        here = np.flatnonzero(archetype == place)
        weekday[here] = rng.choice(7, here.size, p=each.weekdays)
        daypart[here] = rng.choice(len(_DAYPARTS), here.size, p=each.dayparts)
    spread = _per_customer(archetype, "gap_spread")
    gap_days = _per_customer(archetype, "gap_days") * np.exp(spread * rng.standard_normal(count, np.float32))
    novelty = _per_customer(archetype, "novelty")
    first_day, last_day, decline_day = _draw_lives(options, archetype, gap_days, rng)
    return _Customers(
        archetype=archetype,
        weekday=weekday,
        daypart=daypart,
        gap_days=gap_days,
        skip_week=rng.uniform(0.04, 0.20, count).astype(np.float32),
        basket_lines=_per_customer(archetype, "basket_lines") * np.exp(0.22 * rng.standard_normal(count, np.float32)),
        novelty=rng.beta(14 * novelty, 14 * (1 - novelty)).astype(np.float32),
        first_day=_align_weekly(options, archetype, weekday, first_day),
        last_day=last_day,
        decline_day=decline_day,
        stretch=np.where(archetype == _LAPSING, rng.uniform(1.25, 1.7, count), 1.0).astype(np.float32),
    )


def _draw_lives(
    options: SampleOptions, archetype: _Ints, gap_days: _Floats, rng: Generator
) -> tuple[_Floats, _Floats, _Floats]:
    """First, last and decline day of each customer; days before 0 and after the window are cut off later."""
    count, days = options.customers, options.days
    after = days + 7
    before = -rng.random(count) * gap_days
    loyal = rng.random(count) < np.exp(-((days / _GROWTH_DAYS) ** 2))
    tries = rng.random(count) < _TRIES_SHARE
    first = np.where(loyal, before, rng.uniform(0, max(1, days - _NEW_FOR_DAYS), count))
    stay = np.where(loyal, _LOYAL_DAYS, np.where(tries, _TRY_DAYS, _STAY_DAYS))
    last = first + stay * rng.standard_exponential(count)

    new = archetype == _NEW
    first = np.where(new, days - 1 - rng.uniform(0, min(_NEW_FOR_DAYS, days), count), first)
    last = np.where(new, after, last)

    lapsing = archetype == _LAPSING
    declined = rng.uniform(_DECLINED_FROM, max(_DECLINED_TO, _DECLINED_TO_SHARE * days), count)
    decline = np.where(lapsing, days - declined * min(1.0, days / _DECLINED_TO), after)
    known = 30 + _BEFORE_DECLINE_DAYS * rng.standard_exponential(count)
    first = np.where(lapsing, np.maximum(decline - known, before), first)
    stops = rng.random(count) < 0.5
    last = np.where(lapsing, np.where(stops, decline + 14 * rng.random(count), after), last)
    return first.astype(np.float32), last.astype(np.float32), decline.astype(np.float32)


def _align_weekly(options: SampleOptions, archetype: _Ints, weekday: _Ints, first_day: _Floats) -> _Floats:
    """Move the first day of weekly customers forward to their own weekday."""
    day = np.floor(first_day)
    ahead = (weekday - day - options.first_date.weekday()) % 7
    return np.where(_per_customer(archetype, "weekly") > 0, day + ahead, first_day).astype(np.float32)


# --- when they order -------------------------------------------------------------------------------------------


def _draw_order_keys(options: SampleOptions, customers: _Customers, cadence: Generator, clock: Generator) -> _Ints:
    """All orders as sort keys (day, hour, second of its day, customer), in the order in which they are landed."""
    customer, moment = _draw_moments(options, customers, cadence)
    day = _draw_weekdays(options, customers, customer, moment, cadence)
    inside = (day >= 0) & (day < options.days)
    once = np.unique((day[inside].astype(np.int64) << _CUSTOMER_BITS) | customer[inside])
    day, customer = once >> _CUSTOMER_BITS, once & ((1 << _CUSTOMER_BITS) - 1)
    hour = _draw_hours(options, customers, customer, day, clock)
    keys = (day << _DAY_SHIFT) | (hour << _HOUR_SHIFT) | customer
    again = np.flatnonzero(clock.random(keys.size) < _SECOND_ORDER_SHARE)
    later = np.minimum(23, hour[again] + clock.integers(1, 6, again.size))
    second = (day[again] << _DAY_SHIFT) | (later << _HOUR_SHIFT) | (1 << _CUSTOMER_BITS) | customer[again]
    return np.sort(np.concatenate([keys, second]))


def _is_second(keys: _Ints) -> NDArray[np.bool_]:
    return ((keys >> _CUSTOMER_BITS) & 1).astype(np.bool_)


def _draw_moments(options: SampleOptions, customers: _Customers, rng: Generator) -> tuple[_Ints, _Floats]:
    """Customer and moment (day with fraction) of each order, before habits pull it to a weekday."""
    weekly = _per_customer(customers.archetype, "weekly") > 0
    shape = _per_customer(customers.archetype, "gap_shape")
    # A few days more than the window, since habits pull orders across its end.
    until = np.minimum(customers.last_day, options.days + 4)
    who = np.flatnonzero(customers.first_day <= until).astype(np.int32)
    moment = customers.first_day[who]
    slowing = np.ones(who.size, np.float32)
    found_who, found_moment = [], []
    while who.size:
        found_who.append(who)
        found_moment.append(moment)
        gap = customers.gap_days[who] * rng.standard_gamma(shape[who], dtype=np.float32) / shape[who]
        weeks = rng.geometric(1 - customers.skip_week[who])
        gap = np.where(weekly[who], 7 * weeks, np.maximum(gap, 0.8)).astype(np.float32)
        slowing = np.where(moment >= customers.decline_day[who], slowing * customers.stretch[who], slowing)
        moment = moment + gap * slowing
        kept = moment <= until[who]
        who, moment, slowing = who[kept], moment[kept], slowing[kept]
    return np.concatenate(found_who or [who]), np.concatenate(found_moment or [moment])


def _draw_weekdays(
    options: SampleOptions, customers: _Customers, customer: _Ints, moment: _Floats, rng: Generator
) -> _Ints:
    """The day of each order: the customer's own weekday, one that all customers like, or where the gap fell."""
    day = np.floor(moment).astype(np.int32)
    chance = rng.random(day.size, np.float32)
    habit = _per_customer(customers.archetype, "weekday_habit")[customer]
    own = chance < habit
    loose = ~own & (chance < habit + (1 - habit) * _LOOSE_WEEKDAY_SHARE)
    liked = np.searchsorted(np.cumsum(_ALL_ORDERS), rng.random(day.size, np.float32)).clip(0, 6)
    target = np.where(own, customers.weekday[customer], liked)
    shift = (target - day - options.first_date.weekday() + 3) % 7 - 3
    weekly_off_habit = ~own & (_per_customer(customers.archetype, "weekly")[customer] > 0)
    return day + np.where(own | loose | weekly_off_habit, shift, 0).astype(np.int32)


def _draw_hours(options: SampleOptions, customers: _Customers, customer: _Ints, day: _Ints, rng: Generator) -> _Ints:
    """The hour of each order, from the customer's daypart; who shops after work comes earlier at weekends."""
    mean, deviation = (np.array(each, dtype=np.float32) for each in zip(*_DAYPARTS, strict=True))
    daypart = customers.daypart[customer]
    weekend = (day + options.first_date.weekday()) % 7 >= 5
    centre = np.where(weekend & (daypart == _EVENING), np.float32(13.0), mean[daypart])
    any_hour = rng.random(customer.size, np.float32) < 0.12
    noise = rng.standard_normal(customer.size, np.float32)
    hour = np.where(any_hour, 13.5 + 4.5 * noise, centre + deviation[daypart] * noise)
    return np.floor(hour + 0.5).clip(0, 23).astype(np.int64)


# --- what they like --------------------------------------------------------------------------------------------


def _draw_tastes(customers: _Customers, shelf: Assortment, rng: Generator) -> _Tastes:
    count = customers.archetype.size
    taste = _draw_department_tastes(count, shelf, rng)
    wanted = customers.basket_lines * 1.1 + 7 + 3 * rng.standard_normal(count, np.float32)
    favourite_count = np.round(wanted).clip(_FEWEST_FAVOURITES, _MOST_FAVOURITES).astype(np.int8)
    favourites = _draw_favourites(taste, favourite_count, shelf, rng)
    size = favourites.shape
    noise = rng.standard_normal(size, np.float32)
    liking = np.arange(2, _MOST_FAVOURITES + 2, dtype=np.float32) ** np.float32(-0.35) * np.exp(np.float32(0.4) * noise)
    noise = rng.standard_normal(size, np.float32)
    interval = shelf.rhythm_days.astype(np.float32)[favourites] * np.exp(np.float32(0.25) * noise)
    ago = rng.random(size, np.float32) * np.float32(1.3) * interval
    cumulated = np.cumsum(taste, axis=1)
    return _Tastes(
        departments=cumulated / cumulated[:, -1:],
        favourite_count=favourite_count,
        favourites=favourites,
        liking=liking,
        interval=interval,
        last_bought=np.round(np.maximum(customers.first_day, 0)[:, None] - ago).astype(np.int16),
    )


def _draw_department_tastes(count: int, shelf: Assortment, rng: Generator) -> _Floats:
    """Per customer and department, the share of the customer's lines; adds up to about 1 per customer."""
    share = np.bincount(shelf.department, shelf.popularity, len(DEPARTMENT_NAMES)).astype(np.float32)
    taste = rng.standard_gamma(np.float32(3.0), (count, share.size), dtype=np.float32) / np.float32(3.0) * share
    for department, households, rest in _HOUSEHOLDS:
        buys = rng.random(count, np.float32) < households
        strength = (1 - (1 - households) * rest) / households
        taste[:, DEPARTMENT_NAMES.index(department)] *= np.where(buys, np.float32(strength), np.float32(rest))
    return taste / taste.sum(axis=1, keepdims=True)


def _draw_favourites(taste: _Floats, favourite_count: _Ints, shelf: Assortment, rng: Generator) -> _Ints:
    """Draw favourites without replacement, weighted by taste for their department and popularity in it."""
    within = _popularity_within_department(shelf, 0.9)
    favourites = np.full((taste.shape[0], _MOST_FAVOURITES), _NO_PRODUCT, np.int16)
    # In chunks: the draw looks at every customer and product at once.
    for start in range(0, taste.shape[0], 4096):
        chunk = slice(start, start + 4096)
        weight = taste[chunk][:, shelf.department] * within
        # The smallest of exponentials divided by weights: a weighted draw without replacement.
        key = rng.standard_exponential(weight.shape, np.float32) / weight
        first = np.argpartition(key, _MOST_FAVOURITES, axis=1)[:, :_MOST_FAVOURITES]
        by_key = np.argsort(np.take_along_axis(key, first, axis=1), axis=1, kind="stable")
        favourites[chunk] = np.take_along_axis(first, by_key, axis=1)
    favourites[np.arange(_MOST_FAVOURITES) >= favourite_count[:, None]] = _NO_PRODUCT
    return favourites


def _popularity_within_department(shelf: Assortment, flatness: float) -> _Floats:
    """Per product, its share of its department; an exponent below 1 brings the slow sellers forward."""
    weight = shelf.popularity**flatness
    return (weight / np.bincount(shelf.department, weight)[shelf.department]).astype(np.float32)


# --- what goes into a basket -----------------------------------------------------------------------------------


class _Shopping:
    """Fills baskets day after day and remembers when each customer last bought each favourite."""

    def __init__(self, customers: _Customers, tastes: _Tastes, shelf: Assortment, last_bought: _Ints) -> None:
        self._customers = customers
        self._tastes = tastes
        self._last_bought = last_bought
        self._by_department = np.argsort(shelf.department, kind="stable")
        self._department = shelf.department[self._by_department]
        self._within = _popularity_within_department(shelf, 0.45)[self._by_department].astype(np.float64)
        self._multiples = _per_customer(customers.archetype, "multiples")

    def fill_baskets(
        self, day: int, customer: _Ints, second: NDArray[np.bool_], percent_off: _Floats, rng: Generator
    ) -> tuple[_Ints, _Ints, _Ints, _Ints]:
        """Lines of a day's orders, sorted: place of the order, 0-based product, position from 1, quantity."""
        pull = (1 + percent_off / 30).astype(np.float32)
        lines = []
        # Second orders afterwards, when the first ones have taken what was due.
        for orders in (np.flatnonzero(~second), np.flatnonzero(second)):
            order, product, urge = self._choose(day, customer[orders], pull, rng)
            lines.append((orders[order], product, urge))
        order, product, urge = (np.concatenate(part) for part in zip(*lines, strict=True))
        by_urge = np.lexsort((urge, order))
        order, product = order[by_urge], product[by_urge]
        return order, product, 1 + _rank_in_run(order), self._quantities(customer[order], rng)

    def _choose(self, day: int, customer: _Ints, pull: _Floats, rng: Generator) -> tuple[_Ints, _Ints, _Floats]:
        """Order, product and urge (small: early into the cart) of each line, for customers that differ."""
        size = self._basket_sizes(customer, rng)
        novel = rng.binomial(size, self._customers.novelty[customer])
        # One favourite at least, so that no basket can end up empty.
        wanted = np.clip(size - novel, 1, self._tastes.favourite_count[customer])
        favourites = self._tastes.favourites[customer]
        taken = self._due_favourites(day, customer, favourites, wanted, pull, rng)
        order, place = np.nonzero(taken)
        self._last_bought[customer[order], place] = day
        other_order, other = self._novelties(customer, favourites, np.maximum(size - wanted, 0), pull, rng)
        return (
            np.concatenate([order, other_order]),
            np.concatenate([favourites[order, place], other]),
            np.concatenate([rng.random(order.size, np.float32), 0.35 + rng.random(other.size, np.float32)]),
        )

    def _basket_sizes(self, customer: _Ints, rng: Generator) -> _Ints:
        mean = self._customers.basket_lines[customer] - 1
        return 1 + rng.poisson(mean * rng.standard_gamma(6.0, customer.size) / 6.0)

    def _due_favourites(
        self, day: int, customer: _Ints, favourites: _Ints, wanted: _Ints, pull: _Floats, rng: Generator
    ) -> NDArray[np.bool_]:
        """Which favourites are bought: `wanted` per order, the likelier the more of its interval has passed."""
        passed = (day - self._last_bought[customer]) / self._tastes.interval[customer]
        steep = np.square(np.square(passed))
        due = np.float32(0.01) + steep / (steep + np.float32(0.5))
        weight = self._tastes.liking[customer] * due * pull[favourites]
        key = rng.standard_exponential(weight.shape, np.float32) / weight
        key[favourites == _NO_PRODUCT] = np.inf
        last = np.take_along_axis(np.sort(key, axis=1), wanted[:, None] - 1, axis=1)
        return key <= last

    def _novelties(
        self, customer: _Ints, favourites: _Ints, wanted: _Ints, pull: _Floats, rng: Generator
    ) -> tuple[_Ints, _Ints]:
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

    def _product_of(self, department: _Ints, pull: _Floats, chance: _Floats) -> _Ints:
        """Place in `_by_department` that a chance from 0 to 1 falls on within each given department."""
        weight = self._within * pull[self._by_department]
        share = weight / np.bincount(self._department, weight)[self._department]
        place = np.searchsorted(np.cumsum(share), department + chance, side="right")
        # Rounding may carry a chance near 0 or 1 over the department's edge.
        first = np.searchsorted(self._department, department)
        return place.clip(first, np.searchsorted(self._department, department, side="right") - 1)

    def _quantities(self, customer: _Ints, rng: Generator) -> _Ints:
        chance = rng.random(customer.size, np.float32) / self._multiples[customer]
        return 1 + (chance < 1).astype(np.int32) + (chance < 0.3) + (chance < 0.06)


def _rank_in_run(sorted_values: _Ints) -> _Ints:
    """0, 1, 2 … within each run of equal values."""
    places = np.arange(sorted_values.size)
    starts = np.flatnonzero(np.diff(sorted_values, prepend=-1))
    return places - np.repeat(starts, np.diff(starts, append=sorted_values.size))


# --- what is on offer ------------------------------------------------------------------------------------------


def _draw_offers(options: SampleOptions, shelf: Assortment, rng: Generator) -> _Offers:
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
    return _Offers(*(np.concatenate(part) for part in zip(*flights, strict=True)))

"""When customers order: days, weekdays and hours.

Belongs here: the moments of orders, as sort keys that hold day, hour and customer. Does not belong here: who the
customers are (`customers.py`) and what is in their baskets (`baskets.py`).
"""

import numpy as np
from numpy.random import Generator

from cis_assets.sources.sample.archetypes import DAYPARTS, EVENING, Flags, Floats, Ints, per_customer
from cis_assets.sources.sample.customers import Customers
from cis_assets.sources.sample.options import SampleOptions
from cis_assets.sources.sample.seasons import gap_factors

# What weekdays all customers together like (Monday first), for orders that follow no habit.
_ALL_ORDERS = (0.15, 0.12, 0.12, 0.12, 0.14, 0.17, 0.18)
_SECOND_ORDER_SHARE = 0.003
_LOOSE_WEEKDAY_SHARE = 0.35
# Orders at an hour that has nothing to do with the customer's daypart. Real customers place a fifth to a quarter of their
# orders in their most usual hour.
_ANY_HOUR_SHARE = 0.22

# Customers are away now and then, on holiday or ill: days between two pauses on average; how long one is at least, and
# how much longer on average. The gaps of a real customer vary by 0.6 to 1.0 of their mean.
_PAUSED_AFTER_DAYS = np.float32(150.0)
_SHORTEST_PAUSE, _PAUSE_DAYS = np.float32(7.0), np.float32(11.0)

# Bits of an order's sort key, from the right: customer, second order of the day, hour, day.
_CUSTOMER_BITS = 32
_HOUR_SHIFT = 40
_DAY_SHIFT = 48


def draw_order_keys(options: SampleOptions, customers: Customers, cadence: Generator, clock: Generator) -> list[Ints]:
    """The orders of each day as sort keys (day, hour, second of its day, customer), in the order in which they land."""
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
    keys = np.sort(np.concatenate([keys, second]))
    return np.split(keys, np.searchsorted(keys, np.arange(1, options.days, dtype=np.int64) << _DAY_SHIFT))


def read_order_keys(keys: Ints) -> tuple[Ints, Ints, Flags]:
    """The 0-based customer and the hour of each order, and whether it is the customer's second of the day."""
    customer = (keys & ((1 << _CUSTOMER_BITS) - 1)).astype(np.int64)
    return customer, ((keys >> _HOUR_SHIFT) & 0xFF).astype(np.int32), ((keys >> _CUSTOMER_BITS) & 1).astype(np.bool_)


def _draw_moments(options: SampleOptions, customers: Customers, rng: Generator) -> tuple[Ints, Floats]:
    """Customer and moment (day with fraction) of each order, before habits pull it to a weekday."""
    weekly = per_customer(customers.archetype, "weekly") > 0
    shape = per_customer(customers.archetype, "gap_shape")
    # A few days more than the window, since habits pull orders across its end.
    until = np.minimum(customers.last_day, options.days + 4)
    who = np.flatnonzero(customers.first_day <= until).astype(np.int32)
    moment = customers.first_day[who]
    slowing = np.ones(who.size, np.float32)
    season = gap_factors(options.first_date, options.days + 5).astype(np.float32)
    found_who, found_moment = [], []
    while who.size:
        found_who.append(who)
        found_moment.append(moment)
        gap = customers.gap_days[who] * rng.standard_gamma(shape[who], dtype=np.float32) / shape[who]
        weeks = rng.geometric(1 - customers.skip_week[who])
        gap *= season[np.maximum(moment, 0).astype(np.int32)]
        gap = np.where(weekly[who], 7 * weeks, np.maximum(gap, 0.8)).astype(np.float32)
        pause = _draw_pauses(gap, rng)
        # Weekly customers come back on their weekday.
        gap += np.where(weekly[who], 7 * np.round(pause / 7), pause)
        slowing = np.where(moment >= customers.decline_day[who], slowing * customers.stretch[who], slowing)
        moment = moment + gap * slowing
        kept = moment <= until[who]
        who, moment, slowing = who[kept], moment[kept], slowing[kept]
    return np.concatenate(found_who or [who]), np.concatenate(found_moment or [moment])


def _draw_pauses(gap: Floats, rng: Generator) -> Floats:
    """How many days each gap grows by, because the customer is away: mostly 0."""
    begins = rng.random(gap.size, np.float32) < 1 - np.exp(-gap / _PAUSED_AFTER_DAYS)
    return begins * (_SHORTEST_PAUSE + _PAUSE_DAYS * rng.standard_exponential(gap.size, np.float32))


def _draw_weekdays(
    options: SampleOptions, customers: Customers, customer: Ints, moment: Floats, rng: Generator
) -> Ints:
    """The day of each order: the customer's own weekday, one that all customers like, or where the gap fell."""
    day = np.floor(moment).astype(np.int32)
    chance = rng.random(day.size, np.float32)
    habit = per_customer(customers.archetype, "weekday_habit")[customer]
    own = chance < habit
    loose = ~own & (chance < habit + (1 - habit) * _LOOSE_WEEKDAY_SHARE)
    liked = np.searchsorted(np.cumsum(_ALL_ORDERS), rng.random(day.size, np.float32)).clip(0, 6)
    target = np.where(own, customers.weekday[customer], liked)
    shift = (target - day - options.first_date.weekday() + 3) % 7 - 3
    weekly_off_habit = ~own & (per_customer(customers.archetype, "weekly")[customer] > 0)
    return day + np.where(own | loose | weekly_off_habit, shift, 0).astype(np.int32)


def _draw_hours(options: SampleOptions, customers: Customers, customer: Ints, day: Ints, rng: Generator) -> Ints:
    """The hour of each order, from the customer's daypart; who shops after work comes earlier at weekends."""
    mean, deviation = (np.array(each, dtype=np.float32) for each in zip(*DAYPARTS, strict=True))
    daypart = customers.daypart[customer]
    weekend = (day + options.first_date.weekday()) % 7 >= 5
    centre = np.where(weekend & (daypart == EVENING), np.float32(13.0), mean[daypart])
    any_hour = rng.random(customer.size, np.float32) < _ANY_HOUR_SHARE
    noise = rng.standard_normal(customer.size, np.float32)
    hour = np.where(any_hour, 13.5 + 4.5 * noise, centre + deviation[daypart] * noise)
    return np.floor(hour + 0.5).clip(0, 23).astype(np.int64)

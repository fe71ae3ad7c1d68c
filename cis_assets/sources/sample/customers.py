"""Who the customers are: the habits and the days of each single one, drawn from their archetype.

Belongs here: what stays the same of a customer over the window. Does not belong here: when they order
(`cadence.py`) and what they like (`tastes.py`).
"""

import numpy as np
import polars as pl
from numpy.random import Generator

from cis_assets.landing.contract import CUSTOMERS
from cis_assets.sources.sample.archetypes import ARCHETYPES, DAYPARTS, LAPSING, NEW, Floats, Ints, per_customer
from cis_assets.sources.sample.options import SampleOptions

# The share of newcomers is that of a half-year window; in a longer one, fewer of all its customers are new at its end.
_NEWCOMERS_WINDOW = 180
_NEW_FOR_DAYS = 32

# Of the customers who join, some only try the shop. The others stay: of The Complete Journey's households, nine in
# ten ordered in the last 60 days.
_TRIES_SHARE = 0.04
_TRY_DAYS = 45.0
_STAY_DAYS = 6000.0
# The shop grows: most customers joined in the months before the end, however long the window is. So customers of two
# years have as many orders as those of the Instacart release.
_JOINED_DAYS_AGO = 135.0

# How many days before the end a decline begins (in a long window, many lapsed long ago), and what came before it.
_DECLINED_FROM, _DECLINED_TO = 35, 120
_DECLINED_TO_SHARE = 0.25
_BEFORE_DECLINE_DAYS = 110.0
# Of those who decline, some stop at once.
_STOPS_SHARE = 0.25

# How much the usual baskets of customers of one archetype differ: sigma of a log-normal.
_BASKET_SPREAD = 0.16
# The share of weeks that weekly customers skip, from the steadiest to the least steady.
_SKIPPED_WEEKS = (0.05, 0.40)

_TIME_ZONES = {
    "America/New_York": 0.42,
    "America/Chicago": 0.27,
    "America/Los_Angeles": 0.20,
    "America/Denver": 0.07,
    "America/Phoenix": 0.04,
}
_CONSENT_SHARE = 0.72


class Customers:
    """Per customer: archetype, habits and the days (0 = first day of the window) between which they shop.

    `decline_day` is when a lapsing customer's gaps begin to stretch by `stretch` per order.
    """

    def __init__(self, options: SampleOptions, rng: Generator) -> None:
        count = options.customers
        shares = np.array([each.share for each in ARCHETYPES])
        shares[NEW] *= min(1.0, _NEWCOMERS_WINDOW / options.days)
        # Quotas instead of free draws, so that a small sample has all archetypes too.
        quotas = np.cumsum(shares / shares.sum()) * count
        archetype = np.searchsorted(quotas, rng.permutation(count) + 0.5).clip(0, len(ARCHETYPES) - 1).astype(np.int8)
        self.archetype = archetype
        self.weekday, self.daypart = np.zeros(count, np.int8), np.zeros(count, np.int8)
        for place, each in enumerate(ARCHETYPES):
            here = np.flatnonzero(archetype == place)
            self.weekday[here] = rng.choice(7, here.size, p=each.weekdays)
            self.daypart[here] = rng.choice(len(DAYPARTS), here.size, p=each.dayparts)
        spread = per_customer(archetype, "gap_spread")
        self.gap_days = per_customer(archetype, "gap_days") * np.exp(spread * rng.standard_normal(count, np.float32))
        first_day, self.last_day, self.decline_day = _draw_lives(options, archetype, self.gap_days, rng)
        # The first day of weekly customers moves forward to their own weekday.
        day = np.floor(first_day)
        ahead = (self.weekday - day - options.first_date.weekday()) % 7
        self.first_day = np.where(per_customer(archetype, "weekly") > 0, day + ahead, first_day).astype(np.float32)
        self.skip_week = rng.uniform(*_SKIPPED_WEEKS, count).astype(np.float32)
        lines = per_customer(archetype, "basket_lines")
        self.basket_lines = lines * np.exp(_BASKET_SPREAD * rng.standard_normal(count, np.float32))
        novelty = per_customer(archetype, "novelty")
        self.novelty = rng.beta(14 * novelty, 14 * (1 - novelty)).astype(np.float32)
        self.stretch = np.where(archetype == LAPSING, rng.uniform(1.35, 1.8, count), 1.0).astype(np.float32)


def _draw_lives(
    options: SampleOptions, archetype: Ints, gap_days: Floats, rng: Generator
) -> tuple[Floats, Floats, Floats]:
    """First, last and decline day of each customer; days before 0 and after the window are cut off later."""
    count, days = options.customers, options.days
    after = days + 7
    before = -rng.random(count) * gap_days
    joined = days - _NEW_FOR_DAYS - _JOINED_DAYS_AGO * rng.standard_exponential(count)
    first = np.where(joined < 0, before, joined)
    tries = (joined >= 0) & (rng.random(count) < _TRIES_SHARE)
    last = first + np.where(tries, _TRY_DAYS, _STAY_DAYS) * rng.standard_exponential(count)

    new = archetype == NEW
    first = np.where(new, days - 1 - rng.uniform(0, min(_NEW_FOR_DAYS, days), count), first)
    last = np.where(new, after, last)

    lapsing = archetype == LAPSING
    declined = rng.uniform(_DECLINED_FROM, max(_DECLINED_TO, _DECLINED_TO_SHARE * days), count)
    decline = np.where(lapsing, days - declined * min(1.0, days / _DECLINED_TO), after)
    known = 30 + _BEFORE_DECLINE_DAYS * rng.standard_exponential(count)
    first = np.where(lapsing, np.maximum(decline - known, before), first)
    stops = rng.random(count) < _STOPS_SHARE
    last = np.where(lapsing, np.where(stops, decline + 14 * rng.random(count), after), last)
    return first.astype(np.float32), last.astype(np.float32), decline.astype(np.float32)


def draw_customer_snapshot(customers: int, rng: Generator) -> pl.DataFrame:
    """What the shop knows of its customers: consent and time zone."""
    zones = rng.choice(len(_TIME_ZONES), customers, p=list(_TIME_ZONES.values()))
    return pl.DataFrame(
        {
            "customer_id": np.arange(1, customers + 1),
            "push_consent": rng.random(customers) < _CONSENT_SHARE,
            "time_zone": pl.Series(list(_TIME_ZONES)).gather(zones),
        },
        schema={name: CUSTOMERS.columns[name] for name in CUSTOMERS.required},
    )

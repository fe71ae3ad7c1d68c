"""The archetypes of customers: how each kind shops, as numbers that can be read and compared.

Belongs here: what customers of one kind have in common. Does not belong here: what a single customer is like
(`customers.py`).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.integer[Any]]
Floats = NDArray[np.floating[Any]]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Archetype:
    """How one kind of customer shops.

    The kinds differ in usual gap and usual basket by more than one customer's orders vary, so that segments can find them.
    Gaps between orders are in days: `gap_days` on average, `gap_spread` how much that average varies between
    customers (sigma of a log-normal), `gap_shape` how steady one customer is (shape of a gamma; higher is
    steadier). `weekly` customers come every week or skip some, with no drift. `weekday_habit` is the share of orders
    that land on the customer's own weekday, drawn by `weekdays` (Monday first). `dayparts` weighs the DAYPARTS.
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

# Mean and standard deviation of the hour: early risers, late mornings, afternoons, evenings after work.
DAYPARTS = ((7.8, 1.2), (10.4, 1.5), (14.2, 1.8), (18.8, 1.5))
EVENING = 3


ARCHETYPES = (
    Archetype(
        "weekly stock-up",
        share=0.18,
        gap_days=7.0,
        gap_spread=0.0,
        gap_shape=1.0,
        weekday_habit=0.82,
        weekdays=_WEEKENDS,
        dayparts=(0.15, 0.45, 0.28, 0.12),
        basket_lines=15.5,
        novelty=0.26,
        multiples=0.26,
        weekly=True,
    ),
    Archetype(
        "frequent top-up",
        share=0.17,
        gap_days=3.6,
        gap_spread=0.15,
        gap_shape=1.3,
        weekday_habit=0.08,
        weekdays=_ANY_DAY,
        dayparts=(0.18, 0.17, 0.25, 0.40),
        basket_lines=6.5,
        novelty=0.25,
        multiples=0.14,
    ),
    Archetype(
        "monthly bulk",
        share=0.18,
        gap_days=26.0,
        gap_spread=0.15,
        gap_shape=6.0,
        weekday_habit=0.65,
        weekdays=_WEEKENDS,
        dayparts=(0.10, 0.40, 0.40, 0.10),
        basket_lines=25.0,
        novelty=0.28,
        multiples=0.42,
    ),
    Archetype(
        "occasional",
        share=0.29,
        gap_days=18.0,
        gap_spread=0.15,
        gap_shape=1.3,
        weekday_habit=0.12,
        weekdays=_ANY_DAY,
        dayparts=(0.12, 0.28, 0.32, 0.28),
        basket_lines=7.5,
        novelty=0.42,
        multiples=0.18,
    ),
    Archetype(
        "lapsing",
        share=0.13,
        gap_days=8.5,
        gap_spread=0.20,
        gap_shape=1.5,
        weekday_habit=0.35,
        weekdays=_ANY_DAY,
        dayparts=(0.15, 0.28, 0.29, 0.28),
        basket_lines=2.5,
        novelty=0.31,
        multiples=0.18,
    ),
    Archetype(
        "new",
        share=0.05,
        gap_days=6.0,
        gap_spread=0.2,
        gap_shape=1.5,
        weekday_habit=0.30,
        weekdays=_ANY_DAY,
        dayparts=(0.12, 0.25, 0.28, 0.35),
        basket_lines=12.0,
        novelty=0.35,
        multiples=0.16,
    ),
)
LAPSING, NEW = ([each.name for each in ARCHETYPES].index(name) for name in ("lapsing", "new"))


def per_customer(archetype: Ints, field: str) -> Floats:
    return np.array([getattr(each, field) for each in ARCHETYPES], dtype=np.float32)[archetype]

"""The habits of customers: how often and how much they buy, as values that change only for a reason.

The mean gap and basket of a year hardly notice new habits; those of a month swing by chance. So a habit is the mean since
the habit began. It begins anew when the orders of the last 28 days contradict the orders before them. Where a customer
is in the cycle between two orders does not matter.

Each value depends on the orders of one customer up to the day, so neither other customers nor the order of runs matter.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

import narwhals as nw
import numpy as np
import polars as pl

from cis_assets.catalog import AS_OF_DATE
from cis_assets.catalog.gold import CUSTOMER_HABITS
from cis_assets.dates import DAYS_AT_ONCE, day_number
from cis_assets.segmentation.order_windows import customer_bounds, customer_groups

HABITS = ("gap_days", "basket_size")
"""The two habits, in the order of every array below."""
FEWEST_ORDERS = 4
"""Customers with fewer orders have no habit yet."""

# Following a customer takes about 300 bytes per order.
_ORDERS_PER_CHUNK = 1_000_000
_RECENT_DAYS = 28
_RECENT_ORDERS = 3
# A squared distance: about one customer in a hundred exceeds it by chance in 28 days.
_CONTRADICTION = 7.0
# A habit keeps its value until the mean is this far away (natural logarithm: a factor of 1.42).
_TOLERANCE = 0.35
_LONGEST_GAP = 60
_LEAST = np.array([0.5, 1.0])
# The relative variance of single gaps and baskets: that of the customer, blended with so many orders of an average one.
_PRIOR_VARIANCE, _PRIOR_ORDERS, _MOST_VARIANCE = 0.49, 3, 4.0
# Means of a month differ by this variance even for customers whose habits are the same.
_DRIFT_VARIANCE = 0.03


@dataclass(frozen=True)
class _Orders:
    """Orders by customer and time, with running sums for each habit: `sums[habit][place]` covers the orders before it."""

    customer: np.ndarray
    day: np.ndarray
    first: np.ndarray
    count: np.ndarray
    numbers: tuple[np.ndarray, np.ndarray]
    sums: tuple[np.ndarray, np.ndarray]
    squares: tuple[np.ndarray, np.ndarray]

    @classmethod
    def read(cls, rows: pl.DataFrame) -> _Orders:
        rows = rows.sort("customer_id", "day_number", "order_of_day")
        customer, day = rows["customer_id"].to_numpy(), rows["day_number"].to_numpy().astype(np.int64)
        starts = np.flatnonzero(np.diff(customer, prepend=customer[0] - 1 if len(customer) else 0))
        is_first = np.zeros(len(customer), dtype=bool)
        is_first[starts] = True
        gap = np.where(is_first, 0, np.minimum(np.diff(day, prepend=0), _LONGEST_GAP))
        basket = rows["item_count"].to_numpy().astype(np.int64)
        # Whole numbers, so a sum does not depend on the customers before it.
        return cls(
            customer=customer[starts],
            day=day,
            first=starts,
            count=np.diff(np.append(starts, len(customer))),
            numbers=(_running(~is_first), np.arange(len(customer) + 1)),
            sums=(_running(gap), _running(basket)),
            squares=(_running(gap**2), _running(basket**2)),
        )

    def first_after(self, owner: np.ndarray, days: int) -> np.ndarray:
        """For each order, the place of the first order of its customer less than `days` days before it."""
        span = np.int64(1) << 32
        key = owner * span + self.day
        return np.maximum(np.searchsorted(key, key - days, side="right"), self.first[owner])


def customer_habits(orders: nw.LazyFrame, days: Sequence[date], history_days: int) -> pl.DataFrame:
    """The rows of gold/customer_habits of `days` (ascending), from rows of silver/orders, by day and customer.

    Orders after a day do not change its rows. A snapshot has the customers with an order in the `history_days` days that
    end with it. All orders up to the day count, so a range of days needs one pass.
    """
    return pl.concat([CUSTOMER_HABITS.empty(), *daily_habits(orders, days, history_days)])


def daily_habits(orders: nw.LazyFrame, days: Sequence[date], history_days: int) -> Iterator[pl.DataFrame]:
    """The rows of `customer_habits` day by day, each snapshot in memory only when it is asked for."""
    columns = ["customer_id", "day_number", "order_of_day", "item_count"]
    known = orders.filter(nw.col("day_number") <= day_number(days[-1])).select(*columns)
    rows = known.collect(backend="polars").to_native()
    if rows.is_empty():
        yield from (CUSTOMER_HABITS.empty() for _ in days)
        return
    read = _Orders.read(rows)
    owner = np.repeat(np.arange(len(read.customer)), read.count)
    values, since = _follow(read, owner, history_days)
    for day in days:
        yield _snapshot(read, owner, values, since, day, history_days)


def customer_habits_in_chunks(
    orders: nw.LazyFrame, days: Sequence[date], history_days: int, order_rows: int
) -> list[pl.LazyFrame]:
    """The rows of `customer_habits` as lazy frames of some customers and days each, to be computed one after another.

    `order_rows` is the number of orders up to the last day. It determines the number of frames.
    """
    groups = groups_of_customers(orders, order_rows)
    spans = [days[start : start + DAYS_AT_ONCE] for start in range(0, len(days), DAYS_AT_ONCE)]
    return [
        pl.defer(partial(customer_habits, group, span, history_days), schema=dict(CUSTOMER_HABITS.dtypes))
        for span in spans
        for group in groups
    ]


def groups_of_customers(orders: nw.LazyFrame, order_rows: int) -> list[nw.LazyFrame]:
    """Split `order_rows` orders by customer, so that following the customers of one group fits into memory."""
    return customer_groups(orders, customer_bounds(orders, math.ceil(order_rows / _ORDERS_PER_CHUNK)))


def _follow(orders: _Orders, owner: np.ndarray, history_days: int) -> tuple[np.ndarray, np.ndarray]:
    """The habits after each order (orders x habits), and the place of the order that each habit began with."""
    recent, oldest = orders.first_after(owner, _RECENT_DAYS), orders.first_after(owner, history_days)
    values = np.empty((len(owner), len(HABITS)))
    since = np.empty(len(owner), dtype=np.int64)
    # Customers with many orders first, so those with a further order are always the first ones.
    by_count = np.argsort(-orders.count, kind="stable")
    first, counts = orders.first[by_count], orders.count[by_count]
    began = first.copy()
    habit = np.full((len(first), len(HABITS)), np.nan)
    for turn in range(int(counts[0])):
        active = np.searchsorted(-counts, -turn, side="left")
        place = first[:active] + turn
        began[:active] = np.maximum(began[:active], oldest[place])
        start, end = recent[place], place + 1
        anew = (start > began[:active]) & _contradicts(orders, oldest[place], began[:active], start, end)
        began[:active] = np.where(anew, start, began[:active])
        means = np.log(_means(orders, began[:active], end))
        with np.errstate(invalid="ignore"):
            kept = np.all(np.abs(means - habit[:active]) <= _TOLERANCE, axis=1)
        # Before there are enough orders, a value follows the mean.
        habit[:active] = np.where(kept[:, None] & (turn >= FEWEST_ORDERS), habit[:active], means)
        values[place], since[place] = habit[:active], began[:active]
    return np.exp(values), since


def _contradicts(
    orders: _Orders, oldest: np.ndarray, began: np.ndarray, start: np.ndarray, end: np.ndarray
) -> np.ndarray:
    """Whether the recent orders, `start` to `end`, differ from those since `began` by more than chance explains."""
    before, after = np.log(_means(orders, began, start)), np.log(_means(orders, start, end))
    distance = np.zeros(len(start))
    for habit in range(len(HABITS)):
        earlier, later = (_between(orders.numbers[habit], *span) for span in ((began, start), (start, end)))
        known = (earlier >= 2) & (later >= _RECENT_ORDERS)
        noise = _relative_variance(orders, habit, oldest, end) * (1 / np.maximum(earlier, 1) + 1 / np.maximum(later, 1))
        gone = (after[:, habit] - before[:, habit]) ** 2 / (noise + _DRIFT_VARIANCE)
        distance += np.where(known, gone, 0.0)
    return distance > _CONTRADICTION


def _means(orders: _Orders, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Mean gap and basket of the orders from `start` to before `end`: rows x habits."""
    totals = [
        _between(sums, start, end) / np.maximum(_between(numbers, start, end), 1)
        for sums, numbers in zip(orders.sums, orders.numbers, strict=True)
    ]
    return np.maximum(np.column_stack(totals), _LEAST)


def _relative_variance(orders: _Orders, habit: int, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    number = _between(orders.numbers[habit], start, end)
    mean = _between(orders.sums[habit], start, end) / np.maximum(number, 1)
    variance = _between(orders.squares[habit], start, end) / np.maximum(number, 1) - mean**2
    own = np.clip(variance / np.maximum(mean, _LEAST[habit]) ** 2, 0, _MOST_VARIANCE)
    return (number * own + _PRIOR_ORDERS * _PRIOR_VARIANCE) / (number + _PRIOR_ORDERS)


def _snapshot(
    orders: _Orders, owner: np.ndarray, values: np.ndarray, since: np.ndarray, day: date, history_days: int
) -> pl.DataFrame:
    number = day_number(day)
    known = np.bincount(owner[orders.day <= number], minlength=len(orders.customer))
    last = orders.first + known - 1
    listed = np.flatnonzero(known > 0)
    listed = listed[orders.day[last[listed]] > number - history_days]
    place = last[listed]
    earlier = np.bincount(owner[orders.day <= number - _RECENT_DAYS], minlength=len(orders.customer))
    recent = (orders.first + earlier)[listed], place + 1
    rows = pl.LazyFrame(
        {
            AS_OF_DATE: pl.repeat(day, len(listed), dtype=pl.Date, eager=True),
            "customer_id": orders.customer[listed],
            "order_count": known[listed],
            "gap_days": values[place, 0],
            "basket_size": values[place, 1],
            "since": pl.Series(orders.day[since[place]].astype(np.int32)).cast(pl.Date),
            "recent_gap_days": _mean_or_null(orders, 0, *recent),
            "recent_basket_size": _mean_or_null(orders, 1, *recent),
        }
    )
    return CUSTOMER_HABITS.conform(
        rows.with_columns(pl.when(pl.col("order_count") > 1).then("gap_days").alias("gap_days"))
    ).collect()


def _mean_or_null(orders: _Orders, habit: int, start: np.ndarray, end: np.ndarray) -> pl.Series:
    number, total = (_between(running[habit], start, end) for running in (orders.numbers, orders.sums))
    return pl.Series(total / np.maximum(number, 1)).set(pl.Series(number == 0), None)


def _running(values: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(values, dtype=np.int64)])


def _between(running: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    return running[end] - running[start]

"""Orders by customer and time as arrays, with running sums that answer what was known on a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import narwhals as nw
import numpy as np
import polars as pl

from cis_assets.dates import day_number

LATEST_GAPS = 20
"""Number of gaps before a day that describe a customer's rhythm."""
LONGEST_GAP = 4_000
"""Longer gaps count as this long; 11 years."""

# Day numbers are below this limit, so customer and day fit into one sortable number.
_SPAN = np.int64(1) << 32
_COLUMNS = ("customer_id", "day_number", "order_of_day", "item_count", "gap_is_minimum")


@dataclass(frozen=True)
class OrderHistory:
    """Orders sorted by customer and time.

    `customer`, `first` and `count` have one value per customer: the id, the place of the first order, and the number of
    orders. The other arrays have one value per order; `items[place]`, `weekdays[place]` and `order_days[place]` are totals of
    all orders before it, of every customer. Totals are whole numbers, so their differences do not depend on other customers.
    """

    customer: np.ndarray
    first: np.ndarray
    count: np.ndarray
    key: np.ndarray
    day: np.ndarray
    gap: np.ndarray
    is_capped: np.ndarray
    items: np.ndarray
    weekdays: np.ndarray
    order_days: np.ndarray

    @classmethod
    def read(cls, orders: nw.LazyFrame, last: date) -> OrderHistory:
        """Read the orders up to a day from rows of silver/orders."""
        known = orders.filter(nw.col("day_number") <= day_number(last)).select(*_COLUMNS)
        return cls.of_rows(known.collect(backend="polars").to_native())

    @classmethod
    def of_rows(cls, rows: pl.DataFrame) -> OrderHistory:
        """Read all of the orders. Orders of one day that are equal in `order_of_day` are sorted by their other values."""
        rows = rows.select(_COLUMNS).with_columns(pl.col("gap_is_minimum").cast(pl.Boolean).fill_null(False))
        rows = rows.sort(_COLUMNS)
        customer, day = rows["customer_id"].to_numpy(), rows["day_number"].to_numpy().astype(np.int64)
        is_first = np.ones(len(customer), dtype=bool)
        is_first[1:] = customer[1:] != customer[:-1]
        first = np.flatnonzero(is_first)
        count = np.diff(np.append(first, len(customer)))
        gap = np.where(is_first, 0, np.clip(np.diff(day, prepend=0), 0, LONGEST_GAP)).astype(np.int16)
        return cls(
            customer=customer[first],
            first=first,
            count=count,
            key=np.repeat(np.arange(len(first), dtype=np.int64), count) * _SPAN + day,
            day=day,
            gap=gap,
            is_capped=rows["gap_is_minimum"].to_numpy() & ~is_first,
            items=_running(rows["item_count"].to_numpy()),
            weekdays=np.column_stack([_running(weekday(day) == each) for each in range(7)]).astype(np.int32),
            order_days=_running(is_first | (np.diff(day, prepend=0) > 0)),
        )

    def places_after(self, owner: np.ndarray, day: int | np.ndarray) -> np.ndarray:
        """For each customer (a place in `customer`), the place of the first order after the day."""
        return np.searchsorted(self.key, owner * _SPAN + day, side="right")

    def listed(self, among: np.ndarray, day: int, history_days: int) -> np.ndarray:
        """Those of some customers (places in `customer`) with an order in the `history_days` days that end with the day."""
        end = self.places_after(among, day)
        known = end > self.first[among]
        return among[known][self.day[end[known] - 1] > day - history_days]

    def orders_between(self, owner: np.ndarray, after: int | np.ndarray, last: int | np.ndarray) -> np.ndarray:
        """Number of orders of each customer after one day, up to another."""
        return self.places_after(owner, last) - self.places_after(owner, after)

    def latest_gaps(self, owner: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The gaps before the places `end`, newest first (customers x LATEST_GAPS, -1: no gap), and which are capped."""
        place = end[:, None] - 1 - np.arange(LATEST_GAPS)
        exists = place > self.first[owner][:, None]
        place = np.where(exists, place, 0)
        return np.where(exists, self.gap[place], np.int16(-1)), exists & self.is_capped[place]


def weekday(day: int | np.ndarray) -> np.ndarray:
    """The weekday of day numbers, from 0 (Monday)."""
    return (np.asarray(day) + 3) % 7


def _running(values: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(values, dtype=np.int64)])

"""Lifecycle stages: where each customer is in the cycle between two orders.

The stage of a day follows from the days since the customer's last order and from the customer's own gaps up to that order,
so it changes only when days pass or the customer orders. Other customers and earlier snapshots do not matter. Who the
customer is belongs in segments.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Self

import narwhals as nw
import numpy as np
import polars as pl

from cis_assets.catalog import AS_OF_DATE
from cis_assets.catalog.gold import CUSTOMER_LIFECYCLE
from cis_assets.dates import DAYS_AT_ONCE, day_number
from cis_assets.segmentation.cadence import Cadences, cadences_of_orders
from cis_assets.segmentation.order_windows import customer_bounds, customer_groups
from cis_assets.settings import Settings

STAGES = ("new", "tried", "active", "due", "overdue", "lapsing", "lapsed")
"""All stages, in the order of the cycle."""

# The latest gaps of an order take about 200 bytes.
_ORDERS_PER_CHUNK = 1_000_000
_NEW, _TRIED, _ACTIVE = (STAGES.index(stage) for stage in ("new", "tried", "active"))


@dataclass(frozen=True)
class LifecycleRules:
    """The numbers of the stages, as the settings `CIS_LIFECYCLE_...` describe them."""

    few_orders: int = 3
    new_days: int = 42
    lapsing_days: int = 14
    lapsed_days: int = 42
    lapsed_gaps: float = 3.0

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        return cls(
            few_orders=settings.lifecycle_few_orders,
            new_days=settings.lifecycle_new_days,
            lapsing_days=settings.lifecycle_lapsing_days,
            lapsed_days=settings.lifecycle_lapsed_days,
            lapsed_gaps=settings.lifecycle_lapsed_gaps,
        )

    def first_days(self, cadences: Cadences) -> np.ndarray:
        """Whole days since the last order at which due, overdue, lapsing and lapsed begin: orders x 4, never falling."""
        began = np.column_stack(
            (
                cadences.median,
                cadences.p75,
                np.maximum(cadences.p90, self.lapsing_days),
                np.maximum(cadences.p90 * self.lapsed_gaps, self.lapsed_days),
            )
        )
        # A product may exceed a whole number by a rounding error.
        days = np.maximum(np.ceil(began - 1e-6), 1).astype(np.int64)
        return np.maximum.accumulate(days, axis=1)


@dataclass(frozen=True)
class _LastOrders:
    """The last order of each customer and day, by customer and day, and what holds until the customer's next order."""

    customer: np.ndarray
    day: np.ndarray
    first_day: np.ndarray
    orders: np.ndarray
    cadence: np.ndarray
    began: np.ndarray
    active_since: np.ndarray

    @classmethod
    def read(cls, rows: pl.DataFrame, rules: LifecycleRules) -> _LastOrders:
        rows = rows.sort("customer_id", "day_number", "order_of_day")
        customer, day = rows["customer_id"].to_numpy(), rows["day_number"].to_numpy().astype(np.int64)
        is_first = _differs_from_previous(customer)
        index = np.arange(len(customer))
        start = np.maximum.accumulate(np.where(is_first, index, 0))
        gap = np.where(is_first, 0, np.diff(day, prepend=0))
        is_capped = rows["gap_is_minimum"].fill_null(False).to_numpy() & ~is_first
        cadences = cadences_of_orders(gap, is_capped, index - start)
        is_last = np.append(_differs_from_previous(customer)[1:] | (np.diff(day) > 0), True)
        kept = np.flatnonzero(is_last)
        began = rules.first_days(cadences)[kept]
        orders = (index - start)[kept] + 1
        return cls(
            customer=customer[kept],
            day=day[kept],
            first_day=day[start[kept]],
            orders=orders,
            cadence=cadences.median[kept],
            began=began,
            active_since=_active_since(customer[kept], day[kept], orders >= rules.few_orders, began[:, 0]),
        )

    def snapshot(self, as_of: date, history_days: int, rules: LifecycleRules) -> pl.DataFrame:
        """The rows of gold/customer_lifecycle of a day; orders after it are ignored."""
        today = day_number(as_of)
        # The last order up to the day: the customer's next one, if any, is later.
        known = self.day <= today
        followed = np.append(known[1:] & (self.customer[1:] == self.customer[:-1]), False)
        row = np.flatnonzero(known & ~followed & (self.day > today - history_days))
        passed = today - self.day[row]
        begun = (passed[:, None] >= self.began[row]).sum(axis=1)
        is_new = today - self.first_day[row] <= rules.new_days
        few = self.orders[row] < rules.few_orders
        stage = np.where(few, np.where(is_new, _NEW, _TRIED), _ACTIVE + begun)
        later = self.day[row] + self.began[row, np.maximum(begun - 1, 0)]
        since = np.select(
            [stage == _NEW, stage == _TRIED, stage == _ACTIVE],
            [self.first_day[row], self.first_day[row] + rules.new_days + 1, self.active_since[row]],
            later,
        )
        return CUSTOMER_LIFECYCLE.conform(
            pl.LazyFrame(
                {
                    AS_OF_DATE: pl.repeat(as_of, len(row), dtype=pl.Date, eager=True),
                    "customer_id": self.customer[row],
                    "stage": pl.Series(np.array(STAGES)[stage], dtype=pl.String),
                    "since": pl.Series(since.astype(np.int32)).cast(pl.Date),
                    "days_since_order": passed,
                    "cadence_days": self.cadence[row],
                }
            )
        ).collect()


def customer_lifecycle(
    orders: nw.LazyFrame, days: Sequence[date], history_days: int, rules: LifecycleRules
) -> pl.DataFrame:
    """The rows of gold/customer_lifecycle of `days` (ascending), from rows of silver/orders, by day and customer.

    A snapshot has the customers with an order in the `history_days` days that end with it. All orders up to a day count,
    and none after it, so a range of days needs one pass.
    """
    columns = ["customer_id", "day_number", "order_of_day", "gap_is_minimum"]
    known = orders.filter(nw.col("day_number") <= day_number(days[-1])).select(*columns)
    rows = known.collect(backend="polars").to_native()
    if rows.is_empty():
        return CUSTOMER_LIFECYCLE.empty()
    read = _LastOrders.read(rows, rules)
    return pl.concat(read.snapshot(day, history_days, rules) for day in days)


def customer_lifecycle_in_chunks(
    orders: nw.LazyFrame, days: Sequence[date], history_days: int, rules: LifecycleRules, order_rows: int
) -> list[pl.LazyFrame]:
    """The rows of `customer_lifecycle` as lazy frames of some customers and days each, to be computed one after another.

    `order_rows` is the number of orders up to the last day. It determines the number of frames.
    """
    groups = customer_groups(orders, customer_bounds(orders, math.ceil(order_rows / _ORDERS_PER_CHUNK)))
    spans = [days[start : start + DAYS_AT_ONCE] for start in range(0, len(days), DAYS_AT_ONCE)]
    return [
        pl.defer(partial(customer_lifecycle, group, span, history_days, rules), schema=dict(CUSTOMER_LIFECYCLE.dtypes))
        for span in spans
        for group in groups
    ]


def stage_counts(lifecycle: pl.DataFrame) -> pl.DataFrame:
    """Customers of a snapshot by stage, in the order of the cycle: stage, customers, share. Each stage has a row."""
    counted = lifecycle.group_by("stage").agg(customers=pl.len().cast(pl.Int64))
    stages = pl.DataFrame({"stage": STAGES}).join(counted, on="stage", how="left", maintain_order="left")
    return stages.with_columns(pl.col("customers").fill_null(0)).with_columns(
        share=pl.col("customers") / max(lifecycle.height, 1)
    )


def _active_since(customer: np.ndarray, day: np.ndarray, has_cadence: np.ndarray, due: np.ndarray) -> np.ndarray:
    """For each order, the first day of the days in a row on which the customer was active, if active on its day."""
    before = np.arange(len(day)) - 1
    # Active on the day before the order.
    goes_on = ~_differs_from_previous(customer) & has_cadence[before] & (day - day[before] - 1 < due[before])
    return day[np.maximum.accumulate(np.where(goes_on, 0, before + 1))]


def _differs_from_previous(values: np.ndarray) -> np.ndarray:
    return np.append(True, values[1:] != values[:-1])

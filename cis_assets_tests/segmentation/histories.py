"""Small histories of orders for tests: as plain orders, as silver frames, and as hypothesis strategies."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl
from hypothesis import strategies as st

from cis_assets.catalog import Table, silver
from cis_assets.dates import day_number

FIRST_DAY = date(2026, 3, 2)


@dataclass(frozen=True)
class Line:
    product_id: int
    department_id: int = 1
    price: float | None = 1.0


@dataclass(frozen=True)
class Order:
    """An order of a test; `day` counts from FIRST_DAY."""

    customer_id: int
    day: int
    lines: tuple[Line, ...]
    hour: int = 9
    gap_is_minimum: bool | None = None

    @property
    def date(self) -> date:
        return FIRST_DAY + timedelta(days=self.day)


@dataclass(frozen=True)
class History:
    """silver/orders and silver/order_items of some orders."""

    orders: pl.DataFrame
    order_items: pl.DataFrame


_LINES = st.builds(Line, st.integers(1, 5), st.integers(1, 3), st.sampled_from([0.1, 0.2, 1.5, 1.5, 1.5, None]))
_ORDERS = st.builds(
    Order,
    customer_id=st.integers(1, 3),
    day=st.integers(0, 14),
    lines=st.lists(_LINES, min_size=1, max_size=4).map(tuple),
    hour=st.sampled_from([0, 9, 9, 23]),
    gap_is_minimum=st.sampled_from([None, None, False, True]),
)
HISTORIES = st.lists(_ORDERS, min_size=1, max_size=14)
"""Orders of up to three customers on fifteen days, often several on a day, products often twice in an order."""


def history(orders: list[Order]) -> History:
    """The silver tables of the orders; an order's id is its place in the list, from 1."""
    numbered = [
        {
            "order_date": order.date,
            "order_id": number,
            "customer_id": order.customer_id,
            "order_hour": order.hour,
            "day_number": day_number(order.date),
            "order_of_day": order_of_day,
        }
        for (number, order), order_of_day in zip(enumerate(orders, start=1), orders_of_day(orders), strict=True)
    ]
    order_rows = [
        {
            **facts,
            "order_weekday": order.date.isoweekday(),
            "item_count": len(order.lines),
            "distinct_product_count": len({line.product_id for line in order.lines}),
            "spend": spend(order),
            "order_key": None,
            "gap_is_minimum": order.gap_is_minimum,
        }
        for facts, order in zip(numbered, orders, strict=True)
    ]
    line_rows = [
        {
            **facts,
            "product_id": line.product_id,
            "department_id": line.department_id,
            "add_to_cart_order": place,
            "quantity": 1,
            "unit_price": line.price,
        }
        for facts, order in zip(numbered, orders, strict=True)
        for place, line in enumerate(order.lines, start=1)
    ]
    return History(_as_table(silver.ORDERS, order_rows), _as_table(silver.ORDER_ITEMS, line_rows))


def _as_table(table: Table, rows: list[dict[str, Any]]) -> pl.DataFrame:
    types = {name: table.dtypes[name] for name in rows[0]} if rows else table.dtypes
    return table.conform(pl.LazyFrame(rows, schema=types)).collect()


def orders_of_day(orders: list[Order]) -> list[int]:
    """For each order its number among the customer's orders of the day: by hour, then by place in the list."""
    same_day: dict[tuple[int, int], list[int]] = defaultdict(list)
    for place, order in sorted(enumerate(orders), key=lambda placed: placed[1].hour):
        same_day[order.customer_id, order.day].append(place)
    return [same_day[order.customer_id, order.day].index(place) + 1 for place, order in enumerate(orders)]


def spend(order: Order) -> float | None:
    prices = [line.price for line in order.lines if line.price is not None]
    return round(sum(prices), 2) if len(prices) == len(order.lines) else None

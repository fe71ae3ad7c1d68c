"""Made-up order histories for the tests of the next order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl

from cis_assets.catalog.silver import ORDERS
from cis_assets.dates import day_number
from cis_assets.predictions.order_history import OrderHistory

FIRST = date(2026, 1, 5)
"""A Monday."""

Placed = tuple[int, int]
"""Customer, and days since FIRST."""


def silver_orders(placed: Sequence[Placed], capped: Sequence[Placed] = (), items: int = 5) -> pl.DataFrame:
    """Rows of silver/orders; the gap before the `capped` ones is a minimum."""
    rows = pl.DataFrame(placed, schema={"customer_id": pl.Int64, "offset": pl.Int32}, orient="row")
    day = pl.col("offset") + day_number(FIRST)
    known = {
        "order_date": day.cast(pl.Date),
        "order_id": pl.int_range(1, pl.len() + 1),
        "order_hour": 10,
        "order_weekday": day.cast(pl.Date).dt.weekday(),
        "day_number": day,
        "order_of_day": pl.int_range(1, pl.len() + 1).over("customer_id", "offset"),
        "item_count": items,
        "distinct_product_count": items,
        "gap_is_minimum": pl.Series([each in capped for each in placed], dtype=pl.Boolean),
    }
    rows = rows.with_columns(**known)
    missing = {name: pl.lit(None, dtype) for name, dtype in ORDERS.dtypes.items() if name not in rows.columns}
    return ORDERS.conform(rows.lazy().with_columns(**missing)).collect()


def history(placed: Sequence[Placed], capped: Sequence[Placed] = ()) -> OrderHistory:
    return OrderHistory.of_rows(silver_orders(placed, capped))


def day(offset: int) -> date:
    return FIRST + timedelta(days=offset)


def habitual(customers: int, days: int, seed: int = 1) -> list[Placed]:
    """Orders of customers who each have their own, regular or irregular, gap of 2 to 30 days; some leave."""
    generator = np.random.default_rng(seed)
    placed = []
    for customer in range(1, customers + 1):
        gap, regularity = generator.uniform(2, 30), generator.uniform(1, 20)
        now, leaves = generator.uniform(0, 30), generator.exponential(600)
        while now < min(days, leaves):
            placed.append((customer, int(now)))
            now += generator.gamma(regularity, gap / regularity)
    return placed

"""Forecasts each customer's next order as of each day, with a stored model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from functools import partial

import narwhals as nw
import polars as pl

from cis_assets.dates import DAYS_AT_ONCE
from cis_assets.predictions.next_order_features import next_order_features
from cis_assets.predictions.next_order_model import NextOrderModel
from cis_assets.predictions.order_history import OrderHistory
from cis_assets.segmentation.order_windows import customer_bounds, customer_groups

NEXT_ORDER_COLUMNS = {
    "as_of_date": pl.Date(),
    "customer_id": pl.Int64(),
    "expected_order_date": pl.Date(),
    "probability_7d": pl.Float64(),
    "probability_28d": pl.Float64(),
    "expected_orders_90d": pl.Float64(),
    "trained_as_of": pl.Date(),
    "served_7d": pl.String(),
    "served_28d": pl.String(),
}
"""Columns of the forecasts. `expected_order_date` is null where it is over 90 days away."""

# Features and forecasts take about 400 bytes per order at 16 orders per customer.
_ORDERS_PER_CHUNK = 2_000_000


def next_order(orders: nw.LazyFrame, model: NextOrderModel, days: Sequence[date], history_days: int) -> pl.DataFrame:
    """The forecasts of `days` (ascending) from rows of silver/orders, by day and customer; later orders change nothing.

    A day has the customers with an order in the `history_days` days that end with it.
    """
    history = OrderHistory.read(orders, days[-1])
    made = [model.predict(next_order_features(history, [day], history_days)) for day in days]
    return pl.concat([pl.DataFrame(schema=NEXT_ORDER_COLUMNS), *made])


def next_order_in_chunks(
    orders: nw.LazyFrame, model: NextOrderModel, days: Sequence[date], history_days: int, order_rows: int
) -> list[pl.LazyFrame]:
    """The rows of `next_order` as lazy frames of some customers and days each, to be computed one after another.

    `order_rows` is the number of orders up to the last day. It determines the number of frames.
    """
    groups = customer_groups(orders, customer_bounds(orders, math.ceil(order_rows / _ORDERS_PER_CHUNK)))
    spans = [days[start : start + DAYS_AT_ONCE] for start in range(0, len(days), DAYS_AT_ONCE)]
    return [
        pl.defer(partial(next_order, group, model, span, history_days), schema=NEXT_ORDER_COLUMNS)
        for span in spans
        for group in groups
    ]


def version_of_day(models: pl.DataFrame, day: date) -> pl.DataFrame:
    """The rows of the stored model that forecasts a day: the newest trained on or before it, else the first of all."""
    trained = models["trained_as_of"]
    known = trained.filter(trained <= day)
    version = known.max() if len(known) else trained.min()
    return models.clear() if version is None else models.filter(pl.col("trained_as_of") == version)

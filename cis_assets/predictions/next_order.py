"""Forecasts each customer's next order as of each day, with a stored model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from functools import partial

import narwhals as nw
import polars as pl

from cis_assets.catalog.gold import NEXT_ORDER
from cis_assets.dates import DAYS_AT_ONCE
from cis_assets.predictions.model_rows import NEXT_ORDER as TASK
from cis_assets.predictions.model_rows import versions_of_days
from cis_assets.predictions.next_order_features import next_order_features
from cis_assets.predictions.next_order_model import NextOrderModel
from cis_assets.predictions.order_history import OrderHistory
from cis_assets.segmentation.order_windows import customer_bounds, customer_groups

# Features and forecasts take about 400 bytes per order at 16 orders per customer.
_ORDERS_PER_CHUNK = 2_000_000


def next_order(orders: nw.LazyFrame, model: NextOrderModel, days: Sequence[date], history_days: int) -> pl.DataFrame:
    """The forecasts of `days` (ascending) from rows of silver/orders, by day and customer; later orders change nothing.

    A day has the customers with an order in the `history_days` days that end with it.
    """
    history = OrderHistory.read(orders, days[-1])
    made = [model.predict(next_order_features(history, [day], history_days)) for day in days]
    return pl.concat([pl.DataFrame(schema=dict(NEXT_ORDER.dtypes)), *made])


def next_order_in_chunks(
    orders: nw.LazyFrame, models: pl.DataFrame, days: Sequence[date], history_days: int, order_rows: int
) -> list[pl.LazyFrame]:
    """The forecasts of `days` (ascending) as lazy frames of some customers and days each, to be computed one after another.

    `models` are rows of gold/prediction_models; each day has the version of `version_of_day`. Without one there are no
    forecasts. `order_rows` is the number of orders up to the last day. It determines the number of frames.
    """
    groups = customer_groups(orders, customer_bounds(orders, math.ceil(order_rows / _ORDERS_PER_CHUNK)))
    chunks = []
    for version, span in versions_of_days(models, TASK, days):
        if version.is_empty():
            continue
        model = NextOrderModel.of_rows(version)
        parts = [span[start : start + DAYS_AT_ONCE] for start in range(0, len(span), DAYS_AT_ONCE)]
        chunks += [
            pl.defer(partial(next_order, group, model, part, history_days), schema=dict(NEXT_ORDER.dtypes))
            for part in parts
            for group in groups
        ]
    return chunks or [NEXT_ORDER.empty().lazy()]

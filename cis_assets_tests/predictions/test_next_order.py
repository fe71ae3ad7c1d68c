from __future__ import annotations

from dataclasses import replace
from datetime import date

import narwhals as nw
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cis_assets.catalog.gold import NEXT_ORDER
from cis_assets.predictions.next_order import next_order, next_order_in_chunks
from cis_assets.predictions.next_order_model import NextOrderModel
from cis_assets.predictions.next_order_training import NextOrderOptions, train_next_order
from cis_assets.predictions.order_history import OrderHistory
from cis_assets_tests.predictions.shoppers import day, habitual, silver_orders

ORDERS = silver_orders(habitual(60, 200))
DAYS = [day(150), day(151), day(180)]


@pytest.fixture(scope="module")
def model() -> NextOrderModel:
    return train_next_order(OrderHistory.of_rows(ORDERS), day(140), NextOrderOptions(trees=5))


def forecasts(model: NextOrderModel, days: list[date], rows: pl.DataFrame = ORDERS) -> pl.DataFrame:
    return next_order(nw.from_native(rows.lazy()), model, days, 365)


def test_a_range_of_days_equals_its_days_without_later_orders(model: NextOrderModel) -> None:
    together = forecasts(model, DAYS)
    assert dict(together.schema) == dict(NEXT_ORDER.dtypes)
    alone = [forecasts(model, [each], ORDERS.filter(pl.col("order_date") <= each)) for each in DAYS]
    assert_frame_equal(together, pl.concat(alone), check_exact=True)


def test_chunks_of_customers_give_the_same(model: NextOrderModel) -> None:
    order = ["as_of_date", "customer_id"]
    chunks = next_order_in_chunks(nw.from_native(ORDERS.lazy()), model.rows(), DAYS, 365, 5_000_000)
    assert len(chunks) == 3
    found = pl.concat(chunk.collect() for chunk in chunks)
    assert_frame_equal(found.sort(order), forecasts(model, DAYS), check_exact=True)


def test_a_day_without_orders_has_no_rows(model: NextOrderModel) -> None:
    assert forecasts(model, [day(-5)]).is_empty()


def test_each_day_has_its_version_and_without_a_model_nothing_is_forecast(model: NextOrderModel) -> None:
    orders = nw.from_native(ORDERS.lazy())
    later = replace(model, trained_as_of=day(151))
    models = pl.concat([model.rows(), later.rows()])
    found = pl.concat(chunk.collect() for chunk in next_order_in_chunks(orders, models, DAYS, 365, 1))
    of_day = dict(found.select("as_of_date", "model_version").unique().iter_rows())
    assert of_day == {day(150): day(140), day(151): day(151), day(180): day(151)}
    (nothing,) = next_order_in_chunks(orders, models.clear(), DAYS, 365, 1)
    assert nothing.collect().is_empty()

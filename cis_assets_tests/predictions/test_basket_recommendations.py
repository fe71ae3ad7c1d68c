from __future__ import annotations

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cis_assets.dates import day_number
from cis_assets.predictions.basket_ranker import EXPECTED, RankerOptions, train_basket_ranker
from cis_assets.predictions.basket_recommendations import RECOMMENDATION_COLUMNS, recommend
from cis_assets_tests.predictions.baskets import order, read, shop
from cis_assets_tests.segmentation.histories import FIRST_DAY, Order

TODAY = day_number(FIRST_DAY) + 150


def recommended(orders: list[Order], method: str = "recency_weighted_frequency", today: int = TODAY) -> pl.DataFrame:
    return pl.concat(recommend([read(orders)], None, method, today))


def reasons(orders: list[Order], today_day: int) -> dict[int, tuple[str, list[int]]]:
    rows = recommended(orders, today=day_number(FIRST_DAY) + today_day)
    return {row["product_id"]: (row["reason_code"], row["reason_numbers"]) for row in rows.iter_rows(named=True)}


def test_reasons_are_the_latest_orders_the_rhythm_or_all_orders():
    # Product 5 in 6 of 8 orders, 6 every 21 days, and 7 once.
    orders = [
        order(1, 7 * week, *([5] if week not in (1, 4) else []), *([6] if week in (0, 3, 6) else []), 10 + week)
        for week in range(8)
    ]
    found = reasons(orders, 7 * 7 + 10)
    assert found[5] == ("in_recent_orders", [6, 8])
    assert found[6] == ("every_days", [21, 17])
    assert found[10] == ("in_all_orders", [1, 8])


def test_dueness_is_the_days_since_the_last_purchase_over_the_usual_days():
    rows = recommended([order(1, 0, 5), order(1, 10, 5, 6)], today=day_number(FIRST_DAY) + 25)
    due = dict(zip(rows["product_id"], rows["dueness"], strict=True))
    assert due == {5: pytest.approx(1.5), 6: None}


def test_at_most_ten_repeats_come_first_and_discoveries_after_them():
    history = read(shop())
    ranker = train_basket_ranker(history, EXPECTED, RankerOptions(most_baskets=120))
    rows = pl.concat(recommend([history], ranker, "ranker", TODAY))
    assert rows.schema == pl.Schema(RECOMMENDATION_COLUMNS)
    repeats, discoveries = rows.filter(pl.col("kind") == "repeat"), rows.filter(pl.col("kind") == "discovery")
    assert repeats["rank"].max() == 10
    assert discoveries.height == 0 or discoveries["rank"].min() == 11
    assert rows.select("customer_id", "rank").is_duplicated().sum() == 0
    assert rows["probability"].is_between(0, 1).all()
    falling = repeats.with_columns(change=pl.col("probability").diff().over("customer_id", order_by="rank"))
    assert falling["change"].drop_nulls().max() <= 0
    assert set(discoveries["reason_code"]) <= {"bought_with"}


def test_chunks_of_customers_give_the_rows_of_all():
    history = read(shop())
    ranker = train_basket_ranker(history, EXPECTED, RankerOptions(most_baskets=120))
    first = history.customer_id <= 20
    whole = pl.concat(recommend([history], ranker, "ranker", TODAY))
    parts = pl.concat(recommend([history.of_customers(first), history.of_customers(~first)], ranker, "ranker", TODAY))
    assert_frame_equal(whole, parts)


def test_without_a_ranker_the_recency_weighted_frequency_serves():
    assert set(recommended(shop(customers=3), "ranker")["served"]) == {"recency_weighted_frequency"}


def test_the_last_bought_product_stands_for_its_family():
    rows = recommended([order(1, 0, 1), order(1, 5, 2)])
    assert rows.select("product_id", "family_id").rows() == [(2, 1)]

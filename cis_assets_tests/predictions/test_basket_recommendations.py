from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import cache

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from cis_assets.catalog.gold import PREDICTION_MODELS, PRODUCT_RECOMMENDATIONS
from cis_assets.dates import day_number
from cis_assets.predictions import basket_recommendations
from cis_assets.predictions.basket_history import sampled_history
from cis_assets.predictions.basket_ranker import BasketRanker, RankerOptions, train_basket_ranker
from cis_assets.predictions.basket_recommendations import product_recommendations_in_chunks
from cis_assets.predictions.evaluation_rows import EXPECTED
from cis_assets.predictions.trees import StoredTreesError
from cis_assets_tests.predictions.baskets import PRODUCTS, before_order, order, read, shop, silver
from cis_assets_tests.segmentation.histories import FIRST_DAY, HISTORIES, Order

NO_MODELS = pl.DataFrame(schema=dict(PREDICTION_MODELS.dtypes))
TODAY = FIRST_DAY + timedelta(days=150)
SMALL = RankerOptions(most_baskets=120)


def recommended(
    orders: Sequence[Order],
    models: pl.DataFrame = NO_MODELS,
    days: Sequence[date] = (TODAY,),
    *,
    history_days: int = 365,
    products: pl.DataFrame = PRODUCTS,
    shuffled: int | None = None,
) -> pl.DataFrame:
    tables = silver(orders, products=products, shuffled=shuffled)
    chunks = product_recommendations_in_chunks(*tables, models, days, history_days, line_rows=9 * len(orders))
    return pl.concat(pl.collect_all(chunks))


@cache
def ranker() -> BasketRanker:
    found = train_basket_ranker(read(shop()), EXPECTED, SMALL)
    assert found is not None
    return found


@cache
def models(served: str = "ranker") -> pl.DataFrame:
    """Two versions of one ranker."""
    first, second = (ranker().rows(FIRST_DAY + timedelta(days=day), served) for day in (40, 60))
    return pl.concat([NO_MODELS, first, second])


def reasons(orders: Sequence[Order], day: int) -> dict[int, tuple[str, list[int]]]:
    rows = recommended(orders, days=[FIRST_DAY + timedelta(days=day)])
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
    rows = recommended([order(1, 0, 5), order(1, 10, 5, 6)], days=[FIRST_DAY + timedelta(days=25)])
    due = dict(zip(rows["product_id"], rows["dueness"], strict=True))
    assert due == {5: pytest.approx(1.5), 6: None}


def test_at_most_ten_repeats_come_first_and_discoveries_after_them():
    # Some buy 1 with 7, and others never bought 7.
    together = [order(customer, day, 1, 7) for customer in range(100, 160) for day in range(0, 20, 5)]
    orders = [*shop(), *together]
    found = train_basket_ranker(read(orders), EXPECTED, RankerOptions())
    assert found is not None
    rows = recommended(orders, found.rows(FIRST_DAY, "ranker"))
    PRODUCT_RECOMMENDATIONS.schema.validate(rows)
    assert rows.schema == pl.Schema(PRODUCT_RECOMMENDATIONS.dtypes)
    repeats, discoveries = rows.filter(pl.col("kind") == "repeat"), rows.filter(pl.col("kind") == "discovery")
    assert repeats["rank"].max() == 10
    assert discoveries["rank"].min() == 11
    assert rows.select("customer_id", "rank").is_duplicated().sum() == 0
    for kind in (repeats, discoveries):
        change = pl.col("probability").diff().over("customer_id", order_by="rank")
        assert kind.select(change).to_series().drop_nulls().max() <= 0  # pyright: ignore[reportOperatorIssue]
    assert set(discoveries["reason_code"]) == {"bought_with"}
    beside = discoveries.select("customer_id", product_id=pl.col("reason_numbers").list.first())
    repeats = rows.filter(pl.col("kind") == "repeat").select("customer_id", "product_id")
    # A repeat is named as its own row shows it.
    assert beside.join(repeats, on=["customer_id", "product_id"], how="anti").is_empty()


@pytest.mark.parametrize("served", ["ranker", "personal_frequency"])
def test_each_day_has_the_newest_version_and_its_method(served: str):
    days = [FIRST_DAY + timedelta(days=day) for day in (30, 59, 60, 61)]
    rows = recommended(shop(customers=4), models(served), days)
    versions = rows.group_by("as_of_date").agg(pl.col("model_version").unique()).sort("as_of_date")
    trained = [FIRST_DAY + timedelta(days=day) for day in (40, 60)]
    assert versions.rows() == [(day, [trained[day >= trained[1]]]) for day in days]
    assert set(rows["served"]) == {served}


@pytest.mark.parametrize("history_days", [30, 365])
def test_a_snapshot_serves_the_probabilities_that_an_evaluation_of_its_day_measures(history_days: int):
    orders = shop(customers=12)
    known = before_order(read(orders), "expected", history_days=history_days)
    candidates = ranker().candidates(known.history, known.target)
    probability = ranker().probabilities(candidates)
    stored = ranker().rows(FIRST_DAY, "ranker")
    first = int(read(orders).day.min()) - min(each.day for each in orders)
    assert len(known.history.customer_id) > 5
    for number, customer in enumerate(known.history.customer_id):
        day = FIRST_DAY + timedelta(days=int(known.today[number]) - first)
        rows = recommended(orders, stored, [day], history_days=history_days)
        served = rows.filter(pl.col("customer_id") == customer, pl.col("kind") == "repeat")
        own = candidates.customer == number
        family = known.history.families.family_id[candidates.family[own]]
        said = dict(zip(family.tolist(), probability[own].tolist(), strict=True))
        assert {
            row["product_family"]: row["probability"] for row in served.iter_rows(named=True)
        }.items() <= said.items()
        assert served["probability"].to_list() == sorted(said.values(), reverse=True)[:10]


def test_discoveries_do_not_depend_on_what_serves_repeats():
    together = [order(customer, day, 1, 7) for customer in range(100, 160) for day in range(0, 20, 5)]
    orders = [*shop(), *together]
    found = train_basket_ranker(read(orders), EXPECTED, RankerOptions())
    assert found is not None
    first, second = (
        recommended(orders, found.rows(FIRST_DAY, served)).filter(pl.col("kind") == "discovery").drop("served")
        for served in ("ranker", "personal_frequency")
    )
    assert first.height > 0
    assert_frame_equal(first, second, check_exact=True)


def test_without_a_ranker_the_recency_weighted_frequency_serves():
    rows = recommended(shop(customers=3))
    assert set(rows["served"]) == {"recency_weighted_frequency"}
    assert rows["model_version"].null_count() == rows.height > 0


def test_a_version_that_serves_something_unknown_is_refused():
    with pytest.raises(StoredTreesError, match="coin"):
        recommended(shop(customers=3), ranker().rows(FIRST_DAY, "coin"))


@given(HISTORIES, st.lists(st.integers(0, 20), min_size=1, max_size=4, unique=True), st.integers(1, 9), st.booleans())
@settings(max_examples=30, deadline=None)
def test_days_together_equal_each_day_alone_without_later_orders(
    orders: list[Order], numbers: list[int], history_days: int, has_ranker: bool
):
    stored = models() if has_ranker else NO_MODELS
    days = [FIRST_DAY + timedelta(days=number) for number in sorted(numbers)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(basket_recommendations, "_LINES_PER_CHUNK", 20)
        patch.setattr(basket_recommendations, "_DAYS_AT_ONCE", 2)
        together = recommended(orders, stored, days, history_days=history_days, shuffled=3)
    alone = []
    for day in days:
        window = [row for row in orders if 0 <= (day - row.date).days < history_days]
        made = recommended(window, stored, [day], history_days=10_000)
        assert set(made["customer_id"]) == {row.customer_id for row in window}
        alone.append(made)
    key = ["as_of_date", "customer_id", "rank"]
    assert_frame_equal(together.sort(key), pl.concat(alone).sort(key), check_exact=True)


def later(orders: Sequence[Order], last: int) -> list[list[Order]]:
    """The orders with those after a day moved, deleted, and joined by others."""
    known = [row for row in orders if row.day <= last]
    after = [row for row in orders if row.day > last]
    others = [order(customer, last + 1 + customer % 9, 1, 2, 33) for customer in range(1, 90)]
    return [[*known, *(replace(row, day=row.day + 5) for row in after)], known, [*orders, *others]]


def test_orders_after_a_day_change_neither_its_model_nor_its_recommendations():
    last = 60
    day = FIRST_DAY + timedelta(days=last)

    def predicted(orders: Sequence[Order], shuffled: int | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
        history = sampled_history(*silver(orders, shuffled=shuffled), day_number(day), 50)
        found = train_basket_ranker(history, EXPECTED, SMALL)
        assert found is not None
        stored = found.rows(day, "ranker")
        return stored, recommended(orders, stored, [day], shuffled=shuffled)

    orders = shop(orders=9)
    expected = predicted(orders)
    for changed in later(orders, last):
        for found, made in zip(predicted(changed, shuffled=4), expected, strict=True):
            assert_frame_equal(found, made, check_exact=True)


def test_chunks_of_customers_give_the_rows_of_all(monkeypatch: pytest.MonkeyPatch):
    whole = recommended(shop(), models())
    monkeypatch.setattr(basket_recommendations, "_LINES_PER_CHUNK", 700)
    assert_frame_equal(recommended(shop(), models()), whole, check_exact=True)


def test_the_last_bought_product_stands_for_its_family():
    rows = recommended([order(1, 0, 1), order(1, 5, 2)])
    assert rows.select("product_id", "product_family").rows() == [(2, 1)]


@pytest.mark.parametrize("fact", ["delisted_at", "in_stock"])
def test_a_product_that_the_shop_has_stands_for_its_family(fact: str):
    gone = pl.lit(False) if fact == "in_stock" else pl.lit(FIRST_DAY)

    def without(*ids: int) -> pl.DataFrame:
        return PRODUCTS.with_columns(pl.when(pl.col("product_id").is_in(ids)).then(gone).alias(fact))

    orders = [order(1, 0, 1), order(1, 5, 2)]
    shown = [recommended(orders, products=without(*ids))["product_id"].to_list() for ids in ((2,), (1,), (1, 2))]
    assert shown == [[1], [2], [2]]
    # The customer never bought the other product of the family, but the shop has it.
    assert recommended([order(1, 5, 2)], products=without(2))["product_id"].to_list() == [1]


def test_a_discovery_is_the_smallest_product_that_the_shop_has():
    families = read([order(1, 0, 1)]).families
    assert families.products[families.smallest_in_shop].tolist() == families.family_id.tolist()
    delisted = PRODUCTS.with_columns(pl.when(pl.col("product_id").is_in([1, 9])).then(FIRST_DAY).alias("delisted_at"))
    _, _, products = silver([order(1, 0, 1)], products=delisted)
    families = type(families).read(products)
    shown = dict(zip(families.family_id.tolist(), families.products[families.smallest_in_shop].tolist(), strict=True))
    assert (shown[1], shown[9], shown[10]) == (2, 9, 10)

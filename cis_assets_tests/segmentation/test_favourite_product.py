from __future__ import annotations

from dataclasses import replace

import narwhals as nw
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from cis_assets.segmentation.customer_features import customer_features, customer_features_in_chunks
from cis_assets.segmentation.favourite_product import family_range
from cis_assets.segmentation.pair_keys import NumberRange
from cis_assets_tests.segmentation.histories import HISTORIES, Line, Order, history
from cis_assets_tests.segmentation.test_customer_features import AS_OF, DAYS

_FAVORITE = ["favourite_product_id", "favourite_product_orders", "favourite_product_recency_days"]
_COUNTS = ["customer_id", "favourite_product_orders", "favourite_product_recency_days"]


def _frame(families: dict[int, int]) -> nw.LazyFrame:
    rows = {"product_id": list(families), "family_id": list(families.values())}
    return nw.from_native(pl.LazyFrame(rows, schema={"product_id": pl.Int64, "family_id": pl.Int64}))


def _features(orders: list[Order], families: dict[int, int]) -> pl.DataFrame:
    made = history(orders)
    rows, items = (nw.from_native(frame.lazy()) for frame in (made.orders, made.order_items))
    return customer_features(rows, items, _frame(families), AS_OF, DAYS).to_native().collect().sort("customer_id")


def _favorite(orders: list[Order], families: dict[int, int]) -> tuple[int, int, int]:
    return _features(orders, families).select(_FAVORITE).row(0)


@given(HISTORIES, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_splitting_a_product_into_ids_of_its_family_changes_neither_orders_nor_recency_of_the_favorite(
    orders: list[Order], random
):
    def split(line: Line) -> Line:
        return replace(line, product_id=line.product_id + 10 * random.randrange(3))

    families = {product + 10 * part: product for product in range(1, 6) for part in range(3)}
    parts = [replace(order, lines=tuple(map(split, order.lines))) for order in orders]
    assert_frame_equal(_features(parts, families).select(_COUNTS), _features(orders, {}).select(_COUNTS))


@given(HISTORIES)
@settings(max_examples=30, deadline=None)
def test_products_that_nobody_bought_up_to_the_day_change_nothing(orders: list[Order]):
    # New products with smaller ids give the families other ids, in another order.
    before = {1: 1, 2: 2, 3: 1, 4: 4, 5: 4}
    after = {-1: -1, 1: -1, 2: 2, 3: -1, -2: -2, 4: -2, 5: -2, 7: 7}
    assert_frame_equal(_features(orders, after), _features(orders, before))


def test_several_ids_of_a_family_are_the_favorite_together():
    orders = [Order(1, 5, (Line(1), Line(2))), Order(1, 6, (Line(1), Line(3))), Order(1, 7, (Line(4),))]
    assert _favorite(orders, {}) == (1, 2, 4)
    assert _favorite(orders, {2: 2, 3: 2, 4: 2}) == (4, 3, 3)


def test_several_ids_of_a_family_in_one_order_are_one_order_of_it():
    orders = [Order(1, 4, (Line(9),)), Order(1, 5, (Line(1), Line(9))), Order(1, 6, (Line(9), Line(2), Line(3)))]
    assert _favorite(orders, {2: 1, 3: 1}) == (9, 3, 4)


def test_the_family_is_named_by_its_product_bought_most_often_then_last_then_by_the_smaller_id():
    families = {2: 1, 3: 1}
    assert _favorite([Order(1, day, (Line(product),)) for day, product in ((4, 3), (5, 3), (6, 2))], families)[0] == 3
    assert _favorite([Order(1, day, (Line(product),)) for day, product in ((4, 2), (5, 3))], families)[0] == 3
    assert _favorite([Order(1, 4, (Line(3), Line(2)))], families)[0] == 2


def test_of_families_in_equally_many_orders_the_one_bought_last_is_the_favorite_then_the_smaller_product():
    families = {1: 1, 9: 1, 4: 4, 5: 4}
    assert _favorite([Order(1, 5, (Line(9),)), Order(1, 6, (Line(5),))], families)[0] == 5
    assert _favorite([Order(1, 5, (Line(9), Line(5)))], families)[0] == 5


def test_repeats_within_orders_do_not_hide_the_favorite():
    # Product 9 is in most lines, product family 1 in most orders.
    orders = [Order(1, 4, (Line(9),) * 8), Order(1, 5, (Line(1),)), Order(1, 6, (Line(2),))]
    assert _favorite(orders, {2: 1}) == (2, 2, 4)


def test_families_with_ids_below_those_of_all_bought_products_are_told_apart():
    # Packed keys of customers and families must not collide.
    orders = [Order(customer, 5, (Line(10 + customer), Line(20))) for customer in range(1, 6)]
    families = {20: 3, **{10 + customer: customer for customer in range(1, 6)}}
    made = history(orders)
    rows, items = (nw.from_native(frame.lazy()) for frame in (made.orders, made.order_items))
    (chunk,) = customer_features_in_chunks(rows, items, _frame(families), AS_OF, DAYS, 10)
    assert_frame_equal(chunk.to_native().collect().sort("customer_id"), _features(orders, families))
    assert family_range(_frame(families), NumberRange(11, 10)) == NumberRange(1, 20)
    assert family_range(_frame({}), NumberRange(11, 10)) == NumberRange(11, 10)

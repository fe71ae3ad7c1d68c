from __future__ import annotations

import narwhals as nw
import numpy as np
import polars as pl

from cis_assets.predictions.basket_history import BasketHistory, FamilyIndex, sampled_history
from cis_assets_tests.predictions.baskets import LAST_DAY, order, read, shop, silver

ORDERS = [order(7, 0, 1, 2, 5), order(7, 3, 2, 9), order(3, 1, 4), order(7, 3, 4, hour=20)]


def test_products_of_a_family_count_once_per_order_and_the_first_in_the_cart_stands_for_them():
    history = read(ORDERS)
    families = history.families
    assert history.customer_id.tolist() == [3, 7]
    assert history.order_counts.tolist() == [1, 3]
    milk = families.family_numbers(np.array([1]))[0]
    rows = (history.customer == 1) & (history.family == milk)
    assert families.products[history.product[rows]].tolist() == [1, 2]
    assert history.basket.tolist() == [1, 2, 2, 1]
    assert families.family_numbers(np.array([2, 99])).tolist() == [-1, -1]


def test_orders_of_a_day_keep_their_order():
    history = read(ORDERS)
    assert history.hour[history.first_order[1] :].tolist() == [9, 9, 20]


def test_orders_after_the_last_day_are_not_read():
    whole, early = read(ORDERS), read(ORDERS, last_day=int(read(ORDERS).day.min()))
    assert len(early.day) == 1
    assert len(whole.day) == 4


def test_customers_are_picked_with_their_orders_and_lines():
    whole = read(ORDERS)
    part, alone = whole.of_customers(np.array([False, True])), read([row for row in ORDERS if row.customer_id == 7])
    for name in ("customer_id", "first_order", "day", "customer", "family", "order", "position", "product", "basket"):
        np.testing.assert_array_equal(getattr(part, name), getattr(alone, name))


def test_products_that_are_unknown_are_left_out():
    assert read([order(1, 0, 5, 777)]).basket.tolist() == [1]


def test_a_sample_of_customers_is_read_whole_and_does_not_depend_on_the_order_of_rows():
    orders = shop(customers=30, orders=3)
    whole = read(orders)
    sample = sampled_history(*silver(orders), LAST_DAY, 10)
    again = sampled_history(*silver(orders, shuffled=1), LAST_DAY, 10)
    assert len(sample.customer_id) == 10
    expected = whole.of_customers(np.isin(whole.customer_id, sample.customer_id))
    for name in ("customer_id", "first_order", "day", "customer", "family", "order", "position", "product", "basket"):
        np.testing.assert_array_equal(getattr(sample, name), getattr(expected, name))
        np.testing.assert_array_equal(getattr(again, name), getattr(sample, name))


def test_later_orders_do_not_change_a_sample():
    orders = shop(customers=30, orders=3)
    last_day = int(np.median(read(orders).day))
    # A customer who comes later is not sampled from.
    later = [order(customer, 400, 1, 2) for customer in range(1, 90)]
    first, second = (sampled_history(*silver(rows), last_day, 10) for rows in (orders, [*orders, *later]))
    np.testing.assert_array_equal(first.customer_id, second.customer_id)
    np.testing.assert_array_equal(first.family, second.family)


def test_few_customers_are_all_sampled():
    assert len(sampled_history(*silver(shop(customers=5, orders=2)), LAST_DAY, 10).customer_id) == 5


def test_orders_between_two_days_are_those_that_are_read_alone():
    orders = shop(customers=20, orders=4)
    whole = read(orders)
    first_day, last_day = (int(day) for day in np.quantile(whole.day, [0.4, 0.5], method="nearest"))
    alone = sampled_history(*silver(orders), last_day, 100, first_day)
    assert 0 < len(alone.customer_id) < 20
    for name in ("customer_id", "first_order", "day", "customer", "family", "order", "position", "product", "basket"):
        np.testing.assert_array_equal(getattr(whole.between(first_day, last_day), name), getattr(alone, name))
    assert len(whole.between(0, 1).customer_id) == 0


def test_any_place_in_the_cart_can_be_read():
    orders = [order(1, 0, 5, 1), order(1, 5, 1, 5)]
    heads, lines, products = silver(orders)
    far = nw.from_native(lines.to_native().with_columns(add_to_cart_order=pl.col("add_to_cart_order") + 2_000_000_000))
    found = BasketHistory.read(heads, far, FamilyIndex.read(products), LAST_DAY)
    assert set(found.position) == {1.0}

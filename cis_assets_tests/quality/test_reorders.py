from __future__ import annotations

import narwhals as nw
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from cis_assets.quality.reorders import mark_reorders
from cis_assets_tests.segmentation.histories import HISTORIES, Line, Order, history, orders_of_day


def reorders_of(orders: list[Order], seed: int | None = None) -> dict[tuple[int, int], bool]:
    """Whether each line, by order id and place in the cart, is marked as a reorder."""
    lines = history(orders).order_items
    if seed is not None:
        lines = lines.sample(fraction=1.0, shuffle=True, seed=seed)
    marked = mark_reorders(nw.from_native(lines.lazy())).to_native().collect()
    assert marked.columns == [*lines.columns, "is_reorder"]
    return {
        (order, place): again
        for order, place, again in marked.select("order_id", "add_to_cart_order", "is_reorder").rows()
    }


@given(HISTORIES, st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_a_line_is_a_reorder_if_an_earlier_order_of_the_customer_held_the_product(orders: list[Order], seed: int):
    places = [(order.day, of_day) for order, of_day in zip(orders, orders_of_day(orders), strict=True)]
    expected = {
        (number + 1, place): any(
            other.customer_id == order.customer_id
            and places[earlier] < places[number]
            and line.product_id in {held.product_id for held in other.lines}
            for earlier, other in enumerate(orders)
        )
        for number, order in enumerate(orders)
        for place, line in enumerate(order.lines, start=1)
    }
    assert reorders_of(orders, seed) == expected


def test_a_product_twice_in_its_first_order_is_no_reorder():
    assert set(reorders_of([Order(1, 0, (Line(1), Line(1)))]).values()) == {False}


def test_the_later_order_of_a_day_reorders_from_the_earlier():
    found = reorders_of([Order(1, 3, (Line(1),), hour=20), Order(1, 3, (Line(1),), hour=8)])
    assert found == {(1, 1): True, (2, 1): False}


def test_what_another_customer_bought_does_not_count():
    assert set(reorders_of([Order(1, 0, (Line(1),)), Order(2, 1, (Line(1),))]).values()) == {False}


def test_the_last_order_of_a_busy_day_precedes_the_first_of_the_next():
    busy = history([Order(1, 0, (Line(1),)), Order(1, 1, (Line(1),))]).order_items
    busy = busy.with_columns(order_of_day=pl.when(order_id=1).then(999).otherwise(1).cast(pl.Int32))
    marked = mark_reorders(nw.from_native(busy.lazy())).to_native().collect()
    assert dict(marked.select("order_id", "is_reorder").iter_rows()) == {1: False, 2: True}

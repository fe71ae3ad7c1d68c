from __future__ import annotations

from collections.abc import Callable

import narwhals as nw
import polars as pl
import pytest

from cis_assets.catalog.gold import SEGMENT_PREFERENCES
from cis_assets.segmentation import preferences
from cis_assets.segmentation.preferences import segment_preferences
from cis_assets_tests.segmentation.shoppers import AS_OF, silver_lines, silver_products
from cis_assets_tests.segmentation.test_patterns import members

OnEngine = Callable[[pl.DataFrame], nw.LazyFrame]

PRODUCTS = silver_products({1: ("Milk", "dairy"), 2: ("Wine", "drinks"), 3: ("Cola", "drinks")}).with_columns(
    department_id=pl.Series([1, 2, 2], dtype=pl.Int64)
)
# Segment 1 has 40 customers and segment 2 has 60; all of them buy milk.
SEGMENTS = members({customer: 1 + (customer > 40) for customer in range(1, 101)})
MILK = [(customer, 10, 1) for customer in range(1, 101)]


def found(on_engine: OnEngine, lines: list[tuple[int, int, int]], segments: pl.DataFrame = SEGMENTS) -> pl.DataFrame:
    departments = dict(PRODUCTS.select("product_id", "department_id").iter_rows())
    items = silver_lines(lines).with_columns(pl.col("product_id").replace_strict(departments).alias("department_id"))
    return segment_preferences(on_engine(items), on_engine(segments), on_engine(PRODUCTS), as_of=AS_OF)


def test_the_index_compares_the_buyers_of_a_segment_with_those_of_all_customers(on_engine: OnEngine) -> None:
    wine = [(customer, 5, 2) for customer in range(1, 31)]
    cola = [(customer, 5, 3) for customer in range(71, 101)]
    rows = found(on_engine, [*MILK, *wine, *wine, *cola])
    assert dict(rows.schema) == SEGMENT_PREFERENCES.dtypes
    assert SEGMENT_PREFERENCES.schema.is_valid(rows)
    assert rows.drop("as_of_date", "segment_name", "item_id").rows() == [
        (1, "department", "drinks", 30, 0.75, 125.0),
        (1, "department", "dairy", 40, 1.0, 100.0),
        (1, "product", "Wine", 30, 0.75, 250.0),
        (1, "product", "Milk", 40, 1.0, 100.0),
        (2, "department", "dairy", 60, 1.0, 100.0),
        (2, "department", "drinks", 30, 0.5, 83.333333),
        (2, "product", "Cola", 30, 0.5, 166.666667),
        (2, "product", "Milk", 60, 1.0, 100.0),
    ]


def test_products_count_by_family_under_the_name_that_customers_see(on_engine: OnEngine) -> None:
    families = PRODUCTS.with_columns(display_name=pl.Series([None, "Red Wine", "red wine"]))
    # Wine is bought by customers 20 to 39, Cola by customers 30 to 49: ten buy both.
    lines = [(customer, 5, product) for product in (2, 3) for customer in range(10 * product, 10 * product + 20)]
    segments = members(dict.fromkeys(range(1, 101), 1))
    rows = segment_preferences(
        on_engine(silver_lines([*MILK, *lines])), on_engine(segments), on_engine(families), as_of=AS_OF
    )
    wine = rows.filter(kind="product", item_id=2)
    assert wine.select("item_name", "buyers", "buyer_index").rows() == [("Red Wine", 30, 100.0)]
    assert rows.filter(kind="product")["item_id"].to_list() == [1, 2]


def test_less_than_30_buyers_of_a_segment_are_not_listed_but_count_for_the_average(on_engine: OnEngine) -> None:
    wine = [(customer, 5, 2) for customer in (*range(1, 30), *range(41, 71))]
    rows = found(on_engine, [*MILK, *wine]).filter(item_name="Wine")
    assert rows.select("segment_id", "buyers", "buyer_index").rows() == [(2, 30, 84.745763)]


def test_only_90_days_and_customers_with_an_order_in_them_count(on_engine: OnEngine) -> None:
    recent = [line for line in MILK if line[0] <= 90]
    old = [(customer, before, 2) for customer in range(1, 101) for before in (90, -1)]
    rows = found(on_engine, [*recent, *((100, 89, 1),), *old]).filter(kind="product")
    assert rows.select("segment_id", "item_name", "buyers", "buyer_share", "buyer_index").rows() == [
        (1, "Milk", 40, 1.0, 100.0),
        (2, "Milk", 51, 1.0, 100.0),
    ]


def test_a_segment_lists_the_products_with_the_highest_indices(
    on_engine: OnEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preferences, "MOST_PRODUCTS", 1)
    wine = [(customer, 5, 2) for customer in range(1, 36)]
    rows = found(on_engine, [*MILK, *wine])
    assert rows.filter(kind="product").select("segment_id", "item_name").rows() == [(1, "Wine"), (2, "Milk")]
    assert rows.filter(kind="department").height == 3


def test_without_orders_in_90_days_there_are_no_rows(on_engine: OnEngine) -> None:
    assert found(on_engine, [(1, 200, 1)]).is_empty()

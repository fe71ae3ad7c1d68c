from __future__ import annotations

from datetime import date

import narwhals as nw
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from cis_assets.catalog import silver
from cis_assets.dates import DateRange, day_number
from cis_assets.segmentation.order_windows import conform, customer_bounds, customer_groups, first_by, snapshot_window


def test_a_window_holds_its_first_and_last_day_and_none_beside_them():
    first = day_number(date(2026, 3, 1))
    rows = nw.from_native(pl.LazyFrame({"day_number": range(first - 2, first + 9)}))
    kept = snapshot_window(rows, DateRange(date(2026, 3, 1), date(2026, 3, 7))).collect()["day_number"]
    assert kept.to_list() == list(range(first, first + 7))


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=15))
@settings(max_examples=40, deadline=None)
def test_first_by_keeps_the_row_that_sorting_would_put_first(rows: list[tuple[int, int, int]]):
    frame = pl.DataFrame(rows, schema=["key", "big", "late"], orient="row").with_row_index("number")
    best = first_by(nw.from_native(frame.lazy()), "key", descending=["big", "late"], ascending="number").collect()
    expected: dict[int, tuple[int, int, int]] = {}
    for number, (key, big, late) in enumerate(rows):
        expected[key] = min(expected.get(key, (9, 9, 99)), (-big, -late, number))
    found = dict(best.select("key", "number").iter_rows())
    assert found == {key: number for key, (_, _, number) in expected.items()}
    assert len(best) == len(found)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=30), st.integers(1, 7))
@settings(max_examples=40, deadline=None)
def test_each_row_is_in_one_group_with_all_others_of_its_customer(customers: list[int], groups: int):
    rows = nw.from_native(pl.LazyFrame({"customer_id": customers}, schema={"customer_id": pl.Int64}))
    bounds = customer_bounds(rows, groups)
    found = [group.collect()["customer_id"].to_list() for group in customer_groups(rows, bounds)]
    assert len(found) == len(bounds) + 1 <= groups
    assert sum(map(len, found)) == len(customers)
    assert sum(len(set(group)) for group in found) == len(set(customers))


def test_groups_of_customers_hold_about_as_many_orders_each():
    customers = [number**3 for number in range(12)] * 5
    rows = nw.from_native(pl.LazyFrame({"customer_id": customers}))
    groups = customer_groups(rows, customer_bounds(rows, 3))
    assert [len(group.collect()) for group in groups] == [20, 20, 20]


def test_conform_casts_orders_and_drops_columns():
    schema = {
        **dict.fromkeys(reversed(list(silver.ORDERS.dtypes)), pl.Int64),
        "order_date": pl.Date,
        "extra": pl.String,
    }
    conformed = conform(silver.ORDERS, nw.from_native(pl.LazyFrame(schema=schema))).to_native()
    assert list(conformed.collect_schema().items()) == list(silver.ORDERS.dtypes.items())

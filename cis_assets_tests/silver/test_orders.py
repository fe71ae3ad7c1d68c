from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from cis_assets.catalog import silver
from cis_assets.silver.orders import credit_notes, judge_orders
from cis_assets_tests.conftest import rows_of
from cis_assets_tests.silver.bronze_rows import MONDAY, duplicate_rows, lines, orders, shuffled

PRODUCTS = pl.LazyFrame({"product_id": [1, 2, 3], "department_id": [7, 7, 8]})
TUESDAY = MONDAY + timedelta(days=1)


class Made:
    """Silver tables from bronze rows."""

    def __init__(self, order_rows: pl.LazyFrame, line_rows: pl.LazyFrame) -> None:
        judged = judge_orders(order_rows, line_rows, PRODUCTS)
        self.lines = judged.silver_order_items().collect()
        self.returned = judged.silver_returned_items().collect()
        self.orders = judged.silver_orders().collect()
        self.rejected = judged.silver_rejected_rows().collect()
        self.judged = {
            "orders": judged.orders,
            "order_items": pl.concat([judged.valid_lines, judged.other_lines], how="diagonal"),
        }

    def duplicates(self, table: str) -> pl.DataFrame:
        return self.judged[table].filter(pl.col("fate") == "duplicate").collect()

    def reasons(self, table: str) -> list[str]:
        return self.rejected.filter(source_table=table)["reason"].sort().to_list()


def test_valid_rows_pass_with_the_columns_of_the_catalog():
    made = Made(orders({}), lines({}, {"add_to_cart_order": 2, "product_id": 3}))
    assert (made.orders.height, made.lines.height, made.rejected.height) == (1, 2, 0)
    for table, frame in (
        (silver.ORDERS, made.orders),
        (silver.ORDER_ITEMS, made.lines),
        (silver.RETURNED_ITEMS, made.returned),
        (silver.REJECTED_ROWS, made.rejected),
    ):
        assert list(frame.schema.items()) == list(table.dtypes.items())


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ({"order_id": None}, "order_id is missing"),
        ({"customer_id": None}, "customer_id is missing"),
        ({"order_hour": None}, "order_hour is missing"),
        ({"order_hour": 24}, "order_hour is above 23"),
        ({"order_hour": -1}, "order_hour is below 0"),
        ({"customer_id": None, "order_hour": 24}, "customer_id is missing; order_hour is above 23"),
    ],
)
def test_an_order_that_breaks_a_rule_is_rejected_with_the_reason(order: dict[str, Any], reason: str):
    made = Made(orders(order), lines({}))
    assert (made.orders.height, made.lines.height) == (0, 0)
    assert made.reasons("orders") == [reason]
    absent = "its order was rejected" if order.get("order_id", 1) else "no order of that date has this order_id yet"
    assert made.reasons("order_items") == [absent]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({"order_id": None}, "order_id is missing"),
        ({"product_id": None}, "product_id is missing"),
        ({"add_to_cart_order": None}, "add_to_cart_order is missing"),
        ({"add_to_cart_order": 0}, "add_to_cart_order is below 1"),
        ({"quantity": 0}, "quantity is 0"),
        ({"unit_price": 0.0}, "unit_price is not above 0"),
        ({"unit_price": -0.01}, "unit_price is not above 0"),
        ({"unit_price": 1e300}, "unit_price is above 1000000000"),
        ({"unit_price": float("nan")}, "unit_price is above 1000000000; unit_price is not a number"),
        ({"unit_price": float("inf")}, "unit_price is above 1000000000; unit_price is infinite"),
        ({"product_id": 99}, "product_id is not a known product"),
        ({"order_id": 5}, "no order of that date has this order_id yet"),
        ({"order_date": TUESDAY}, "no order of that date has this order_id yet"),
        ({"order_id": 2}, "its order was rejected"),
        ({"quantity": -1, "product_id": 99}, "product_id is not a known product"),
        ({"quantity": -1, "unit_price": 0.0}, "unit_price is not above 0"),
        ({"quantity": -1, "order_id": 5}, "no order of that date has this order_id yet"),
        (
            {"quantity": 0, "unit_price": 0.0, "product_id": 99, "order_id": 2},
            "unit_price is not above 0; quantity is 0; its order was rejected; product_id is not a known product",
        ),
    ],
)
def test_a_line_that_breaks_a_rule_is_rejected_and_its_order_stays(line: dict[str, Any], reason: str):
    made = Made(
        orders({}, {"order_id": 2, "order_hour": 24}), lines({}, {"order_id": 2}, {"add_to_cart_order": 2, **line})
    )
    assert made.lines["add_to_cart_order"].to_list() == [1]
    assert made.orders["item_count"].to_list() == [1]
    assert made.returned.is_empty()
    assert made.reasons("orders") == ["order_hour is above 23"]
    assert made.reasons("order_items") == sorted(["its order was rejected", reason])


def test_limits_themselves_are_valid():
    made = Made(
        orders({"order_hour": 0}, {"order_id": 2, "order_hour": 23}),
        lines({"quantity": 1, "unit_price": 0.001}, {"order_id": 2, "quantity": 2**31 - 1, "unit_price": 1e9}),
    )
    assert (made.orders.height, made.rejected.height) == (2, 0)


def test_an_order_without_lines_is_rejected():
    made = Made(orders({}, {"order_id": 2}, {"order_id": 3, "order_hour": 24}), lines({}))
    assert made.orders["order_id"].to_list() == [1]
    missing = "no line of that date has this order_id yet"
    assert made.reasons("orders") == [missing, f"order_hour is above 23; {missing}"]


def test_an_order_with_only_invalid_lines_is_rejected_with_them():
    made = Made(orders({}), lines({"quantity": 0}))
    assert made.orders.height == 0
    assert (made.reasons("orders"), made.reasons("order_items")) == (
        ["order has no valid line"],
        ["quantity is 0"],
    )


def test_a_returned_line_goes_to_its_own_table_and_counts_in_no_purchase():
    made = Made(
        orders({"customer_id": 42, "order_hour": 17}),
        lines(
            {"quantity": 2, "unit_price": 1.25},
            {"add_to_cart_order": 2, "product_id": 3, "quantity": -4, "unit_price": 1.25},
        ),
    )
    assert rows_of(made.orders, "item_count", "distinct_product_count", "spend") == [(1, 1, 2.5)]
    assert made.lines["quantity"].to_list() == [2]
    assert made.rejected.is_empty()
    assert made.returned.rows(named=True) == [
        {
            "order_date": MONDAY,
            "order_id": 1,
            "customer_id": 42,
            "product_id": 3,
            "department_id": 8,
            "day_number": 20514,
            "order_hour": 17,
            "order_of_day": 1,
            "add_to_cart_order": 2,
            "returned_quantity": 4,
            "unit_price": 1.25,
        }
    ]


@pytest.mark.parametrize("price", [0.01, None])
def test_the_largest_return_goes_to_the_table_of_returns(price: float | None):
    made = Made(orders({}), lines({"quantity": -(2**31), "unit_price": price}))
    assert made.returned["returned_quantity"].to_list() == [2**31]


def test_an_order_of_returned_lines_alone_is_no_purchase_and_not_rejected():
    made = Made(
        orders({}, {"order_id": 2}),
        lines({"quantity": -1}, {"order_id": 2}, {"order_id": 2, "add_to_cart_order": 2, "quantity": -1}),
    )
    assert made.orders["order_id"].to_list() == [2]
    assert made.rejected.is_empty()
    assert credit_notes(made.orders.lazy(), made.returned.lazy()).collect().rows() == [(MONDAY, 1)]


def test_a_credit_note_with_an_invalid_line_is_one_still():
    made = Made(orders({}), lines({"quantity": -1}, {"add_to_cart_order": 2, "quantity": 0}))
    assert (made.returned.height, made.orders.height, made.reasons("orders")) == (1, 0, [])
    assert made.reasons("order_items") == ["quantity is 0"]


def test_duplicate_rows_of_a_returned_line_count_once():
    made = Made(orders({}), lines({"quantity": -1}, {"quantity": -1}))
    assert (made.returned.height, made.rejected.height) == (1, 0)


def test_a_purchase_and_a_return_with_the_same_key_contradict_each_other():
    made = Made(orders({}), lines({"quantity": 1}, {"quantity": -1}))
    assert (made.lines.height, made.returned.height) == (0, 0)
    assert made.reasons("order_items") == ["rows with this key contradict each other"] * 2


def test_an_order_of_another_date_with_the_same_id_is_another_order():
    made = Made(orders({}, {"order_date": TUESDAY, "customer_id": 20}), lines({}, {"order_date": TUESDAY}))
    assert rows_of(made.lines, "order_date", "customer_id") == [(MONDAY, 10), (TUESDAY, 20)]
    assert made.orders.height == 2


def test_duplicate_rows_count_once_and_are_not_rejected():
    made = Made(orders({}, {}, {}), lines({}, {}))
    assert (made.orders.height, made.lines.height, made.rejected.height) == (1, 1, 0)


@pytest.mark.parametrize("file", ["a.csv", "b.csv"])
def test_a_row_sent_again_does_not_change_the_order_in_which_orders_landed(file: str):
    rows = orders({"order_id": 1}, {"order_id": 2}, {"order_id": 1, "source_file": file})
    made = Made(rows, lines({}, {"order_id": 2}))
    assert rows_of(made.orders, "order_id", "order_of_day") == [(1, 1), (2, 2)]


def test_of_duplicates_the_row_that_landed_last_stays():
    places = [("a.csv", 9), ("b.csv", 3), ("b.csv", 2)]
    placed = [{"source_file": file, "source_line": line} for file, line in places]
    made = Made(
        orders(*({**place, "order_hour": 24} for place in placed)),
        lines(*({**place, "quantity": 0} for place in placed)),
    )
    kept = [json.loads(row) for row in made.rejected["row_json"]]
    assert [(row["source_file"], row["source_line"]) for row in kept] == [("b.csv", 3)] * 2
    for table in ("orders", "order_items"):
        assert rows_of(made.duplicates(table), "source_file", "source_line") == [("a.csv", 9), ("b.csv", 2)]


def test_rows_that_contradict_each_other_or_lack_their_key_are_no_duplicates():
    made = Made(
        orders({}, {}, {"order_hour": 10}, {"order_id": None}, {"order_id": None}),
        lines({}, {}, {"quantity": 2}, {"add_to_cart_order": None}, {"add_to_cart_order": None}),
    )
    for table in ("orders", "order_items"):
        assert made.duplicates(table).is_empty()


@pytest.mark.parametrize("change", [{"customer_id": 20}, {"order_hour": 10}, {"order_hour": None}])
def test_orders_that_contradict_each_other_are_all_rejected(change: dict[str, Any]):
    made = Made(orders({}, change, {}), lines({}))
    assert made.orders.height == 0
    reasons = made.reasons("orders")
    assert len(reasons) == 3
    assert all("rows with this key contradict each other" in reason for reason in reasons)


@pytest.mark.parametrize("change", [{"product_id": 2}, {"quantity": 2}, {"unit_price": None}, {"quantity": None}])
def test_lines_that_contradict_each_other_are_all_rejected(change: dict[str, Any]):
    made = Made(orders({}), lines({}, change, {"add_to_cart_order": 2}))
    assert made.lines["add_to_cart_order"].to_list() == [2]
    assert made.reasons("order_items") == ["rows with this key contradict each other"] * 2


def test_the_same_line_in_another_order_or_on_another_date_is_no_duplicate():
    made = Made(
        orders({}, {"order_id": 2}, {"order_date": TUESDAY}), lines({}, {"order_id": 2}, {"order_date": TUESDAY})
    )
    assert (made.lines.height, made.rejected.height) == (3, 0)


def test_a_product_may_be_in_an_order_twice():
    made = Made(orders({}), lines({}, {"add_to_cart_order": 2}))
    assert rows_of(made.orders, "item_count", "distinct_product_count") == [(2, 1)]


def test_goods_by_weight_are_valid_and_each_line_counts_to_the_cent():
    weights = [Decimal("0.532"), Decimal("0.001"), Decimal("1.265"), Decimal("-0.4")]
    placed = [{"quantity": weight, "unit_price": 1.0, "add_to_cart_order": at} for at, weight in enumerate(weights, 1)]
    made = Made(orders({}), lines(*placed))
    assert sorted(made.lines["quantity"]) == sorted(weights[:3])
    assert made.returned["returned_quantity"].to_list() == [Decimal("0.4")]
    assert made.orders["spend"].to_list() == [pytest.approx(0.53 + 0.0 + 1.26, abs=0.011)]
    for seed in range(5):
        assert Made(orders({}), shuffled(lines(*placed), seed)).orders.equals(made.orders)


def test_a_missing_quantity_is_one_unit():
    made = Made(orders({}), lines({"quantity": None, "unit_price": 3.0}))
    assert made.lines["quantity"].to_list() == [1]
    assert made.orders["spend"].to_list() == [3.0]


def test_spend_is_what_the_lines_add_up_to_in_cents():
    # In binary fractions 3 x 0.1 is 0.30000000000000004.
    made = Made(orders({}), lines({"quantity": 3, "unit_price": 0.1}))
    assert made.orders["spend"].to_list() == [0.3]
    made = Made(orders({}), lines({"quantity": 2, "unit_price": 1.25}, {"add_to_cart_order": 2, "unit_price": 0.5}))
    assert made.orders["spend"].to_list() == [3.0]


def test_spend_is_missing_where_a_price_is():
    made = Made(orders({}), lines({}, {"add_to_cart_order": 2, "unit_price": None}))
    assert made.orders["spend"].to_list() == [None]


def test_lines_carry_the_facts_of_their_order_and_product():
    made = Made(orders({"customer_id": 42, "order_hour": 17}), lines({"product_id": 3}))
    assert rows_of(made.lines, "customer_id", "order_hour", "department_id", "order_of_day") == [(42, 17, 8, 1)]


def test_orders_of_a_customer_and_day_are_numbered_by_hour_then_by_place_of_landing():
    made = Made(
        orders(
            {"order_id": 4, "order_hour": 12, "source_file": "b.csv", "source_line": 2},
            {"order_id": 3, "order_hour": 12, "source_file": "a.csv", "source_line": 9},
            {"order_id": 2, "order_hour": 12, "source_file": "a.csv", "source_line": 8},
            {"order_id": 9, "order_hour": 7, "source_file": "z.csv"},
            {"order_id": 5, "order_hour": 8, "customer_id": 20},
            {"order_id": 6, "order_hour": 6, "order_date": TUESDAY},
        ),
        lines(*({"order_id": number} for number in (2, 3, 4, 5, 9)), {"order_id": 6, "order_date": TUESDAY}),
    )
    expected = [(2, 2), (3, 3), (4, 4), (5, 1), (6, 1), (9, 1)]
    assert rows_of(made.orders, "order_id", "order_of_day") == expected
    assert rows_of(made.lines, "order_id", "order_of_day") == expected


def test_an_order_rejected_by_a_rule_takes_no_number_of_the_day():
    made = Made(orders({"order_id": 8, "order_hour": -1}, {}), lines({}))
    assert made.orders["order_of_day"].to_list() == [1]


@given(st.dates(date(1969, 1, 1), date(2100, 1, 1)))
@settings(max_examples=10, deadline=None)
def test_weekday_and_day_number_are_those_of_the_order_date(day: date):
    made = Made(orders({"order_date": day}), lines({"order_date": day}))
    number = (day - date(1970, 1, 1)).days
    assert rows_of(made.orders, "order_weekday", "day_number") == [(day.isoweekday(), number)]
    assert made.lines["day_number"].to_list() == [number]


def test_a_rejected_line_is_kept_as_it_landed():
    made = Made(orders({}), lines({}, {"add_to_cart_order": 2, "product_id": 99, "quantity": None, "unit_price": None}))
    assert rows_of(made.rejected, "order_date", "source_table", "source_key") == [
        (MONDAY, "order_items", "order_id=1, add_to_cart_order=2")
    ]
    assert json.loads(made.rejected["row_json"].item()) == {
        "order_date": "2026-03-02",
        "order_id": 1,
        "product_id": 99,
        "add_to_cart_order": 2,
        "quantity": None,
        "unit_price": None,
        "source_file": "a.csv",
        "source_line": 3,
    }


def test_a_rejected_order_is_kept_as_it_landed():
    made = Made(orders({"order_id": None, "order_hour": 30}), lines())
    assert made.rejected["source_key"].to_list() == ["order_id=missing"]
    assert json.loads(made.rejected["row_json"].item()) == {
        "order_date": "2026-03-02",
        "order_id": None,
        "customer_id": 10,
        "order_hour": 30,
        "order_key": None,
        "gap_is_minimum": None,
        "source_file": "a.csv",
        "source_line": 2,
    }


_DAYS = st.sampled_from([MONDAY, TUESDAY])
_FILES = st.sampled_from(["a.csv", "b.csv"])
_ORDER_ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "order_date": _DAYS,
            "order_id": st.sampled_from([1, 1, 2, 3, None]),
            "customer_id": st.sampled_from([10, 10, 10, 20, None]),
            "order_hour": st.sampled_from([9, 9, 9, 10, 24, None]),
            "source_file": _FILES,
        }
    ),
    max_size=10,
)
_LINE_ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "order_date": _DAYS,
            "order_id": st.sampled_from([1, 1, 2, 3, None]),
            "product_id": st.sampled_from([1, 1, 1, 2, 99, None]),
            "add_to_cart_order": st.sampled_from([1, 1, 2, 3, 0, None]),
            "quantity": st.sampled_from([1, 1, 2, 0, None, -1, -1, -(2**31)]),
            "unit_price": st.sampled_from([2.5, 2.5, 0.25, 0.0, -1.0, 1e308, float("nan"), None]),
            "source_file": _FILES,
        }
    ),
    max_size=16,
)
_NAMES = ("orders", "lines", "returned", "rejected")


def assert_every_row_is_accounted_for(order_rows: pl.LazyFrame, line_rows: pl.LazyFrame) -> Made:
    """Each bronze row is valid, returned, rejected or a duplicate: the counts add up, and no row is in two tables."""
    made = Made(order_rows, line_rows)
    notes = credit_notes(made.orders.lazy(), made.returned.lazy()).collect().height
    for table, rows, key, passed in (
        ("orders", order_rows, ["order_date", "order_id"], made.orders.height + notes),
        (
            "order_items",
            line_rows,
            ["order_date", "order_id", "add_to_cart_order"],
            made.lines.height + made.returned.height,
        ),
    ):
        duplicates = made.duplicates(table).height
        assert duplicates == duplicate_rows(rows, key)
        assert rows.collect().height == passed + len(made.reasons(table)) + duplicates
        fates = dict(made.judged[table].collect()["fate"].value_counts().iter_rows())
        assert sum(fates.values()) == rows.collect().height
        assert fates.get("valid", 0) + fates.get("returned", 0) == passed
    assert made.rejected["row_json"].is_unique().all()
    in_lines, in_returned = (set(frame.select(silver.ORDER_ITEMS.key).rows()) for frame in (made.lines, made.returned))
    assert not in_lines & in_returned
    return made


@given(_ORDER_ROWS, _LINE_ROWS)
@settings(max_examples=70, deadline=None)
def test_every_bronze_row_has_one_fate_and_a_range_gives_the_rows_of_its_days(
    order_rows: list[dict], line_rows: list[dict]
):
    landed_orders, landed_lines = orders(*order_rows), lines(*line_rows)
    together = assert_every_row_is_accounted_for(landed_orders, landed_lines)
    days = [
        assert_every_row_is_accounted_for(landed_orders.filter(order_date=day), landed_lines.filter(order_date=day))
        for day in (MONDAY, TUESDAY)
    ]
    for name in _NAMES:
        one_by_one = pl.concat([getattr(day, name) for day in days])
        assert_frame_equal(getattr(together, name), one_by_one, check_row_order=False)


@given(_ORDER_ROWS, _LINE_ROWS, st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_silver_does_not_depend_on_the_order_of_rows(order_rows: list[dict], line_rows: list[dict], seed: int):
    landed_orders, landed_lines = orders(*order_rows), lines(*line_rows)
    made, mixed = Made(landed_orders, landed_lines), Made(shuffled(landed_orders, seed), shuffled(landed_lines, seed))
    for name in _NAMES:
        assert_frame_equal(getattr(mixed, name), getattr(made, name), check_row_order=False)


@given(_ORDER_ROWS, _LINE_ROWS)
@settings(max_examples=30, deadline=None)
def test_silver_holds_each_key_once_and_keeps_the_rules_of_the_catalog(order_rows: list[dict], line_rows: list[dict]):
    made = Made(orders(*order_rows), lines(*line_rows))
    for table, frame in (
        (silver.ORDERS, made.orders),
        (silver.ORDER_ITEMS, made.lines),
        (silver.RETURNED_ITEMS, made.returned),
    ):
        assert frame.select(table.key).is_unique().all()
        assert frame.select(table.broken_rules().is_null().all()).item()
    in_orders, in_lines = ({*frame.select("order_date", "order_id").rows()} for frame in (made.orders, made.lines))
    assert in_orders == in_lines

"""Rows of a customer: all of them, and few rows of others if the text of a row is understood."""

from __future__ import annotations

import json
from datetime import date

import polars as pl
import pytest

from cis_assets.catalog import SYSTEM_TABLES, TABLES, bronze, gold, silver
from cis_assets.catalog.customer_rows import Traces, holds_customers, orders_of, theirs
from cis_assets_tests.frames import table_frame

DAY, OTHER_DAY = date(2025, 10, 30), date(2025, 10, 31)
HEADERS = {
    "orders": ["order_id", "customer_id", "order_hour"],
    "order_items": ["order_id", "product_id", "add_to_cart_order"],
    "customers": ["customer_id", "push_consent", "time_zone"],
    "products": ["product_id", "product_name", "aisle_id", "department_id"],
}
# Tables without customers. A new table must be added here or be searched.
NOBODY_IN = {
    "bronze/landed_snapshots",
    *("bronze/landed_files", "quality/date_checks"),
    *("bronze/products", "bronze/aisles", "bronze/departments", "bronze/offers", "silver/products", "silver/offers"),
    *(
        "gold/segment_candidates",
        "gold/segment_model",
        "gold/segment_profiles",
        "gold/order_patterns",
        "gold/order_frequency",
    ),
    *("gold/segment_preferences", "gold/segment_migration", "gold/cohort_retention"),
    *("gold/prediction_models", "gold/model_evaluations"),
    *("gold/notification_copy", "system/erased_customers"),
}


def known_header(source_table: str, _source_file: str) -> list[str]:
    return HEADERS[source_table]


def no_header(_source_table: str, _source_file: str) -> None:
    return None


def traces(*customers: int, orders: tuple[tuple[date, int], ...] = ()) -> Traces:
    schema = {"order_date": pl.Date(), "order_id": pl.Int64()}
    return Traces(frozenset(customers), pl.DataFrame(list(orders), schema=schema, orient="row"))


def marked(rows: pl.DataFrame, of: Traces, header_of=known_header) -> list[bool]:
    return rows.lazy().select(theirs(rows.columns, of, header_of).alias("theirs")).collect()["theirs"].to_list()


def text_is_theirs(source_table: str, text: str, of: Traces, header_of=known_header, day: date = DAY) -> bool:
    row = {"source_table": source_table, "source_file": "file.csv", "raw_text": text, "order_date": day}
    return marked(table_frame(bronze.REJECTED_ROWS, [row]), of, header_of)[0]


@pytest.mark.parametrize("path", (TABLES | SYSTEM_TABLES).keys())
def test_every_table_of_the_catalog_is_searched_or_holds_nobody(path: str):
    table = (TABLES | SYSTEM_TABLES)[path]
    assert holds_customers(table.columns) == (path not in NOBODY_IN)
    if path in NOBODY_IN:
        assert not {"customer_id", "order_id", "raw_text", "row_json"} & table.columns.keys()
        with pytest.raises(ValueError, match="name no customer"):
            theirs(table.columns, traces(1), no_header)
    else:
        assert marked(table.empty(), traces(1), no_header) == []


@pytest.mark.parametrize(
    "table", [table for table in TABLES.values() if "customer_id" in table.columns], ids=lambda table: table.path
)
def test_rows_with_the_number_are_theirs(table):
    rows = table_frame(table, [{"customer_id": 17}, {"customer_id": 18}, {"customer_id": 17}])
    assert marked(rows, traces(17)) == [True, False, True]


def test_lines_of_their_orders_are_theirs_on_the_day_of_the_order_alone():
    rows = table_frame(
        bronze.ORDER_ITEMS,
        [
            {"order_date": DAY, "order_id": 5},
            {"order_date": OTHER_DAY, "order_id": 5},
            {"order_date": DAY, "order_id": 6},
            {"order_date": DAY, "order_id": None},
        ],
    )
    assert marked(rows, traces(17, orders=((DAY, 5),))) == [True, False, False, False]


def test_an_order_without_a_customer_is_theirs_if_its_number_is():
    rows = table_frame(
        bronze.ORDERS,
        [
            {"order_date": DAY, "order_id": 5, "customer_id": None},
            {"order_date": DAY, "order_id": 6, "customer_id": None},
            {"order_date": DAY, "order_id": 5, "customer_id": 18},
        ],
    )
    assert marked(rows, traces(17, orders=((DAY, 5),))) == [True, False, False]


@pytest.mark.parametrize(
    ("source_table", "row", "expected"),
    [
        ("orders", {"order_id": 9, "customer_id": 17}, True),
        ("orders", {"order_id": 17, "customer_id": 18, "order_hour": 17}, False),
        ("orders", {"order_id": 5, "customer_id": None}, True),
        ("orders", {"order_id": 5, "customer_id": 18}, False),
        ("order_items", {"order_id": 5, "product_id": 1}, True),
        ("order_items", {"order_id": 6, "product_id": 17}, False),
    ],
)
def test_rows_that_broke_a_rule_are_judged_by_their_fields(source_table: str, row: dict, expected: bool):
    frame = table_frame(
        silver.REJECTED_ROWS, [{"order_date": DAY, "source_table": source_table, "row_json": json.dumps(row)}]
    )
    assert marked(frame, traces(17, orders=((DAY, 5),))) == [expected]


@pytest.mark.parametrize(
    ("source_table", "text", "expected"),
    [
        ("orders", "9,17,noon", True),
        ("orders", '9," 17 ",noon', True),
        ("orders", "9,17x,3", True),
        ("orders", "9,17.0,3", True),
        ("orders", "9,0017,x", True),
        ("orders", '9,"1 7",3', True),
        ("orders", "9,117,noon", False),
        ("orders", "17,18,noon", False),
        ("orders", "9,18,17h", False),
        # Too few or too many fields: nobody knows which is which.
        ("orders", "17,18", True),
        ("orders", "9,18,3,17", True),
        ("orders", "9,18,3,4", False),
        ("orders", '"9,17,3', True),
        # An order of theirs, whatever else is wrong with it; not another's of the same number.
        ("orders", "5,,noon", True),
        ("orders", "5,18,noon", False),
        ("order_items", "5,milk,1", True),
        ("order_items", "6,17,one", False),
        ("order_items", "6,milk,5", False),
        ("customers", "17,perhaps,UTC", True),
        ("customers", "18,17,UTC", False),
        ("products", "17,Milk,1,x", False),
        ("orders", '{"order_id":"x","customer_id":17,"order_hour":3}', True),
        ("orders", '{"Order_ID ":5," Customer_ID":null,"order_hour":"x"}', True),
        ("orders", '{"order_id":"x17","customer_id":18,"order_hour":17}', False),
        ("orders", '{"order_id":5', True),
    ],
)
def test_rows_that_did_not_parse_are_judged_by_their_fields_where_these_are_known(
    source_table: str, text: str, expected: bool
):
    assert text_is_theirs(source_table, text, traces(17, orders=((DAY, 5),))) is expected


@pytest.mark.parametrize(
    ("source_table", "text", "expected"),
    [
        ("orders", "17,18,noon", True),
        ("orders", '9,"7,316,502,948,117",noon', True),
        ("orders", "9,7 316 502 948 117,noon", True),
        ("order_items", "6,17,one", True),
        ("order_items", "6,117,one", False),
        ("order_items", "6,milk,1,1,0.17", False),
        ("order_items", "6,milk,1,1,17.49", False),
        ("order_items", "6,milk,1,1,1.7", False),
        ("order_items", "6,17.00,one", True),
        ("products", "17,Milk,1,x", False),
    ],
)
def test_without_a_header_any_number_of_a_row_counts(source_table: str, text: str, expected: bool):
    of = traces(17, 7_316_502_948_117, orders=((DAY, 5),))
    assert text_is_theirs(source_table, text, of, no_header) is expected


def test_a_column_that_the_contract_does_not_know_may_name_a_customer():
    def with_note(_source_table: str, _source_file: str) -> list[str]:
        return ["order_id", "product_id", "add_to_cart_order", "bought_by"]

    assert text_is_theirs("order_items", "6,milk,1,17", traces(17), with_note)
    assert not text_is_theirs("order_items", "6,17,x,18", traces(17), with_note)


def test_a_text_of_another_day_is_not_theirs_by_the_number_of_an_order():
    assert not text_is_theirs("order_items", "5,milk,1", traces(17, orders=((DAY, 5),)), day=OTHER_DAY)


def test_snapshot_rows_have_no_orders():
    row = {"source_table": "customers", "source_file": "file.csv", "raw_text": "5,perhaps,UTC"}
    frame = table_frame(bronze.REJECTED_SNAPSHOT_ROWS, [row])
    assert marked(frame, traces(17, orders=((DAY, 5),))) == [False]


def test_numbers_of_any_length_are_looked_at_without_fail():
    text = f"{'9' * 40},-17,{2**63},{2**63 - 1}"
    for customer in (-17, 17, 2**63 - 1):
        assert text_is_theirs("orders", text, traces(customer), no_header)
    assert not text_is_theirs("orders", text, traces(9), no_header)


def test_a_text_may_name_a_customer_whose_number_nobody_knows():
    erased = Traces(frozenset(), further=lambda numbers: frozenset({17}.intersection(numbers)))
    assert text_is_theirs("orders", "9,17,noon", erased)
    assert not text_is_theirs("orders", "9,18,17h", erased)


def orders_found(orders: list[dict], texts: list[tuple[str, str]], header_of=known_header) -> set[tuple]:
    landed = table_frame(bronze.ORDERS, [{"order_date": DAY, **order} for order in orders])
    rejected = table_frame(
        bronze.REJECTED_ROWS,
        [{"order_date": DAY, "source_table": table, "raw_text": text} for table, text in texts],
    )
    return set(orders_of(traces(17), [landed.lazy()], rejected, header_of).rows())


def test_orders_are_found_by_their_rows_and_by_rows_that_did_not_parse():
    orders = [
        {"order_id": 5, "customer_id": 17},
        {"order_id": 6, "customer_id": 18},
        {"order_id": None, "customer_id": 17},
    ]
    assert orders_found(orders, [("orders", "8,17,noon"), ("orders", "9,18,17")]) == {(DAY, 5), (DAY, 8)}


def test_an_order_of_another_customer_is_not_taken_for_theirs_by_a_text():
    orders = [{"order_id": 6, "customer_id": 18}]
    assert orders_found(orders, [("orders", "6,17,noon")]) == set()
    assert orders_found(orders, [("orders", "6,17,8")], no_header) == {(DAY, 8)}


def test_gold_tables_of_segments_are_not_searched():
    assert not holds_customers(gold.SEGMENT_PROFILES.columns)

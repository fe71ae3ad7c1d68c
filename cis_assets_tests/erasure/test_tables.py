"""Customers are taken out of a table in one commit that keeps the other rows, also while others write."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import dataframely as dy
import polars as pl
import pytest
from deltalake import DeltaTable

from cis_assets.catalog import SYSTEM_TABLES, TABLES, Table, bronze, gold, silver
from cis_assets.catalog.customer_rows import Traces
from cis_assets.dates import DateRange
from cis_assets.erasure.tables import count_rows, find_traces, list_tables_with_customers, remove_rows
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.engines.polars_engine import PolarsEngine
from cis_assets.lake.lake import Lake
from cis_assets.lake.slices import WHOLE, Slice
from cis_assets_tests.frames import table_frame

DAY = date(2025, 10, 31)
HEADER = ["order_id", "customer_id", "order_hour"]
HIM = Traces(frozenset({17}))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def header_of(_source_table: str, _source_file: str) -> list[str]:
    return HEADER


def put(lake: Lake, table: Table, rows: list[dict], where: Slice = WHOLE) -> None:
    PolarsEngine().replace(table, lake.location(table), where, LazyChunks.of([table_frame(table, rows)]))


def version(lake: Lake, table: Table) -> int:
    return DeltaTable(lake.location(table).uri).version()


def test_only_partitions_with_the_customer_are_written_in_one_commit(lake: Lake):
    days = [DAY - timedelta(days=back) for back in range(5)]
    rows = [{"order_date": day, "order_id": number, "customer_id": number} for day in days for number in (16, 18)]
    rows += [{"order_date": day, "order_id": 17, "customer_id": 17} for day in days[::2]]
    put(lake, bronze.ORDERS, rows, Slice.of_days(bronze.ORDERS, DateRange(days[-1], days[0])))
    before, files = version(lake, bronze.ORDERS), set(Path(lake.uri).rglob("*.parquet"))
    assert remove_rows(lake, bronze.ORDERS, HIM, header_of) == 3
    assert version(lake, bronze.ORDERS) == before + 1
    assert len(set(Path(lake.uri).rglob("*.parquet")) - files) == 3
    left = lake.scan(bronze.ORDERS).collect()
    assert sorted(left["customer_id"]) == [16] * 5 + [18] * 5
    assert count_rows(lake, bronze.ORDERS, HIM, header_of) == 0


def test_a_table_without_the_customer_is_not_written(lake: Lake):
    put(lake, bronze.CUSTOMERS, [{"customer_id": 16}])
    before = version(lake, bronze.CUSTOMERS)
    assert remove_rows(lake, bronze.CUSTOMERS, HIM, header_of) == 0
    assert version(lake, bronze.CUSTOMERS) == before


def test_the_only_customer_of_a_day_can_be_removed_from_a_table_that_is_never_empty(lake: Lake):
    assert not gold.CUSTOMER_FEATURES.may_be_empty
    where = Slice.of_days(gold.CUSTOMER_FEATURES, DateRange(DAY, DAY))
    put(lake, gold.CUSTOMER_FEATURES, [{"as_of_date": DAY, "customer_id": 17}], where)
    assert remove_rows(lake, gold.CUSTOMER_FEATURES, HIM, header_of) == 1
    assert lake.scan(gold.CUSTOMER_FEATURES).collect().is_empty()


def test_no_number_enters_the_log_with_the_commit(lake: Lake):
    number = 7_316_502_948_117
    put(lake, bronze.CUSTOMERS, [{"customer_id": number}, {"customer_id": 16}])
    before = set(Path(lake.uri).rglob("*.json"))
    remove_rows(lake, bronze.CUSTOMERS, Traces(frozenset({number})), header_of)
    (commit,) = set(Path(lake.uri).rglob("*.json")) - before
    assert str(number) not in commit.read_text()
    assert '"operation":"WRITE"' in commit.read_text()


@pytest.mark.parametrize("table", [bronze.REJECTED_ROWS, bronze.REJECTED_SNAPSHOT_ROWS], ids=lambda table: table.path)
def test_what_somebody_else_writes_meanwhile_is_kept(lake: Lake, table: Table):
    def rejected(*customers: int) -> list[dict]:
        day = {"order_date": DAY} if table.partition_by else {}
        source = "orders" if table.partition_by else "customers"
        return [{**day, "source_table": source, "raw_text": f"9,{customer},noon"} for customer in customers]

    where = Slice.of_days(table, DateRange(DAY, DAY)) if table.partition_by else WHOLE
    put(lake, table, rejected(17, 18), where)
    written = []

    def write_meanwhile(_source_table: str, _source_file: str) -> list[str]:
        if not written:
            written.append(1)
            put(lake, table, rejected(17, 18, 19), where)
        return HEADER if table.partition_by else ["time_zone", "customer_id", "push_consent"]

    assert remove_rows(lake, table, HIM, write_meanwhile) == 1
    assert sorted(lake.scan(table).collect()["raw_text"]) == ["9,18,noon", "9,19,noon"]


def test_files_that_are_put_together_meanwhile_do_not_come_back(lake: Lake):
    table = bronze.REJECTED_SNAPSHOT_ROWS
    for batch, customer in enumerate((17, 18, 19)):
        rows = table_frame(table, [{"source_table": "customers", "raw_text": f"{customer},perhaps,UTC"}])
        PolarsEngine().append(table, lake.location(table), WHOLE, {f"batch {batch}": WHOLE}, LazyChunks.of([rows]))
    compacted = []

    def compact_meanwhile(_source_table: str, _source_file: str) -> list[str]:
        if not compacted:
            compacted.append(DeltaTable(lake.location(table).uri).optimize.compact())
        return ["customer_id", "push_consent", "time_zone"]

    assert remove_rows(lake, table, HIM, compact_meanwhile) == 1
    assert compacted[0]["numFilesRemoved"] == 3
    assert sorted(lake.scan(table).collect()["raw_text"]) == ["18,perhaps,UTC", "19,perhaps,UTC"]


class VisitsSchema(dy.Schema):
    """Visits by shop and day."""

    shop = dy.String()
    visited_on = dy.Date()
    customer_id = dy.Int64()


def test_a_table_with_two_partition_columns_loses_the_customer_alone(lake: Lake):
    visits = Table("gold", "visits", VisitsSchema, "visit", (), ("visited_on", "shop"), may_be_empty=True)
    rows = [
        {"shop": shop, "visited_on": DAY - timedelta(days=back), "customer_id": customer}
        for shop in ("north", "o'south")
        for back in range(70)
        for customer in (16, 18)
    ]
    theirs = [
        {"shop": "north", "visited_on": DAY - timedelta(days=69), "customer_id": 17},
        {"shop": "o'south", "visited_on": DAY, "customer_id": 17},
    ]
    PolarsEngine().append(
        visits, lake.location(visits), WHOLE, {"once": WHOLE}, LazyChunks.of([table_frame(visits, rows + theirs)])
    )
    assert remove_rows(lake, visits, HIM, header_of) == 2
    assert sorted(lake.scan(visits).collect().rows()) == sorted(table_frame(visits, rows).rows())


def test_tables_that_tell_the_orders_are_written_last():
    order = [table.path for table in list_tables_with_customers((TABLES | SYSTEM_TABLES).values())]
    by_orders = [order.index(path) for path in ("bronze/order_items", "silver/rejected_rows")]
    assert max(by_orders) < order.index("bronze/rejected_rows") < order.index("bronze/orders")
    telling = [path for path, table in TABLES.items() if {"customer_id", "order_id"} <= table.columns.keys()]
    assert order.index("bronze/rejected_rows") < min(map(order.index, telling))


def test_orders_are_told_by_every_table_that_has_them(lake: Lake):
    days = DateRange(DAY, DAY)
    put(
        lake, bronze.ORDERS, [{"order_date": DAY, "order_id": 5, "customer_id": 17}], Slice.of_days(bronze.ORDERS, days)
    )
    put(
        lake, silver.ORDERS, [{"order_date": DAY, "order_id": 6, "customer_id": 17}], Slice.of_days(silver.ORDERS, days)
    )
    text = {"order_date": DAY, "source_table": "orders", "raw_text": "7,17,noon"}
    put(lake, bronze.REJECTED_ROWS, [text], Slice.of_days(bronze.REJECTED_ROWS, days))
    tables = [bronze.ORDERS, silver.ORDERS, bronze.REJECTED_ROWS]
    assert sorted(find_traces(lake, tables, frozenset({17}), header_of).orders["order_id"]) == [5, 6, 7]


def test_rows_as_json_are_found_by_number(lake: Lake):
    texts = [json.dumps({"customer_id": customer, "push_consent": None}) for customer in (17, 117, None)]
    put(lake, silver.REJECTED_SNAPSHOT_ROWS, [{"source_table": "customers", "row_json": text} for text in texts])
    assert remove_rows(lake, silver.REJECTED_SNAPSHOT_ROWS, HIM, header_of) == 1
    assert (
        lake.scan(silver.REJECTED_SNAPSHOT_ROWS).select(pl.col("row_json")).collect()["row_json"].to_list() == texts[1:]
    )

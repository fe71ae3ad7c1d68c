"""Rows whose counterpart arrives in a later file of the same date are rejected, then valid once the date is reprocessed."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from cis_assets.catalog import silver
from cis_assets.dates import DateRange
from cis_assets_tests.defs.pipeline import INGEST, Shop, shop_at

pytestmark = pytest.mark.slow

DAY = date(2025, 3, 3)
ORDERS = "order_id,customer_id,order_hour"
OTHERS = range(101, 109)
LINES = "order_id,product_id,add_to_cart_order,quantity,unit_price"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = shop_at(tmp_path)
    write(made, "products/products.csv", "product_id,product_name,aisle_id,department_id", "5,Tea,1,1")
    write(made, "aisles/aisles.csv", "aisle_id,aisle", "1,drinks")
    write(made, "departments/departments.csv", "department_id,department", "1,beverages")
    # If most rows of the date were rejected, the date would be quarantined.
    land(made, "orders", "others", *(f"{number},{number},9" for number in OTHERS))
    land(made, "order_items", "others", *(f"{number},5,1,1,2.5" for number in OTHERS))
    return made


def write(shop: Shop, path: str, *lines: str) -> None:
    file = Path(shop.settings.landing_uri) / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n")


def land(shop: Shop, table: str, file: str, *lines: str) -> None:
    write(shop, f"{table}/order_date={DAY}/{file}.csv", ORDERS if table == "orders" else LINES, *lines)


def read_the_date(shop: Shop) -> tuple[list[int], list[int], dict[str, str]]:
    """The ids of the valid orders but the others, those of their lines, and the reasons of rejected rows by what they are."""
    shop.run(INGEST, DateRange(DAY, DAY))
    orders, items = (
        shop.rows(table).filter(~pl.col("order_id").is_in(OTHERS))["order_id"].sort().to_list()
        for table in (silver.ORDERS, silver.ORDER_ITEMS)
    )
    rejected = shop.rows(silver.REJECTED_ROWS).select(pl.format("{} {}", "source_table", "source_key"), "reason")
    return orders, items, dict(rejected.iter_rows())


def test_a_line_whose_order_arrives_later_is_picked_up_and_one_of_a_rejected_order_is_not(shop: Shop):
    land(shop, "orders", "orders", "1,10,9", "2,10,24")
    land(shop, "order_items", "order_items", "1,5,1,1,2.5", "2,5,1,1,2.5", "3,5,1,1,2.5", "4,5,1,-1,2.5")
    set_aside = {
        "orders order_id=2": "order_hour is above 23",
        "order_items order_id=2, add_to_cart_order=1": "its order was rejected",
    }
    waiting = {
        f"order_items order_id={number}, add_to_cart_order=1": "no order of that date has this order_id yet"
        for number in (3, 4)
    }
    assert read_the_date(shop) == ([1], [1], set_aside | waiting)
    assert shop.rows(silver.RETURNED_ITEMS).is_empty()
    land(shop, "orders", "late", "3,11,10", "4,11,11")
    assert read_the_date(shop) == ([1, 3], [1, 3], set_aside)
    assert shop.rows(silver.RETURNED_ITEMS)["order_id"].to_list() == [4]


def test_an_order_whose_lines_arrive_later_is_picked_up_and_one_of_rejected_lines_is_not(shop: Shop):
    land(shop, "orders", "orders", "1,10,9", "2,10,10", "3,10,11")
    land(shop, "order_items", "order_items", "1,5,1,1,2.5", "2,5,1,0,2.5")
    set_aside = {
        "orders order_id=2": "order has no valid line",
        "order_items order_id=2, add_to_cart_order=1": "quantity is 0",
    }
    waiting = {"orders order_id=3": "no line of that date has this order_id yet"}
    assert read_the_date(shop) == ([1], [1], set_aside | waiting)
    land(shop, "order_items", "late", "3,5,1,1,2.5")
    assert read_the_date(shop) == ([1, 3], [1, 3], set_aside)


def test_a_row_sent_again_in_a_later_file_changes_nothing(shop: Shop):
    land(shop, "orders", "orders", "1,10,9", "2,10,9")
    land(shop, "order_items", "order_items", "1,5,1,1,2.5", "2,5,1,1,2.5")
    read_the_date(shop)
    before = {table: shop.rows(table) for table in (silver.ORDERS, silver.ORDER_ITEMS, silver.REJECTED_ROWS)}
    land(shop, "orders", "resent", "1,10,9")
    land(shop, "order_items", "resent", "1,5,1,1,2.5")
    read_the_date(shop)
    assert all(shop.rows(table).equals(rows) for table, rows in before.items())

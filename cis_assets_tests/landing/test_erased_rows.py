"""Rows of erased customers are left out of what landed and counted; nobody else's are."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from pydantic import SecretStr

from cis_assets.lake.erased_customers import NOBODY, ErasedCustomers, ErasureKey
from cis_assets.landing.erased_rows import ErasedRowCounts
from cis_assets.landing.folder import LandingFolder
from cis_assets.landing.reader import LandedDays, read_days
from cis_assets.landing.snapshots import read_snapshots
from cis_assets_tests.landing.landing_files import ITEMS_HEADER, ORDERS_HEADER, put, whole

FIRST, SECOND = date(2025, 10, 30), date(2025, 10, 31)
KEY = ErasureKey(SecretStr("a key of the tests that is long enough"))


def erased(*customers: int) -> ErasedCustomers:
    return ErasedCustomers(KEY, [KEY.hash(customer) for customer in customers])


def land(root: Path, day: date, orders: str, items: str, *, name: str = "1") -> None:
    put(root, f"orders/order_date={day}/{name}.csv", f"{ORDERS_HEADER}\n{orders}")
    put(root, f"order_items/order_date={day}/{name}.csv", f"{ITEMS_HEADER}\n{items}")


def read(root: Path, who: ErasedCustomers, *days: date) -> LandedDays:
    return read_days(LandingFolder(str(root)), days or (FIRST,), who)


def numbers(landed: LandedDays) -> tuple[list[int], list[int], list[str]]:
    return (
        sorted(whole(landed.orders).collect()["order_id"]),
        sorted(whole(landed.order_items).collect()["order_id"]),
        sorted(whole(landed.rejected).collect()["raw_text"]),
    )


def test_orders_lines_and_rejected_rows_of_erased_customers_are_left_out_and_counted(tmp_path: Path):
    land(
        tmp_path,
        FIRST,
        "1,17,9\n2,18,9\n3,17,noon\n4,18,noon\n",
        "1,5,1,1,\n2,5,1,1,\n3,5,1,1,\n1,milk,2,1,\n2,milk,2,1,\n",
    )
    landed = read(tmp_path, erased(17))
    assert numbers(landed) == ([2], [2], ["2,milk,2,1,", "4,18,noon"])
    assert landed.left_out == ErasedRowCounts(orders=1, order_items=2, rejected=2)
    assert landed.left_out.sentences() == [
        "Left out as rows of erased customers: 1 orders, 2 order lines, 2 rows that did not parse."
    ]


def test_lines_of_an_order_that_did_not_parse_are_left_out_on_a_day_without_any_other(tmp_path: Path):
    land(tmp_path, FIRST, "3,17,noon\n4,18,9\n", "3,5,1,1,\n4,5,1,1,\n")
    landed = read(tmp_path, erased(17))
    assert numbers(landed) == ([4], [4], [])
    assert landed.left_out == ErasedRowCounts(order_items=1, rejected=1)


@pytest.mark.parametrize("who", [NOBODY, erased(99)], ids=["nobody", "somebody who never ordered"])
def test_nothing_is_left_out_and_nothing_said_where_none_of_them_landed(tmp_path: Path, who: ErasedCustomers):
    land(tmp_path, FIRST, "1,17,9\n3,17,noon\n", "1,5,1,1,\n")
    landed = read(tmp_path, who)
    assert numbers(landed) == ([1], [1], ["3,17,noon"])
    assert landed.left_out == ErasedRowCounts()
    assert landed.left_out.sentences() == []


def test_a_small_number_takes_no_rows_of_others_along(tmp_path: Path):
    land(tmp_path, FIRST, "17,18,17\n2,1,noon\n3,18,17h\n", "17,17,17,17,17\n2,17,x,17,17\n")
    landed = read(tmp_path, erased(17))
    assert numbers(landed) == ([17], [17], ["2,1,noon", "2,17,x,17,17", "3,18,17h"])


def test_an_order_of_one_date_takes_no_lines_of_another_along(tmp_path: Path):
    land(tmp_path, FIRST, "1,17,9\n2,18,9\n", "1,5,1,1,\n2,5,1,1,\n")
    land(tmp_path, SECOND, "1,18,9\n", "1,6,1,1,\n")
    landed = read(tmp_path, erased(17), FIRST, SECOND)
    kept = whole(landed.order_items).select("order_date", "order_id").collect()
    assert sorted(kept.rows()) == [(FIRST, 2), (SECOND, 1)]


def test_orders_and_their_lines_may_be_in_different_files_of_a_date(tmp_path: Path):
    land(tmp_path, FIRST, "1,17,9\n", "2,5,1,1,\n")
    land(tmp_path, FIRST, "2,18,9\n", "1,5,1,1,\n1,5,2,1,\n", name="2")
    landed = read(tmp_path, erased(17))
    assert numbers(landed) == ([2], [2], [])
    assert landed.left_out == ErasedRowCounts(orders=1, order_items=2)


def test_customers_of_parquet_files_and_files_with_other_columns_are_left_out_too(tmp_path: Path):
    put(
        tmp_path,
        f"orders/order_date={FIRST}/a.csv",
        "order_hour,note,Customer_ID,order_id\n9,x,17,1\n9,ask 17,18,2\nnoon,ask 17,18,3\n",
    )
    frame = pl.DataFrame({"customer_id": ["17", "18", "17"], "order_id": ["4", "5", "x"], "order_hour": [1, 2, 3]})
    put(tmp_path, f"orders/order_date={FIRST}/b.parquet", frame)
    put(tmp_path, f"order_items/order_date={FIRST}/a.csv", f"{ITEMS_HEADER}\n1,5,1,1,\n2,5,1,1,\n4,5,1,1,\n5,5,1,1,\n")
    landed = read(tmp_path, erased(17))
    assert numbers(landed) == ([2, 5], [2, 5], [])
    assert landed.left_out == ErasedRowCounts(orders=2, order_items=2, rejected=2)


def test_snapshots_lose_erased_customers_and_no_products(tmp_path: Path):
    put(
        tmp_path,
        "customers/all.csv",
        "customer_id,push_consent,time_zone\n17,true,UTC\n18,true,UTC\n17,perhaps,UTC\n18,perhaps,UTC\n",
    )
    put(tmp_path, "products/all.csv", "product_id,product_name,aisle_id,department_id\n17,Milk,17,17\n18,Bread,17,x\n")
    put(tmp_path, "aisles/all.csv", "aisle_id,aisle\n17,Dairy\n")
    put(tmp_path, "departments/all.csv", "department_id,department\n17,Dairy\n")
    landed = read_snapshots(LandingFolder(str(tmp_path)), erased=erased(17))
    assert landed.rows["customers"].collect()["customer_id"].to_list() == [18]
    assert landed.rows["products"].collect()["product_id"].to_list() == [17]
    assert sorted(landed.rejected.collect()["raw_text"]) == ["18,Bread,17,x", "18,perhaps,UTC"]
    assert landed.left_out == ErasedRowCounts(customers=1, rejected=1)


def test_an_offer_keeps_its_audience_when_all_of_it_was_erased(tmp_path: Path):
    put(tmp_path, "products/all.csv", "product_id,product_name,aisle_id,department_id\n1,Milk,1,1\n")
    put(tmp_path, "aisles/all.csv", "aisle_id,aisle\n1,Dairy\n")
    put(tmp_path, "departments/all.csv", "department_id,department\n1,Dairy\n")
    put(tmp_path, "offer_audience/all.csv", "offer_id,customer_id\n5,17\n6,18\n6,17\n5,x17\n")
    landed = read_snapshots(LandingFolder(str(tmp_path)), erased=erased(17))
    rows = landed.rows["offer_audience"].select("offer_id", "customer_id").collect().rows()
    assert rows == [(5, None), (6, 18), (6, None)]
    assert landed.left_out == ErasedRowCounts(offer_audience=2, rejected=1)


def test_each_number_is_hashed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    hashed = []
    monkeypatch.setattr(KEY, "hash", lambda number: hashed.append(number) or str(number))
    for day in (FIRST, SECOND):
        land(tmp_path, day, "".join(f"{number},{number % 7 + 100},9\n" for number in range(50)), "1,5,1,1,\n")
    read(tmp_path, ErasedCustomers(KEY, ["none"]), FIRST, SECOND)
    assert sorted(hashed) == list(range(100, 107))

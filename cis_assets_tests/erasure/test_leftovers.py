"""An erasure also deletes files outside the tables that may hold customers' rows, and the receipt says so."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from cis_assets.actions.repair import repair_table
from cis_assets.catalog import silver
from cis_assets.erasure import leftovers
from cis_assets.erasure.erase import find_customers
from cis_assets.erasure.leftovers import LeftoversError, remove_half_landed
from cis_assets.landing.folder import LandingFolder
from cis_assets_tests.erasure.byte_search import traces_of
from cis_assets_tests.erasure.conftest import CUSTOMER, END, ShopWithCustomer

pytestmark = pytest.mark.slow


def in_lake(shop: ShopWithCustomer) -> dict[str, set[str]]:
    return traces_of(shop.numbers, shop.lake)


def move_orders_aside(shop: ShopWithCustomer) -> str:
    shutil.rmtree(shop.lake / "silver/orders/_delta_log")
    (done,) = repair_table(shop.shop.lake, str(shop.landing), silver.ORDERS)
    assert "The next `cis forget` deletes what was moved" in done
    (moved,) = (shop.lake / "moved_aside/silver").iterdir()
    return moved.relative_to(shop.lake).as_posix()


def test_a_table_that_a_repair_moved_aside_is_deleted(with_customer: ShopWithCustomer):
    moved = move_orders_aside(with_customer)
    assert any(path.startswith(moved) for path in in_lake(with_customer))
    found = find_customers(with_customer.shop.lake, LandingFolder(str(with_customer.landing)), [CUSTOMER])
    assert found.moved_aside == [moved]
    receipt = with_customer.erase()
    assert in_lake(with_customer) == {}
    assert receipt.moved_aside_removed == (moved,)
    assert receipt.leftover_files_removed >= 4
    assert receipt.elsewhere_in_the_lake == ()
    written = json.loads(Path(receipt.write(str(with_customer.lake))).read_text())
    assert written["moved_aside_removed"] == [moved]


def test_files_of_killed_writers_outside_of_tables_are_deleted(with_customer: ShopWithCustomer):
    rows = f"1,{CUSTOMER},9\n"
    lake = with_customer.lake
    shutil.rmtree(lake / "gold/customer_segments")
    (lake / "system/table_versions/gold.customer_segments.json").unlink()
    killed = [
        *(lake / "dashboard/customers.html#170141183460469231731687303715884105727", lake / "system/x.json#1"),
        *(lake / "exports#2", lake / "gold/customer_segments/_delta_log/00000000000000000000.json.torn"),
        lake / "gold/customer_segments/as_of_date=2025-10-31/part-0.snappy.parquet#1",
    ]
    for path in killed:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(rows)
    receipt = with_customer.erase()
    assert not [path for path in killed if path.exists()]
    assert receipt.leftover_files_removed == len(killed)
    assert in_lake(with_customer) == {}


def test_half_written_landing_files_of_killed_commands_are_deleted(with_customer: ShopWithCustomer):
    day = with_customer.landing / f"orders/order_date={END}"
    old = day / "orders.csv#170141183460469231731687303715884105727"
    young = day / "orders.csv#170141183460469231731687303715884105726"
    of_a_person = day / "orders.csv#2"
    for path in (old, young, of_a_person):
        path.write_text(f"1,{CUSTOMER},9\n")
    for path in (old, of_a_person):
        os.utime(path, (0, 0))
    receipt = with_customer.erase()
    assert not old.exists()
    assert receipt.leftover_files_removed == 1
    unread = {path.relative_to(with_customer.landing).as_posix() for path in (young, of_a_person)}
    assert {*receipt.landing_files.unread} == unread
    assert remove_half_landed(str(with_customer.landing)) == 0


def test_files_that_cannot_be_deleted_fail_the_erasure(
    with_customer: ShopWithCustomer, monkeypatch: pytest.MonkeyPatch
):
    move_orders_aside(with_customer)
    monkeypatch.setattr(leftovers, "delete", lambda *_: None)
    with pytest.raises(LeftoversError, match=r"could not be deleted, for example .*/moved_aside/silver/orders-"):
        with_customer.erase()

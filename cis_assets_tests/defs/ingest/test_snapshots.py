"""Snapshots through the asset graph: what their rows become, what a broken one changes, and what it does not."""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from cis_assets.catalog import bronze, silver
from cis_assets.cli import main
from cis_assets.dates import DateRange
from cis_assets.landing.folder import LandingFolder
from cis_assets.landing.snapshots import read_snapshots
from cis_assets.quality.snapshots import ACCOUNTED, CHECKS, DROP, IN_FORCE, KEPT, REJECTED
from cis_assets.settings import settings
from cis_assets.sources.instacart.source import InstacartSource
from cis_assets.sources.landing_writer import land
from cis_assets.views.reconciliation import reconcile_snapshots
from cis_assets_tests.defs.pipeline import INGEST, Shop, shop_at
from cis_assets_tests.landing.landing_files import put

pytestmark = pytest.mark.slow

DAYS = DateRange(date(2025, 6, 1), date(2025, 6, 2))


def land_shop(root: Path, *, products: int = 40) -> None:
    put_products(root, range(1, products + 1))
    put(root, "aisles/aisles.csv", "aisle_id,aisle\n1,fresh\n")
    put(root, "departments/departments.csv", "department_id,department\n1,produce\n")
    put(root, "customers/customers.csv", "customer_id,push_consent,time_zone\n1,Y,Eastern Standard Time\n2,0,\n2,0,\n")
    put(root, "offers/offers.csv", "offer_id,product_id,percent_off,starts_on,ends_on\n1,1,10,2025-06-01,2025-07-01\n")
    for day in DAYS:
        put(
            root,
            f"orders/order_date={day}/o.csv",
            "order_id,customer_id,order_hour\n" + "".join(f"{n},{n},9\n" for n in range(1, 21)),
        )
        lines = "".join(f"{n},{2 * n + place - 2},{place},1,2.00\n" for n in range(1, 21) for place in (1, 2))
        put(
            root,
            f"order_items/order_date={day}/i.csv",
            f"order_id,product_id,add_to_cart_order,quantity,unit_price\n{lines}",
        )


def put_products(root: Path, numbers: range | list[int]) -> None:
    rows = "".join(f"{number},Product {number},1,1\n" for number in numbers)
    put(root, "products/products.csv", f"product_id,product_name,aisle_id,department_id\n{rows}")


def run(shop: Shop, **settings) -> dict[str, str | None]:
    """Read both dates; return what each check of snapshots says (None: passed)."""
    result = shop.run(INGEST, DAYS, **settings)
    return {
        each.check_name: None if each.passed else each.description
        for each in result.get_asset_check_evaluations()
        if each.check_name in CHECKS
    }


def test_windows_zones_and_words_for_consent_are_understood_and_every_row_is_accounted_for(tmp_path: Path) -> None:
    land_shop(tmp_path / "landing")
    shop = shop_at(tmp_path)
    assert run(shop) == dict.fromkeys(CHECKS)
    assert shop.rows(silver.CUSTOMERS).select("customer_id", "push_consent", "time_zone").sort("customer_id").rows() == [
        (1, True, "America/New_York"), (2, False, "UTC"),
    ]  # fmt: skip
    counts = reconcile_snapshots(shop.lake)
    assert counts.select("source_table", "landed", "valid", "rejected", "unparsed", "duplicates").rows() == [
        ("aisles", 1, 1, 0, 0, 0), ("customers", 3, 2, 0, 0, 1), ("departments", 1, 1, 0, 0, 0),
        ("offers", 1, 1, 0, 0, 0), ("products", 40, 40, 0, 0, 0),
    ]  # fmt: skip


def test_a_delisted_product_keeps_its_history_whatever_is_read_again(tmp_path: Path) -> None:
    land_shop(tmp_path / "landing")
    shop = shop_at(tmp_path)
    run(shop)
    before = shop.rows(silver.ORDER_ITEMS)
    put_products(tmp_path / "landing", [*range(1, 6), *range(7, 41), 41])
    assert run(shop) == dict.fromkeys(CHECKS)
    assert shop.rows(silver.ORDER_ITEMS).equals(before)
    assert before.height == 80
    products = shop.rows(silver.PRODUCTS)
    assert products.filter(pl.col("delisted_at").is_not_null())["product_id"].to_list() == [6]
    newest = products["last_seen"].max()
    assert products.filter(product_id=6)["delisted_at"].item() == newest
    assert products.filter(product_id=41)["first_seen"].item() == newest


def test_broken_optional_snapshots_stop_no_orders_and_are_said(tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    land_shop(landing)
    shop = shop_at(tmp_path)
    run(shop)
    former = [shop.rows(table) for table in (silver.OFFERS, silver.CUSTOMERS)]
    put(landing, "offers/offers.csv", "")
    put(landing, "customers/customers.csv", "customer,push_consent,time_zone\n1,true,UTC\n")
    late = "21,1,9\n"
    put(landing, f"orders/order_date={DAYS.last}/late.csv", f"order_id,customer_id,order_hour\n{late}")
    put(landing, f"order_items/order_date={DAYS.last}/late.csv", "order_id,product_id,add_to_cart_order\n21,1,1\n")
    said = run(shop)
    assert said == dict.fromkeys(CHECKS) | {
        IN_FORCE: "Not in force: the newest snapshot of customers; the newest snapshot of offers."
    }
    assert [
        shop.rows(table).equals(rows) for table, rows in zip((silver.OFFERS, silver.CUSTOMERS), former, strict=True)
    ] == [True, True]
    assert shop.rows(silver.ORDERS).height == 41


def test_a_first_customers_snapshot_without_rows_is_said(tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    land_shop(landing)
    put(landing, "customers/customers.csv", "customer_id,push_consent,time_zone\n")
    put(landing, "offers/offers.csv", "offer_id,product_id,percent_off,starts_on,ends_on\n")
    result = shop_at(tmp_path).run(INGEST, DAYS)
    said = {each.check_name: each for each in result.get_asset_check_evaluations() if not each.passed}
    assert {name: (each.severity.value, each.description) for name, each in said.items()} == {
        DROP: ("WARN", "customers/customers.csv: no rows, so there are no customers."),
        "consent_is_known": (
            "WARN",
            "Nobody gets messages: snapshot customers/customers.csv has no customers. Land customers again if it should "
            "have some.",
        ),
    }


def test_each_row_of_aisles_and_departments_is_accounted_for(tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    land_shop(landing)
    names = "".join(f"{number},aisle {number}\n" for number in range(3, 10))
    put(landing, "aisles/aisles.csv", f"aisle_id,aisle\n1,old\n1,fresh\n2,\n,nowhere\n3,aisle 3\nx,bad\n{names}")
    put(landing, "departments/departments.csv", "department_id,department\n1,produce\n1,produce\n2, \n")
    shop = shop_at(tmp_path)
    assert run(shop, rejected_share_warn=1) == dict.fromkeys(CHECKS)
    rejected = shop.rows(silver.REJECTED_SNAPSHOT_ROWS)
    assert sorted(rejected.select("source_table", "source_key", "reason").rows()) == [
        ("aisles", "aisle_id=1", "another name of this id landed later"),
        ("aisles", "aisle_id=2", "aisle is missing"),
        ("aisles", "aisle_id=missing", "aisle_id is missing"),
        ("departments", "department_id=2", "department is missing"),
    ]
    counts = reconcile_snapshots(shop.lake).filter(pl.col("source_table").is_in(["aisles", "departments"]))
    assert counts.select("source_table", "landed", "valid", "rejected", "unparsed", "duplicates").rows() == [
        ("aisles", 13, 8, 3, 1, 1), ("departments", 3, 1, 1, 0, 1),
    ]  # fmt: skip
    landed = shop.rows(bronze.LANDED_SNAPSHOTS).filter(pl.col("source_table") == "aisles")
    assert landed.select("valid_row_count", "rejected_row_count", "duplicate_row_count").rows() == [(8, 4, 1)]
    assert shop.rows(silver.PRODUCTS)["aisle"].unique().to_list() == ["fresh"]


def test_customers_that_are_no_longer_in_landing_keep_their_consent_and_are_said(tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    land_shop(landing)
    shop = shop_at(tmp_path)
    run(shop)
    before = shop.rows(silver.CUSTOMERS)
    (landing / "customers/customers.csv").unlink()
    said = run(shop)
    assert {name for name, sentence in said.items() if sentence} == {KEPT}
    assert (said[KEPT] or "").startswith("customers/customers.csv of ")
    assert (said[KEPT] or "").endswith(
        "is no longer in landing, and its consents stay in force. To end them, land customers again."
    )
    assert shop.rows(silver.CUSTOMERS).equals(before)


def test_rejected_rows_and_a_smaller_snapshot_warn_and_quarantine_by_settings(tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    land_shop(landing)
    shop = shop_at(tmp_path)
    run(shop)
    put(
        landing,
        "products/products.csv",
        "product_id,product_name,aisle_id,department_id\n"
        + "".join(f"{n},{'' if n < 7 else n},1,1\n" for n in range(1, 31)),
    )
    assert run(shop) == dict.fromkeys(CHECKS) | {
        REJECTED: "products/products.csv: 6 of 30 rows were rejected.",
        DROP: "products/products.csv: 30 rows where the one before had 40.",
    }
    put_products(landing, range(1, 21))
    assert (
        run(shop, snapshot_drop_warn=0.1, snapshot_drop_block=0.3)[IN_FORCE]
        == "Not in force: the newest snapshot of products."
    )
    assert shop.rows(bronze.PRODUCTS).filter(pl.col("delisted_at").is_null()).height == 30


def test_a_lost_row_of_a_snapshot_is_noticed_and_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    land_shop(tmp_path / "landing")
    shop = shop_at(tmp_path)
    run(shop)
    monkeypatch.setattr("cis_assets.silver.snapshots.is_valid", lambda: ~pl.col("is_duplicate") & (pl.nth(0) != 2))
    assert run(shop)[ACCOUNTED] == (
        "Not accounted for: customers/customers.csv: 1 of 3 typed rows are missing; "
        "products/products.csv: 1 of 40 typed rows are missing."
    )
    for name in ("lake_uri", "landing_uri"):
        monkeypatch.setitem(os.environ, f"CIS_{name.upper()}", getattr(shop.settings, name))
    settings.cache_clear()
    shown = CliRunner().invoke(main, ["show", "reconciliation", "--json"])
    settings.cache_clear()
    assert shown.exit_code == 1
    assert len(json.loads(shown.stdout)["not_accounted_for"]) == 2


def test_the_public_instacart_snapshots_are_accounted_for(instacart_release: Path, tmp_path: Path) -> None:
    land(InstacartSource(instacart_release, date(2025, 10, 31)), str(tmp_path))
    landed = read_snapshots(LandingFolder(str(tmp_path))).landed
    counts = {row["source_table"]: row for row in landed.iter_rows(named=True)}
    assert {name: row["row_count"] for name, row in counts.items()} == {
        "aisles": 134,
        "departments": 21,
        "products": 2861,
        "customers": 64,
        "offers": 0,
    }
    assert all(row["valid_row_count"] == row["row_count"] and row["in_force"] for row in counts.values())

"""A shop whose customers withdraw, and whose product names are hostile, carried through the asset graph."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from cis_assets.catalog import bronze, gold, silver
from cis_assets.dates import DateRange
from cis_assets_tests.defs.pipeline import GOLD, INGEST, Shop, land_sample, shop_at

pytestmark = pytest.mark.slow

END = date(2025, 10, 10)
LAST = DateRange(END, END)
HOSTILE = (
    "50% OFF everything http://evil",
    "FREE GIFT - claim now!",
    "\x1b[31mRED\x1b[0m\x1b]0;x\x07",
    "Nul\x00l",
    "\u202egnp.exe",
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    shop = shop_at(tmp_path_factory.mktemp("shop"))
    shop.run(INGEST, land_sample(shop.settings.landing_uri, end=END, customers=60, days=30))
    shop.run(GOLD, LAST)
    return shop


def addressed(shop: Shop) -> set[int]:
    return set(shop.rows(gold.NOTIFICATIONS)["customer_id"])


def land(shop: Shop, table: str, change: Callable[[list[list[str]]], list[list[str]]], name: str = "") -> Path:
    """Land a changed copy of the newest file of a snapshot table, as a file that arrived later."""
    folder = Path(shop.settings.landing_uri, table)
    newest = max(folder.iterdir(), key=lambda file: file.stat().st_mtime)
    with newest.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    target = folder / (name or newest.name)
    with target.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(change(rows))
    later = newest.stat().st_mtime + 10
    os.utime(target, (later, later))
    return target


def test_a_withdrawal_and_a_departure_take_effect_with_the_next_ingest(shop: Shop):
    before = addressed(shop)
    withdrawn, left = sorted(before)[:2]

    def withdraw(rows: list[list[str]]) -> list[list[str]]:
        kept = [row for row in rows if row[0] != str(left)]
        return [[row[0], "false", *row[2:]] if row[0] == str(withdrawn) else row for row in kept]

    land(shop, "customers", withdraw, "later.csv")
    shop.run(INGEST, LAST)
    assert addressed(shop) == before - {withdrawn, left}
    shop.run(GOLD, LAST)
    assert addressed(shop) == before - {withdrawn, left}


def test_nobody_is_addressed_while_the_newest_customers_snapshot_cannot_be_read(shop: Shop):
    before = addressed(shop)
    assert before
    broken = land(shop, "customers", lambda rows: [["customer"], ["1"]], "newest.csv")
    result = shop.run(INGEST, LAST, must_succeed=False)
    checks = {found.check_name: found for found in result.get_asset_check_evaluations()}
    assert not checks["consent_is_known"].passed
    assert checks["consent_is_known"].severity.value == "ERROR"
    assert "newest.csv" in (checks["consent_is_known"].description or "")
    assert addressed(shop) == set()
    shop.run(GOLD, LAST)
    assert addressed(shop) == set()
    broken.unlink()
    land(shop, "customers", lambda rows: rows, "corrected.csv")
    shop.run(INGEST, LAST)
    shop.run(GOLD, LAST)
    assert addressed(shop) == before


def test_hostile_names_reach_no_message(shop: Shop):
    shop.run(GOLD, LAST)
    assert addressed(shop)

    def rename(rows: list[list[str]]) -> list[list[str]]:
        return [rows[0], *([row[0], HOSTILE[place % 5], *row[2:]] for place, row in enumerate(rows[1:]))]

    land(shop, "products", rename)
    result = shop.run(INGEST, LAST)
    (made,) = result.asset_materializations_for_node("silver__products")
    count = shop.rows(bronze.PRODUCTS).filter(pl.col("delisted_at").is_null()).height
    assert made.metadata["texts_with_invisible_characters"].value == pytest.approx(count * 3 / 5, abs=3)
    names = shop.rows(silver.PRODUCTS).filter(pl.col("naming_fault").is_null())["product_name"].unique()
    assert set(names) == {"RED", "Null"}
    shop.run(GOLD, LAST)
    messages = shop.rows(gold.NOTIFICATIONS)
    assert messages.height
    for text in (*messages["title"], *messages["body"]):
        assert text.isprintable()
        assert not {"OFF", "http", "FREE", "claim"} & set(text.split())

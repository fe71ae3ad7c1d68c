"""Real invoice lines, UCI Online Retail, by the commands of the README: silver holds what a count by other means gives."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cis_assets.catalog import TABLES, bronze, silver
from cis_assets.lake.lake import Lake
from cis_assets.silver.orders import credit_notes

pytestmark = pytest.mark.slow

CIS = [sys.executable, "-c", "from cis_assets.cli import main; main()"]
NO_PRICE = "unit_price is not above 0"
NO_CUSTOMER = "its order was rejected"


@dataclass(frozen=True)
class SourceCount:
    """The lines of the files, each different one judged by its fields alone."""

    lines: int
    copies: int
    purchases: Counter[tuple]
    returns: Counter[tuple]
    reasons: Counter[str]
    """Lines by what is wrong with them; one with two faults counts under both together."""
    orders: Counter[str]
    """How many orders, invoices of a customer and a date, are of which kind."""

    @property
    def set_aside(self) -> int:
        return self.reasons.total()


@pytest.fixture(scope="module")
def folder(online_retail_files: Path) -> Path:
    return online_retail_files


@pytest.fixture(scope="module")
def source(folder: Path) -> SourceCount:
    seen = 0
    different: dict[tuple, dict[str, str]] = {}
    for path in sorted(folder.glob("*.csv")):
        with path.open(newline="", encoding="utf-8") as lines:
            for line in csv.DictReader(lines):
                seen += 1
                different[tuple(line.values())] = line
    purchases, returns, reasons = Counter(), Counter(), Counter()
    kinds: dict[tuple, set[str]] = {}
    for line in different.values():
        quantity, price, customer = int(line["Quantity"]), float(line["UnitPrice"]), line["CustomerID"]
        number = int(float(customer)) if customer else None
        wrong = [NO_PRICE] * (price <= 0) + [NO_CUSTOMER] * (number is None)
        kind = "rejected" if wrong else "returned" if quantity < 0 else "bought"
        order = (line["InvoiceDate"][:10], line["InvoiceNo"], number)
        kinds.setdefault(order, set()).add(kind)
        if wrong:
            reasons["; ".join(wrong)] += 1
        else:
            row = (line["InvoiceDate"][:10], number, line["StockCode"].strip(), abs(quantity), price)
            (returns if quantity < 0 else purchases)[row] += 1
    assert all(int(line["Quantity"]) != 0 for line in different.values())
    nameless = {order for order in kinds if order[2] is None}
    bought = {order for order, its in kinds.items() if "bought" in its}
    notes = {order for order, its in kinds.items() if "returned" in its} - bought
    counted = Counter(
        {
            "valid": len(bought),
            "credit notes": len(notes),
            "customer_id is missing": len(nameless),
            "order has no valid line": len(kinds) - len(bought) - len(notes) - len(nameless),
        }
    )
    return SourceCount(seen, seen - len(different), purchases, returns, reasons, counted)


@dataclass(frozen=True)
class Made:
    lake: Lake
    shown: dict[str, Any]
    said: str

    def rows(self, path: str) -> pl.DataFrame:
        return self.lake.scan(TABLES[path]).collect()


@pytest.fixture(scope="module")
def made(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The lake after the commands of the README, and what `cis show rejected` tells of it."""
    place = tmp_path_factory.mktemp("shop")
    environment = {
        **os.environ,
        "CIS_FIRST_ORDER_DATE": "2010-12-01",
        # On some days most lines name no customer.
        "CIS_REJECTED_SHARE_BLOCK": "0.8",
        "CIS_LANDING_URI": str(place / "landing"),
        "CIS_LAKE_URI": str(place / "lake"),
        "DAGSTER_HOME": "",
    }

    def cis(*arguments: str) -> str:
        done = subprocess.run([*CIS, *arguments], cwd=place, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    cis("land", "lines", "--mapping", "online-retail", str(folder))
    cis("backfill")
    shown = json.loads(cis("show", "rejected", "--json")) | json.loads(cis("show", "reconciliation", "--json"))
    return Made(Lake(str(place / "lake")), shown, cis("show", "rejected"))


def with_keys(made: Made, lines: pl.DataFrame, quantity: str) -> Counter[tuple]:
    keyed = lines.join(made.rows("silver/products").select("product_id", "product_key"), on="product_id")
    columns = [pl.col("order_date").cast(pl.String), "customer_id", "product_key", quantity, "unit_price"]
    return Counter(keyed.select(columns).iter_rows())


def test_the_lines_that_are_kept_are_the_different_purchases_of_known_customers_at_a_price(
    made: Made, source: SourceCount
):
    assert with_keys(made, made.rows("silver/order_items"), "quantity") == source.purchases


def test_cancellations_are_kept_apart_with_the_units_given_back(made: Made, source: SourceCount):
    assert with_keys(made, made.rows("silver/returned_items"), "returned_quantity") == source.returns
    assert made.shown["returned_items"] == source.returns.total() > 0


def test_lines_without_customer_or_price_are_set_aside_and_counted_by_reason(made: Made, source: SourceCount):
    rejected = made.rows("silver/rejected_rows").filter(source_table="order_items")
    assert Counter(rejected["reason"]) == source.reasons
    assert source.reasons.keys() == {NO_PRICE, NO_CUSTOMER, f"{NO_PRICE}; {NO_CUSTOMER}"}


def test_exact_duplicates_are_counted(made: Made, source: SourceCount):
    copies = Counter()
    for row in made.shown["reconciliation"]:
        copies[row["source_table"]] += row["duplicates"]
    assert copies == {"orders": 0, "order_items": source.copies}
    assert made.shown["quarantined"] == {}
    assert source.copies > 0


def test_every_line_and_every_order_is_in_one_place(made: Made, source: SourceCount):
    found = made.rows("bronze/order_items").height
    assert found == source.lines
    assert found == source.purchases.total() + source.returns.total() + source.set_aside + source.copies
    rejected = made.rows("silver/rejected_rows").filter(source_table="orders")
    orders = made.rows("silver/orders")
    notes = credit_notes(orders.lazy(), made.rows("silver/returned_items").lazy()).collect().height
    assert Counter(rejected["reason"]) + Counter({"valid": orders.height, "credit notes": notes}) == source.orders
    assert made.rows("bronze/orders").height == source.orders.total()


def test_the_counts_are_printed_by_reason_and_in_all(made: Made, source: SourceCount):
    shown = {(row["source_table"], row["reason"]): row["rows"] for row in made.shown["rejected"]}
    assert {reason: rows for (table, reason), rows in shown.items() if table == "order_items"} == source.reasons
    for reason, rows in source.reasons.items():
        assert f"{rows:,} x silver/rejected_rows (order_items): {reason}\n" in made.said
    assert f"{source.set_aside:,} rows in silver/rejected_rows (order_items)\n" in made.said
    assert f"{source.returns.total():,} returned items in silver/returned_items\n" in made.said
    assert made.rows(bronze.REJECTED_ROWS.path).is_empty()
    assert made.rows(silver.REJECTED_SNAPSHOT_ROWS.path).is_empty()


def test_every_row_of_the_snapshots_is_in_one_place(made: Made):
    snapshots = {row["source_table"]: row for row in made.shown["snapshots"]}
    assert {"products", "customers"} <= snapshots.keys()
    for row in snapshots.values():
        assert row["landed"] == row["typed"] == row["valid"] + row["rejected"] + row["duplicates"] > 0
    assert made.shown["not_accounted_for"] == []
    assert made.shown["snapshots_not_in_force"] == {}

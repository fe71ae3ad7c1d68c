"""Real invoice lines, UCI Online Retail: what lands is counted against the files read by other means."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import narwhals as nw
import polars as pl
import pytest

from cis_assets.catalog import bronze
from cis_assets.catalog.product_families import family_numbers
from cis_assets.landing.contract import SNAPSHOTS
from cis_assets.landing.folder import LandingFolder
from cis_assets.landing.reader import read_days
from cis_assets.landing.snapshots import read_snapshots
from cis_assets.segmentation.customer_features import customer_features
from cis_assets.silver.orders import judge_orders
from cis_assets.silver.snapshots import silver_products
from cis_assets.sources.invoice_lines.landing import InvoiceLinesReport
from cis_assets.sources.invoice_lines.mapping import read_mapping
from cis_assets_tests.landing.landing_files import whole
from cis_assets_tests.sources.invoice_lines.exports import files_below, land_files

Line = Mapping[str, str]
MAPPING = read_mapping("online-retail")


@pytest.fixture(scope="module")
def folder(online_retail_files: Path) -> Path:
    return online_retail_files


@pytest.fixture(scope="module")
def source(folder: Path) -> dict[date, list[Line]]:
    """The lines by date, as the csv module reads them."""
    by_date: dict[date, list[Line]] = defaultdict(list)
    for path in sorted(folder.glob("*.csv")):
        with path.open(newline="", encoding="utf-8") as lines:
            for line in csv.DictReader(lines):
                by_date[date.fromisoformat(line["InvoiceDate"][:10])].append(line)
    return by_date


@pytest.fixture(scope="module")
def landing(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("landing")


@pytest.fixture(scope="module")
def report(folder: Path, landing: Path) -> InvoiceLinesReport:
    return land_files([folder], landing, by=MAPPING)


@pytest.fixture(scope="module")
def landed(report: InvoiceLinesReport, landing: Path) -> dict[str, pl.LazyFrame]:
    """What the reader finds, by table."""
    place = LandingFolder(str(landing))
    days, snapshots = read_days(place, list(place.order_dates())), read_snapshots(place)
    assert days.warnings() + snapshots.warnings() == []
    assert whole(days.rejected).collect().is_empty()
    return {**snapshots.rows, "orders": whole(days.orders), "order_items": whole(days.order_items)}


def landed_lines(landing: Path, day: date) -> Sequence[Line]:
    with (landing / f"order_items/order_date={day}/order_items.csv").open(newline="") as rows:
        return list(csv.DictReader(rows))


def test_every_line_of_every_day_lands_and_sums_are_the_same(
    report: InvoiceLinesReport, landing: Path, source: dict[date, list[Line]]
):
    assert sorted(path.name for path in (landing / "order_items").iterdir()) == [
        f"order_date={day}" for day in sorted(source)
    ]
    for day, lines in source.items():
        rows = landed_lines(landing, day)
        assert len(rows) == len(lines)
        assert sum(int(row["quantity"]) for row in rows) == sum(int(line["Quantity"]) for line in lines)
        assert sum(int(row["quantity"]) * Decimal(row["unit_price"]) for row in rows) == sum(
            int(line["Quantity"]) * Decimal(line["UnitPrice"]) for line in lines
        )
    assert report.lines == report.order_items == sum(map(len, source.values())) == 58_345
    assert (report.faults, report.days) == ({}, 30)


def test_every_line_comes_back_by_the_keys_of_its_order_product_and_customer(
    landed: dict[str, pl.LazyFrame], source: dict[date, list[Line]]
):
    lines = (
        landed["order_items"]
        .join(landed["orders"].drop("source_file", "source_line"), on=["order_date", "order_id"])
        .join(landed["products"].drop("source_file", "source_line"), on="product_id")
        .select("order_date", "order_key", "product_key", "quantity", "unit_price", "customer_id")
        .collect()
    )
    wanted = Counter(
        (
            day,
            line["InvoiceNo"],
            line["StockCode"].strip(),
            int(line["Quantity"]),
            float(line["UnitPrice"]),
            int(float(line["CustomerID"])) if line["CustomerID"] else None,
        )
        for day, its_lines in source.items()
        for line in its_lines
    )
    assert Counter(lines.iter_rows()) == wanted


def test_copies_of_lines_land_as_copies_and_other_lines_do_not(
    landed: dict[str, pl.LazyFrame], source: dict[date, list[Line]]
):
    row = ["order_date", "order_id", "product_id", "add_to_cart_order", "quantity", "unit_price"]
    rows = landed["order_items"].select(row).collect()
    different = sum(len({tuple(line.items()) for line in lines}) for lines in source.values())
    assert rows.n_unique() == rows.select(row[:2] + row[3:4]).n_unique() == different == 58_345 - 564


def test_days_that_land_one_by_one_give_the_same_files(
    folder: Path, report: InvoiceLinesReport, landing: Path, tmp_path: Path
):
    for file in sorted(folder.glob("*.csv"), reverse=True):
        land_files([file], tmp_path, by=MAPPING)
    assert files_below(tmp_path) == files_below(landing)


def test_no_product_is_called_by_a_remark_on_stock_if_it_was_ever_sold(
    landed: dict[str, pl.LazyFrame], source: dict[date, list[Line]]
):
    sold = {
        (line["StockCode"], line["Description"].strip())
        for lines in source.values()
        for line in lines
        if int(line["Quantity"]) > 0 and float(line["UnitPrice"]) > 0 and line["Description"].strip()
    }
    names = landed["products"].select("product_key", "product_name").collect().rows()
    assert len(names) == len({line["StockCode"] for lines in source.values() for line in lines})
    assert {name for name in names if name[0] in {key for key, _ in sold}} <= sold


def test_spend_of_the_customers_is_that_of_their_different_positive_lines(
    landed: dict[str, pl.LazyFrame], source: dict[date, list[Line]]
):
    products = silver_products(**{name: landed[name] for name in ("products", "aisles", "departments")})
    orders, items = bronze.ORDERS.conform(landed["orders"]), bronze.ORDER_ITEMS.conform(landed["order_items"])
    judged = judge_orders(orders, items, products)
    frames = (nw.from_native(rows) for rows in (judged.silver_orders(), judged.silver_order_items()))
    families = family_numbers(nw.from_native(products))
    features = customer_features(*frames, families, max(source), 365).to_native().collect()  # pyright: ignore[reportCallIssue]
    spend: dict[int, Decimal] = defaultdict(Decimal)
    for its_lines in source.values():
        for line in {tuple(line.items()): line for line in its_lines}.values():
            if line["CustomerID"] and int(line["Quantity"]) > 0 and float(line["UnitPrice"]) > 0:
                spend[int(float(line["CustomerID"]))] += int(line["Quantity"]) * Decimal(line["UnitPrice"])
    assert features["total_spend"].null_count() == 0
    totals = features.select("customer_id", "total_spend").iter_rows()
    assert {customer: Decimal(str(total)) for customer, total in totals} == spend


def test_snapshots_hold_every_product_and_customer(landed: dict[str, pl.LazyFrame], source: dict[date, list[Line]]):
    counts = {table.name: landed[table.name].select(pl.len()).collect().item() for table in SNAPSHOTS}
    customers = {line["CustomerID"] for lines in source.values() for line in lines} - {""}
    assert counts == {
        "products": 2_934,
        "aisles": 1,
        "departments": 1,
        "customers": len(customers),
        "offers": 0,
        "offer_audience": 0,
    }
    assert not landed["customers"].select(pl.col("push_consent").any()).collect().item()

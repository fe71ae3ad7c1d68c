"""Exports of invoice lines for tests: what a test does not name is filled in with something valid."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from cis_assets.landing.folder import LandingFolder
from cis_assets.landing.reader import read_days
from cis_assets.landing.snapshots import read_snapshots
from cis_assets.sources.invoice_lines.landing import InvoiceLinesReport, land_invoice_lines
from cis_assets.sources.invoice_lines.mapping import InvoiceLinesMapping, parse_mapping
from cis_assets.sources.invoice_lines.orders import InvoiceLines, read_invoice_lines
from cis_assets_tests.landing.landing_files import whole

MAPPING = """
source = "corner-shop"
[columns]
invoice = "No"
customer = "Customer"
timestamp = "Time"
sku = "Item"
description = "Name"
quantity = "Pieces"
price = "Price"
[timestamp]
formats = ["%Y-%m-%d %H:%M", "%d.%m.%Y %H:%M"]
[ids]
customer = "number"
"""
COLUMNS = ("No", "Customer", "Time", "Item", "Name", "Pieces", "Price")
HEADER = ",".join(COLUMNS)
_LINE = {
    "No": "A1",
    "Customer": "7",
    "Time": "2025-03-03 09:15",
    "Item": "x-1",
    "Name": "Tea",
    "Pieces": 2,
    "Price": 1.5,
}


def mapping(*changes: tuple[str, str], more: str = "") -> InvoiceLinesMapping:
    """The mapping of these tests with some of its text replaced, and with more of it at its end."""
    text = MAPPING
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return parse_mapping(text + more, "the mapping")


def line(delimiter: str = ",", **values: Any) -> str:
    """A line of an export."""
    row = io.StringIO()
    csv.writer(row, delimiter=delimiter).writerow({**_LINE, **values}.values())
    return row.getvalue().removesuffix("\r\n")


def write(folder: Path, *lines: str, name: str = "lines.csv", header: str = HEADER) -> Path:
    """An export of these lines."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def read(folder: Path, *lines: str, by: InvoiceLinesMapping | None = None) -> InvoiceLines:
    """An export of these lines, written and read."""
    return read_invoice_lines(by or mapping(), [write(folder, *lines)])


def land_files(
    files: Sequence[Path], landing: Path, *, by: InvoiceLinesMapping | None = None, replace: bool = False
) -> InvoiceLinesReport:
    return land_invoice_lines(read_invoice_lines(by or mapping(), files), str(landing), replace=replace)


def items(lines: InvoiceLines) -> list[tuple]:
    """Product key, position, quantity and price of the lines as they would land, in their order."""
    return lines.dated.select("product_key", "position", "quantity", "unit_price").rows()


def orders(lines: InvoiceLines) -> list[tuple]:
    """Date, key, customer and hour of the orders, in their order."""
    return [
        (str(day.order_date), *row)
        for day in lines.days()
        for row in day.orders.select("order_key", "customer_id", "order_hour").iter_rows()
    ]


def landed_rows(landing: Path) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Orders, order lines and rejected rows as the reader finds them."""
    folder = LandingFolder(str(landing))
    found = read_days(folder, list(folder.order_dates()))
    assert found.warnings() == []
    return whole(found.orders).collect(), whole(found.order_items).collect(), whole(found.rejected).collect()


def snapshot(landing: Path, name: str) -> pl.DataFrame:
    found = read_snapshots(LandingFolder(str(landing)))
    assert (found.warnings(), found.rejected.collect().height) == ([], 0)
    return found.rows[name].collect()


def product_names(landing: Path) -> dict[str, str]:
    return dict(snapshot(landing, "products").select("product_key", "product_name").iter_rows())


def files_below(root: Path) -> dict[str, bytes]:
    """Every file that landed, also those that readers pass over."""
    return {str(file.relative_to(root)): file.read_bytes() for file in root.rglob("*") if file.is_file()}

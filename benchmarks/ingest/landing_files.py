"""Clean landing files, the same for every run with a seed: orders and order lines of each date, and the snapshots."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.ingest.workload import Workload
from cis_assets.dates import day_number

_PRODUCTS = 50_000
_DEPARTMENTS = 21
_CUSTOMERS = 200_000
_LINES_PER_ORDER = 10


def prepare(workload: Workload) -> None:
    """Write all files; whatever is there already is written anew."""
    prices = np.round(np.random.default_rng(workload.seed).gamma(2.0, 2.0, _PRODUCTS) + 0.19, 2)
    for day in workload.order_dates():
        for table, rows in _day(workload, day, prices).items():
            _write(rows, workload.landing_file(table, day))
    numbers = np.arange(1, _PRODUCTS + 1)
    departments = numbers % _DEPARTMENTS + 1
    products = {"product_id": numbers, "product_name": numbers, "aisle_id": departments, "department_id": departments}
    names = pl.format("Product {}", "product_name")
    _write(pl.DataFrame(products).with_columns(product_name=names), workload.products_file())
    for table, column in (("aisles", "aisle"), ("departments", "department")):
        rows = pl.DataFrame({f"{column}_id": np.arange(1, _DEPARTMENTS + 1)})
        path = Path(workload.landing, table, f"{table}.csv")
        _write(rows.with_columns(pl.format(f"{column} {{}}", f"{column}_id").alias(column)), str(path))


def _day(workload: Workload, day: date, prices: np.ndarray) -> dict[str, pl.DataFrame]:
    rng = np.random.default_rng([workload.seed, day_number(day)])
    sizes = rng.geometric(1 / _LINES_PER_ORDER, workload.rows)
    order = np.repeat(np.arange(workload.rows), sizes)[: workload.rows]
    orders = int(order[-1]) + 1
    starts = np.concatenate([[0], np.cumsum(sizes[: orders - 1])])
    # Few products are bought often: the square of a uniform number favours the low ones.
    product = (_PRODUCTS * rng.random(workload.rows) ** 2).astype(np.int64)
    first = day_number(day) * 100_000
    return {
        "orders": pl.DataFrame(
            {
                "order_id": np.arange(orders) + first,
                "customer_id": rng.integers(1, _CUSTOMERS, orders),
                "order_hour": rng.integers(0, 24, orders),
            }
        ),
        "order_items": pl.DataFrame(
            {
                "order_id": order + first,
                "product_id": product + 1,
                "add_to_cart_order": np.arange(workload.rows) - starts[order] + 1,
                "quantity": rng.geometric(0.7, workload.rows),
                "unit_price": prices[product],
            }
        ),
    }


def _write(rows: pl.DataFrame, path: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    rows.write_csv(path)

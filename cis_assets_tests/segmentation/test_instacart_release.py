"""The transformations on real orders: what the public release says of its own orders must come out again."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import narwhals as nw
import polars as pl
import pytest

from cis_assets.catalog import Table, bronze
from cis_assets.quality.reorders import mark_reorders
from cis_assets.silver.orders import JudgedOrders, judge_orders
from cis_assets.silver.snapshots import silver_products
from cis_assets.sources.instacart.source import InstacartSource
from cis_assets_tests.segmentation.histories import History

END = date(2026, 1, 31)
ORDERS, LINES = 973, 8_976


@pytest.fixture(scope="module")
def source(instacart_release: Path) -> InstacartSource:
    return InstacartSource(instacart_release, END)


@pytest.fixture(scope="module")
def landed(source: InstacartSource) -> History:
    """Bronze orders and order lines of every date."""
    days = list(source.days())
    return History(
        pl.concat([as_bronze(bronze.ORDERS, day.orders, day.order_date) for day in days]),
        pl.concat([as_bronze(bronze.ORDER_ITEMS, day.order_items, day.order_date) for day in days]),
    )


@pytest.fixture(scope="module")
def products(source: InstacartSource) -> pl.LazyFrame:
    snapshots = source.snapshots()
    names = {"products": bronze.PRODUCTS, "aisles": bronze.AISLES, "departments": bronze.DEPARTMENTS}
    return silver_products(**{name: as_bronze(table, snapshots[name]).lazy() for name, table in names.items()})


@pytest.fixture(scope="module")
def judged(landed: History, products: pl.LazyFrame) -> JudgedOrders:
    return judge_orders(landed.orders.lazy(), landed.order_items.lazy(), products)


@pytest.fixture(scope="module")
def made(judged: JudgedOrders) -> History:
    return History(judged.silver_orders().collect(), judged.silver_order_items().collect())


def as_bronze(table: Table, rows: pl.DataFrame, order_date: date | None = None) -> pl.DataFrame:
    """Landing rows as the reader would put them into bronze; optional columns that did not land are missing."""
    file = table.name if order_date is None else f"{table.name}/order_date={order_date}/{table.name}.csv"
    added = {
        "order_date": pl.lit(order_date),
        "source_file": pl.lit(file),
        "source_line": pl.int_range(2, pl.len() + 2),
    }
    absent = {name: pl.lit(None) for name in table.dtypes if name not in rows.columns}
    return table.conform(rows.lazy().with_columns(**(absent | added))).collect()


def test_every_order_and_line_with_lines_reaches_silver(judged: JudgedOrders, made: History):
    assert (made.orders.height, made.order_items.height) == (ORDERS, LINES)
    assert judged.silver_returned_items().collect().is_empty()
    assert judged.silver_rejected_rows().collect().is_empty()


def test_the_recomputed_reorder_flag_is_the_releases_on_every_line(instacart_release: Path, made: History):
    files = [pl.read_csv(instacart_release / f"order_products__{part}.csv") for part in ("prior", "train")]
    marked = mark_reorders(nw.from_native(made.order_items.lazy())).to_native().collect()
    both = marked.join(pl.concat(files), on=["order_id", "product_id", "add_to_cart_order"])
    assert both.height == LINES
    assert both.filter(pl.col("is_reorder") != (pl.col("reordered") == 1)).height == 0
    assert 0 < both["reordered"].sum() < LINES


def test_the_weekday_of_every_order_is_the_releases(source: InstacartSource, made: History):
    both = made.orders.join(source.dated_orders.select("order_id", "order_dow"), on="order_id")
    assert both.height == ORDERS
    # 0 is taken to be a Saturday, ISO weekday 6.
    assert both.filter(pl.col("order_weekday") != (pl.col("order_dow") + 5) % 7 + 1).height == 0


def test_orders_of_a_customer_follow_each_other_as_the_release_numbers_them(source: InstacartSource, made: History):
    numbers = source.dated_orders.select("order_id", "order_number")
    placed = made.orders.join(numbers, on="order_id").sort("customer_id", "order_date", "order_of_day")
    assert placed["order_id"].to_list() == placed.sort("customer_id", "order_number")["order_id"].to_list()

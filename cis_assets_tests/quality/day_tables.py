"""Tables of a few order dates, made by silver from dirty bronze rows, for tests of verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from cis_assets.catalog import bronze, silver
from cis_assets.quality.reconciliation import DatedTables
from cis_assets.silver.orders import judge_orders
from cis_assets_tests.frames import table_frame

PRODUCTS = table_frame(silver.PRODUCTS, [{"product_id": 1}, {"product_id": 2}])


@dataclass(frozen=True)
class Landed:
    """Bronze rows that a test lists by hand."""

    orders: list[dict]
    lines: list[dict]
    unparsed: list[dict]

    def and_these(self, *, orders: Sequence[dict] = (), lines: Sequence[dict] = (), unparsed: Sequence[dict] = ()):
        return Landed([*self.orders, *orders], [*self.lines, *lines], [*self.unparsed, *unparsed])


def good_orders(counts: Mapping[date, int]) -> Landed:
    """This number of orders with one line on each date."""
    numbered = [(day, number) for day, count in counts.items() for number in range(1, count + 1)]
    return Landed([order(day, number) for day, number in numbered], [line(day, number) for day, number in numbered], [])


def order(day: date, order_id: int | None, **values) -> dict:
    place = {"source_file": f"orders/order_date={day}/orders.csv", "source_line": (order_id or 0) + 1}
    return {
        "order_date": day,
        "order_id": order_id,
        "customer_id": 7,
        "order_hour": 9,
        "order_key": None,
        **place,
        **values,
    }


def line(day: date, order_id: int, position: int = 1, **values) -> dict:
    place = {"source_file": f"order_items/order_date={day}/lines.csv", "source_line": order_id + 1}
    product = {"product_id": 1, "add_to_cart_order": position, "quantity": 1, "unit_price": 2.0}
    return {"order_date": day, "order_id": order_id, **product, **place, **values}


def unparsed(day: date, source_line: int, reason: str = "has 2 fields where the header has 3") -> dict:
    return {
        "order_date": day,
        "source_table": "orders",
        "source_file": f"orders/order_date={day}/orders.csv",
        "source_line": source_line,
        "reason": reason,
    }


def tables_of(landed: Landed, *, erased: int = 0) -> DatedTables:
    """All tables of these rows; `erased` further rows landed in each orders file and were left out."""
    orders = table_frame(bronze.ORDERS, landed.orders).lazy()
    lines = table_frame(bronze.ORDER_ITEMS, landed.lines).lazy()
    rejected = table_frame(bronze.REJECTED_ROWS, landed.unparsed).lazy()
    judged = judge_orders(orders, lines, PRODUCTS.lazy())
    return DatedTables(
        landed_files=_files(orders, lines, rejected, erased),
        bronze={"orders": orders, "order_items": lines},
        bronze_rejected=rejected,
        silver={"orders": judged.silver_orders(), "order_items": judged.silver_order_items()},
        returned=judged.silver_returned_items(),
        silver_rejected=judged.silver_rejected_rows(),
    )


def _files(orders: pl.LazyFrame, lines: pl.LazyFrame, rejected: pl.LazyFrame, erased: int) -> pl.LazyFrame:
    key = ["order_date", "source_table", "source_file"]
    rows = pl.concat(
        [
            orders.select("order_date", "source_file", source_table=pl.lit("orders")).select(key),
            lines.select("order_date", "source_file", source_table=pl.lit("order_items")).select(key),
            rejected.select(key),
        ]
    )
    left_out = pl.when(pl.col("source_table") == "orders").then(erased).otherwise(0)
    counted = rows.group_by(key).agg(row_count=pl.len()).with_columns(erased_row_count=left_out)
    return bronze.LANDED_FILES.conform(
        counted.with_columns(
            row_count=pl.col("row_count") + pl.col("erased_row_count"), bytes=pl.lit(1), fault=pl.lit(None, pl.String)
        )
    )


def without_row(tables: DatedTables, layer: str, name: str, **where) -> DatedTables:
    """The tables after a defect lost a row."""
    gone = pl.all_horizontal(pl.col(column) == value for column, value in where.items())
    kept = {**getattr(tables, layer), name: getattr(tables, layer)[name].filter(~gone)}
    return replace(tables, **{layer: kept})

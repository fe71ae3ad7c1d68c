"""Bronze rows for tests, from short dicts: columns that a test does not name get valid values.

Rows land one after the other in one file, unless they name their `source_file` and `source_line`.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Any

import polars as pl

from cis_assets.catalog import Table, bronze

MONDAY = date(2026, 3, 2)

_ORDER = {"order_date": MONDAY, "order_id": 1, "customer_id": 10, "order_hour": 9}
_LINE = {"order_date": MONDAY, "order_id": 1, "product_id": 1, "add_to_cart_order": 1, "quantity": 1, "unit_price": 2.5}


def landed(table: Table, rows: list[dict[str, Any]], template: dict[str, Any] | None = None) -> pl.LazyFrame:
    """Rows of a bronze table; `template` has the values of columns that a row does not name."""
    complete = [
        {"source_file": "a.csv", "source_line": place + 2, **(template or {}), **row} for place, row in enumerate(rows)
    ]
    return pl.LazyFrame([{name: row.get(name) for name in table.dtypes} for row in complete], schema=table.dtypes)


def orders(*rows: dict[str, Any]) -> pl.LazyFrame:
    return landed(bronze.ORDERS, list(rows), _ORDER)


def lines(*rows: dict[str, Any]) -> pl.LazyFrame:
    return landed(bronze.ORDER_ITEMS, list(rows), _LINE)


def shuffled(frame: pl.LazyFrame, seed: int) -> pl.LazyFrame:
    return frame.collect().sample(fraction=1.0, shuffle=True, seed=seed).lazy()


def duplicate_rows(rows: pl.LazyFrame, key: list[str]) -> int:
    """Count the rows that equal another row of their key, for keys without contradictions."""
    contents: dict[tuple, list[tuple]] = defaultdict(list)
    for row in rows.collect().to_dicts():
        identity = tuple(row[name] for name in key)
        if None not in identity:
            values = (row[name] for name in row if name not in ("source_file", "source_line"))
            # NaN is not equal to itself.
            contents[identity].append(tuple("NaN" if value != value else value for value in values))
    return sum(len(found) - 1 for found in contents.values() if len(set(found)) == 1)

"""Small frames in the catalog's shapes, for tests."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

import dataframely as dy
import polars as pl

from cis_assets.catalog import Table

_FILL = {pl.Decimal: Decimal(1), pl.String: "x", pl.Boolean: True, pl.Float64: 1.0, pl.Date: date(2026, 1, 1)}


def table_frame(table: Table, rows: Iterable[dict]) -> pl.DataFrame:
    """Rows of a table where columns that a test does not care about get some valid value."""
    filled = []
    for number, row in enumerate(rows):
        unknown = row.keys() - table.dtypes.keys()
        assert not unknown, f"{table.path} has no {unknown}"
        filled.append({name: row.get(name, _filler(table.columns[name], number)) for name in table.dtypes})
    return pl.DataFrame(filled, schema=table.dtypes)


def _filler(column: dy.Column, number: int):
    if column.dtype.is_integer():
        lowest, highest = getattr(column, "min", None), getattr(column, "max", None)
        return max(lowest or 1, number + 1 if highest is None else 1 + number % highest)
    if isinstance(column.dtype, pl.List):
        return []
    return _FILL.get(type(column.dtype))

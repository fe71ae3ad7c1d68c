"""Small frames in the catalog's shapes, for tests."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import polars as pl

from cis_assets.catalog import Table

_FILL = {pl.String: "x", pl.Boolean: True, pl.Float64: 1.0, pl.Date: date(2026, 1, 1)}


def table_frame(table: Table, rows: Iterable[dict]) -> pl.DataFrame:
    """Rows of a table where columns that a test does not care about get some valid value."""
    filled = []
    for number, row in enumerate(rows):
        unknown = row.keys() - table.dtypes.keys()
        assert not unknown, f"{table.path} has no {unknown}"
        filled.append({name: row.get(name, _filler(dtype, number)) for name, dtype in table.dtypes.items()})
    return pl.DataFrame(filled, schema=table.dtypes)


def _filler(dtype: pl.DataType, number: int):
    if dtype.is_integer():
        return number + 1
    if isinstance(dtype, pl.List):
        return []
    return _FILL.get(type(dtype))

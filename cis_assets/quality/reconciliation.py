"""The reconciliation of order dates: how many rows landed, and where each of them is now.

Every landed row is typed, did not parse, or is left out as a row of an erased customer; every typed row is valid, a
return, rejected, or an exact copy of another. The copies are counted, not taken for what is left over, so that a lost row
cannot pass for a copy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from cis_assets.silver.orders import COPIES, credit_notes

SOURCE_TABLES = ("orders", "order_items")
COUNTS = ("landed", "erased", "typed", "unparsed", "valid", "returned", "rejected", "copies")
_KEY = ("order_date", "source_table")


@dataclass(frozen=True)
class DatedTables:
    """The tables of the same order dates, lazily; `bronze` and `silver` by source table (orders, order_items)."""

    landed_files: pl.LazyFrame
    bronze: Mapping[str, pl.LazyFrame]
    bronze_rejected: pl.LazyFrame
    silver: Mapping[str, pl.LazyFrame]
    returned: pl.LazyFrame
    silver_rejected: pl.LazyFrame


def reconciliation(tables: DatedTables, days: Sequence[date]) -> pl.DataFrame:
    """One row per day of `days` and source table: order_date, source_table and the counts of COUNTS (0: none)."""
    counted = [
        _summed("landed", tables.landed_files, pl.col("row_count")),
        _summed("erased", tables.landed_files, pl.col("erased_row_count")),
        _counted("unparsed", tables.bronze_rejected),
        _counted("rejected", tables.silver_rejected),
        _counted("returned", _of("order_items", tables.returned)),
        _counted("returned", _of("orders", credit_notes(tables.silver["orders"], tables.returned))),
    ]
    for name in SOURCE_TABLES:
        counted.append(_counted("typed", _of(name, tables.bronze[name])))
        counted.append(_counted("valid", _of(name, tables.silver[name])))
        counted.append(_counted("copies", _of(name, COPIES[name](tables.bronze[name]))))
    found = pl.concat(pl.collect_all(counted, engine="streaming"))
    every = pl.DataFrame({"order_date": days}, schema={"order_date": pl.Date}).join(
        pl.DataFrame({"source_table": SOURCE_TABLES}), how="cross"
    )
    sums = [pl.col("rows").filter(pl.col("count") == name).sum().alias(name) for name in COUNTS]
    return (
        every.join(found.group_by(_KEY).agg(sums), on=_KEY, how="left")
        .with_columns(pl.col(COUNTS).fill_null(0))
        .sort(*_KEY)
    )


def _of(source_table: str, rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.select("order_date", source_table=pl.lit(source_table))


def _counted(count: str, rows: pl.LazyFrame) -> pl.LazyFrame:
    return _summed(count, rows, pl.lit(1))


def _summed(count: str, rows: pl.LazyFrame, amount: pl.Expr) -> pl.LazyFrame:
    return (
        rows.select(*_KEY, amount.cast(pl.Int64).alias("rows"))
        .group_by(_KEY)
        .agg(pl.col("rows").sum())
        .select(*_KEY, pl.lit(count).alias("count"), "rows")
    )

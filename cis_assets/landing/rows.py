"""The rows of one landing file, whatever its format: good rows with types, rejected rows with reasons."""

from dataclasses import dataclass

import polars as pl

from cis_assets.landing.contract import LandingTable
from cis_assets.landing.parsed_file import REJECTED_SCHEMA, ParsedFile


@dataclass(frozen=True)
class LandedRows:
    """The rows of one file: `rows` has the contract's columns, source_file and source_line.

    `rejected` has REJECTED_SCHEMA. `unknown_columns` are named with their table, such as `orders.note`.
    """

    rows: pl.LazyFrame
    rejected: pl.LazyFrame
    unknown_columns: frozenset[str] = frozenset()
    row_count: int = 0
    path: str = ""
    header: tuple[str, ...] = ()


def row_columns(table: LandingTable) -> list[str]:
    return [*table.columns, "source_file", "source_line"]


def no_rows(table: LandingTable) -> pl.LazyFrame:
    return pl.LazyFrame(schema={**table.columns, "source_file": pl.String(), "source_line": pl.Int64()})


def no_rejected() -> pl.LazyFrame:
    return pl.LazyFrame(schema=REJECTED_SCHEMA)


def to_landed_rows(table: LandingTable, parsed: ParsedFile, good: pl.LazyFrame) -> LandedRows:
    """Complete the good rows of a file, from where they are cached, with all columns of landed rows."""
    absent = {name: pl.lit(None, dtype) for name, dtype in table.columns.items() if name not in parsed.good.columns}
    rows = good.with_columns(**absent, source_file=pl.lit(parsed.file.path)).select(row_columns(table))
    unknown = {f"{table.name}.{name or '(no name)'}" for name in parsed.header if name not in table.columns}
    return LandedRows(
        rows, parsed.rejected.lazy(), frozenset(unknown), parsed.row_count, parsed.file.path, parsed.header
    )

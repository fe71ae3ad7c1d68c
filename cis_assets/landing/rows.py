"""The rows of one landing file, whatever its format: good rows with types, rejected rows with reasons."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import polars as pl
from polars.io.plugins import register_io_source

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


def join_pieces(pieces: Sequence[LandedRows]) -> LandedRows:
    """Join the rows of the pieces of a file, in order. Reading them holds one piece at a time in memory."""

    def load(
        columns: list[str] | None, predicate: pl.Expr | None, count: int | None, _: int | None
    ) -> Iterator[pl.DataFrame]:
        for piece in pieces:
            rows = piece.rows if columns is None else piece.rows.select(columns)
            rows = rows if predicate is None else rows.filter(predicate)
            loaded = (rows if count is None else rows.head(count)).collect()
            count = None if count is None else count - loaded.height
            yield loaded

    return replace(
        pieces[0],
        rows=register_io_source(load, schema=pieces[0].rows.collect_schema()),
        rejected=pl.concat([piece.rejected for piece in pieces]),
        row_count=sum(piece.row_count for piece in pieces),
    )

"""Parsed landing files: rows split into good ones and rejected ones, whatever the format of the file."""

import io
from dataclasses import dataclass

import polars as pl

from cis_assets.landing.contract import LandingTable
from cis_assets.landing.folder import LandingFile

REJECTED_SCHEMA = {
    "source_table": pl.String(),
    "source_file": pl.String(),
    "source_line": pl.Int64(),
    "reason": pl.String(),
    "raw_text": pl.String(),
}


@dataclass(frozen=True)
class ParsedFile:
    """A file that was read whole: `good` has source_line and the contract's columns that the file has.

    `rejected` has REJECTED_SCHEMA. `row_count` does not come from these frames, so it can be compared with them.
    """

    file: LandingFile
    header: tuple[str, ...]
    row_count: int
    good: pl.DataFrame
    rejected: pl.DataFrame


def split_by_reason(table: LandingTable, file: LandingFile, typed: pl.LazyFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split typed rows of a file into good rows (`reason` is empty) and rejected rows."""
    is_good = pl.col("reason") == ""
    typed = typed.with_columns(pl.col("source_line").cast(pl.Int64))
    columns = [name for name in table.columns if name in typed.collect_schema()]
    good, rejected = pl.collect_all([typed.filter(is_good).select("source_line", *columns), typed.filter(~is_good)])
    return good, label_rejected(table, rejected, pl.lit(file.path))


def label_rejected(table: LandingTable, rejected: pl.DataFrame, path: pl.Expr) -> pl.DataFrame:
    """Give rejected rows their table and file, as a copy that does not keep the text of the whole file in memory."""
    named = rejected.with_columns(source_table=pl.lit(table.name), source_file=path)
    packed = io.BytesIO()
    # The oldest format copies text; a newer one would keep views of it.
    named.select(list(REJECTED_SCHEMA)).write_ipc(packed, compat_level=pl.CompatLevel.oldest())
    return pl.read_ipc(packed.getvalue())

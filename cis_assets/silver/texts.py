"""Texts of snapshots on their way to silver: tidied, counted, and judged by what they say."""

import polars as pl

from cis_assets.silver.naming import find_naming_faults
from cis_assets.text import holds_invisible, tidy


def tidied(column: str) -> pl.Expr:
    """Text with single spaces and without invisible characters; text without a visible character becomes null."""
    return pl.col(column).map_batches(_tidy_texts, return_dtype=pl.String(), is_elementwise=True)


def naming_fault(*texts: pl.Expr) -> pl.Expr:
    """Why messages do not name something by these texts: the first fault of the first text that has one."""
    return pl.coalesce(text.map_batches(find_naming_faults, return_dtype=pl.String()) for text in texts)


def count_invisible(rows: pl.LazyFrame, *columns: str) -> int:
    """Count the texts in columns that hold invisible characters, which silver removes."""
    texts = pl.concat([rows.select(pl.col(column).alias("text")) for column in columns]).drop_nulls()
    counted = texts.group_by("text").len().collect(engine="streaming")
    return sum(rows for text, rows in counted.iter_rows() if holds_invisible(text))


def _tidy_texts(texts: pl.Series) -> pl.Series:
    distinct = texts.drop_nulls().unique()
    tidy_ones = pl.Series([tidy(text) or None for text in distinct], dtype=pl.String)
    changed = distinct.ne_missing(tidy_ones)
    return texts.replace(distinct.filter(changed), tidy_ones.filter(changed))

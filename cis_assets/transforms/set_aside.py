"""Setting rows aside: duplicates, reasons and the rejected rows of silver.

Belongs here: what every silver table does with rows that may not pass. Does not belong here: the rules
themselves, which are the catalog's or the table's own module's.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

_LANDED_AT = ("source_file", "source_line")
CONFLICTING_COPIES = "rows with this key contradict each other"


def mark_copies(rows: pl.LazyFrame, key: Sequence[str], content: Sequence[str]) -> pl.LazyFrame:
    """Add `is_copy` (an exact copy of a row that landed later) and `in_conflict` (same key, other content).

    `rows` are bronze rows with source_file and source_line; rows with a null in the key are neither.
    """
    repeated = rows.group_by(key).len("copies").filter(pl.col("copies") > 1).select(key)
    judged = (
        rows.join(repeated, on=key, how="semi")
        .select(*key, *_LANDED_AT, *(pl.col(name) for name in content if name not in key))
        .with_columns(
            in_conflict=pl.struct(content).n_unique().over(key) > 1,
            landed_rank=pl.struct(_LANDED_AT).rank("ordinal").over(key),
            copies=pl.len().over(key),
        )
        .select(*key, *_LANDED_AT, "in_conflict", is_copy=pl.col("landed_rank") < pl.col("copies"))
    )
    return rows.join(judged, on=[*key, *_LANDED_AT], how="left").with_columns(
        pl.col("in_conflict", "is_copy").fill_null(False)
    )


def join_reasons(*reasons: pl.Expr) -> pl.Expr:
    """Reasons (null where a row keeps the rule) joined by '; '; null where there is none."""
    joined = pl.concat_str(reasons, separator="; ", ignore_nulls=True)
    return pl.when(joined != "").then(joined)


def reason_if(broken: pl.Expr, words: str) -> pl.Expr:
    return pl.when(broken).then(pl.lit(words))


def row_as_json(columns: Sequence[str], **landed: pl.Expr) -> pl.Expr:
    """A bronze row as JSON; `landed` gives the expression of columns that were changed since they landed."""
    return pl.struct(landed.get(name, pl.col(name)).alias(name) for name in columns).struct.json_encode()


def rejected_rows(
    rows: pl.LazyFrame, source_table: str, key: Sequence[str], row_json: pl.Expr, keep: Sequence[str] = ()
) -> pl.LazyFrame:
    """The rows that have a `reason`, in the shape of silver's rejected rows, with the columns `keep` in front."""
    source_key = pl.concat_str(
        [pl.format(f"{name}={{}}", pl.col(name).cast(pl.String).fill_null("missing")) for name in key], separator=", "
    )
    return rows.filter(pl.col("reason").is_not_null()).select(
        *keep,
        pl.lit(source_table).alias("source_table"),
        source_key.alias("source_key"),
        "reason",
        row_json.alias("row_json"),
    )

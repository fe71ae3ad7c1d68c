"""Setting rows aside: duplicates, reasons and the rejected rows of silver.

Belongs here: what every silver table does with rows that may not pass. Does not belong here: the rules
themselves, which are the catalog's or the table's own module's.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from cis_assets.catalog.table import Table

_LANDED_AT = ("source_file", "source_line")
CONFLICTING_COPIES = "rows with this key contradict each other"


def mark_copies(rows: pl.LazyFrame, key: Sequence[str], content: Sequence[str]) -> pl.LazyFrame:
    """Add `in_conflict` (rows with this key differ in content) and `is_copy` (the same key and content landed again later).

    Rows in conflict are not copies of each other, whatever they hold; rows with a null in the key are neither. first_file
    and first_line say where rows that landed several times first did (null: once). `rows` are bronze rows with
    source_file and source_line.
    """
    file, line = (pl.col(name) for name in _LANDED_AT)
    repeated = (
        _rows_near_repeats(rows, key)
        .group_by(key)
        .agg(
            copies=pl.len(),
            in_conflict=pl.any_horizontal(pl.col(content).n_unique() > 1),
            first_file=file.min(),
            first_line=line.filter(file == file.min()).min(),
            last_file=file.max(),
            last_line=line.filter(file == file.max()).max(),
        )
        .filter(pl.col("copies") > 1)
        .drop("copies")
    )
    landed_last = (file == pl.col("last_file")) & (line == pl.col("last_line"))
    return (
        rows.join(repeated, on=key, how="left")
        .with_columns(
            pl.col("in_conflict").fill_null(False), is_copy=(~pl.col("in_conflict") & ~landed_last).fill_null(False)
        )
        .drop("last_file", "last_line")
    )


def _rows_near_repeats(rows: pl.LazyFrame, key: Sequence[str]) -> pl.LazyFrame:
    """The rows that share all of the key but its last column with some repeated key.

    A full count of order lines by key would hold every line in memory; by order it holds far fewer groups.
    """
    group = list(key[:-1]) or list(key)
    repeats = (
        rows.group_by(group).agg(rows=pl.len(), keys=pl.col(key[-1]).n_unique()).filter(pl.col("keys") < pl.col("rows"))
    )
    return rows.join(repeats, on=group, how="semi")


def keeps_rules(table: Table, columns: Sequence[str]) -> pl.Expr:
    """Whether a row breaks none of the table's rules in `columns`: `Table.broken_rules` without the words, and faster."""
    rules = [rule for name in columns for rule in table.columns[name].validation_rules(pl.col(name)).values()]
    return pl.all_horizontal(rule.fill_null(True) for rule in rules)


def join_reasons(*reasons: pl.Expr) -> pl.Expr:
    """Reasons (null where a row keeps the rule) joined by '; '; null where there is none."""
    joined = pl.concat_str(reasons, separator="; ", ignore_nulls=True)
    return pl.when(joined != "").then(joined)


def reason_if(broken: pl.Expr, words: str) -> pl.Expr:
    """`words` where the rule is broken, null elsewhere."""
    return pl.when(broken).then(pl.lit(words))


def row_as_json(columns: Sequence[str]) -> pl.Expr:
    """A bronze row as JSON."""
    return pl.struct(columns).struct.json_encode()


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

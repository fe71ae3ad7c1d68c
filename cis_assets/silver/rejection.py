"""Duplicate rows, reasons and rejected rows of every silver table. The rules themselves are elsewhere."""

from collections.abc import Sequence

import polars as pl

from cis_assets.catalog.table import Table, describe_key

CONFLICTING_ROWS = "rows with this key contradict each other"


def mark_duplicates(rows: pl.LazyFrame, key: Sequence[str], content: Sequence[str]) -> pl.LazyFrame:
    """Add `in_conflict` (rows with this key differ in content) and `is_duplicate` (the same row landed again later).

    Rows in conflict are no duplicates of each other; rows with a null in the key are neither. first_file and first_line
    say where repeated rows landed first (null: landed once). `rows` are bronze rows with source_file and source_line.
    The repeated keys are computed at once, since they are few.
    """
    file, line = pl.col("source_file"), pl.col("source_line")
    repeated = (
        rows_near_repeats(rows, key)
        .group_by(key)
        .agg(
            rows=pl.len(),
            in_conflict=pl.any_horizontal(pl.col(content).n_unique() > 1),
            first_file=file.min(),
            first_line=line.filter(file == file.min()).min(),
            last_file=file.max(),
            last_line=line.filter(file == file.max()).max(),
        )
        .filter(pl.col("rows") > 1)
        .drop("rows")
        .collect(engine="streaming")
    )
    landed_last = (file == pl.col("last_file")) & (line == pl.col("last_line"))
    return (
        rows.join(repeated.lazy(), on=key, how="left")
        .with_columns(
            pl.col("in_conflict").fill_null(False),
            is_duplicate=(~pl.col("in_conflict") & ~landed_last).fill_null(False),
        )
        .drop("last_file", "last_line")
    )


def rows_near_repeats(rows: pl.LazyFrame, key: Sequence[str]) -> pl.LazyFrame:
    """The rows that share all columns of the key but the last with some repeated key.

    A count of order lines by their whole key holds every line in memory; a count by order holds far fewer groups, and
    is computed at once.
    """
    group = list(key[:-1]) or list(key)
    repeats = rows.group_by(group).agg(rows=pl.len(), keys=pl.col(key[-1]).n_unique())
    found = repeats.filter(pl.col("keys") < pl.col("rows")).select(group).collect(engine="streaming")
    return rows.clear() if found.is_empty() else rows.join(found.lazy(), on=group, how="semi")


def keeps_rules(table: Table, columns: Sequence[str]) -> pl.Expr:
    """Whether a row keeps the table's rules in `columns`: like `Table.broken_rules` without the words, and faster."""
    rules = [rule for name in columns for rule in table.columns[name].validation_rules(pl.col(name)).values()]
    return pl.all_horizontal(rule.fill_null(True) for rule in rules)


def reason_if(is_broken: pl.Expr, reason: str) -> pl.Expr:
    """`reason` where the rule is broken, null elsewhere."""
    return pl.when(is_broken).then(pl.lit(reason))


def row_as_json(columns: Sequence[str]) -> pl.Expr:
    """A bronze row as JSON."""
    return pl.struct(columns).struct.json_encode()


def rejected_rows(
    rows: pl.LazyFrame, source_table: str, key: Sequence[str], row_json: pl.Expr, keep: Sequence[str] = ()
) -> pl.LazyFrame:
    """The rows that have a `reason`, with the columns of silver's rejected rows after the columns `keep`."""
    return rows.filter(pl.col("reason").is_not_null()).select(
        *keep,
        pl.lit(source_table).alias("source_table"),
        describe_key(key).alias("source_key"),
        "reason",
        row_json.alias("row_json"),
    )

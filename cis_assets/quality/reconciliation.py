"""Reconciliation of order dates: how many rows landed, and where each of them is now.

Every landed row is typed, did not parse, or belongs to an erased customer. Every typed row is valid, returned, rejected
or a duplicate. The counts come from the stored tables, and duplicates are counted in bronze, apart from what silver took
for a duplicate. So neither a lost row nor a wrong judgement can pass as a duplicate.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from cis_assets.silver.orders import credit_notes
from cis_assets.silver.rejection import rows_near_repeats

COUNTS = ("landed", "erased", "typed", "unparsed", "valid", "returned", "rejected", "duplicates")
# Source table -> the key of its rows, and the other columns that equal rows share.
_ROWS = {
    "orders": (["order_date", "order_id"], ["customer_id", "order_hour", "order_key"]),
    "order_items": (["order_date", "order_id", "add_to_cart_order"], ["product_id", "quantity", "unit_price"]),
}
_KEY = ("order_date", "source_table")


@dataclass(frozen=True)
class DatedTables:
    """The lazy tables of the same order dates; `bronze` and `silver` by source table (orders, order_items)."""

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
    for name in _ROWS:
        counted.append(_counted("typed", _of(name, tables.bronze[name])))
        counted.append(_counted("valid", _of(name, tables.silver[name])))
        counted.append(_summed("duplicates", _repeated_rows(name, tables.bronze[name]), pl.col("repeats")))
    found = pl.concat(pl.collect_all(counted, engine="streaming"))
    every = pl.DataFrame({"order_date": days}, schema={"order_date": pl.Date}).join(
        pl.DataFrame({"source_table": list(_ROWS)}), how="cross"
    )
    sums = [pl.col("rows").filter(pl.col("count") == name).sum().alias(name) for name in COUNTS]
    return (
        every.join(found.group_by(_KEY).agg(sums), on=_KEY, how="left")
        .with_columns(pl.col(COUNTS).fill_null(0))
        .sort(*_KEY)
    )


def find_dates_without_silver(counts: pl.DataFrame) -> list[date]:
    """Find the dates that have typed rows, and of which silver has no row at all."""
    made = pl.sum_horizontal("valid", "returned", "rejected").sum()
    dates = counts.group_by("order_date").agg(typed=pl.col("typed").sum(), made=made)
    return dates.filter(pl.col("typed") > 0, pl.col("made") == 0)["order_date"].sort().to_list()


def list_imbalances(counts: pl.DataFrame, without: Collection[date] = (), pending: Collection[date] = ()) -> list[str]:
    """Describe each date and source table whose rows are not accounted for.

    Leaves out the (quarantined) dates `without`. Silver does not have the dates `pending` yet.
    """
    landed = pl.col("landed") - pl.sum_horizontal("typed", "unparsed", "erased")
    typed = pl.col("typed") - pl.sum_horizontal("valid", "returned", "rejected", "duplicates")
    found = counts.select(*_KEY, "landed", "typed", landed_left=landed, typed_left=typed)
    sentences = []
    for day, table, landed_rows, typed_rows, landed_left, typed_left in found.iter_rows():
        for left, of, name in ((landed_left, landed_rows, "landed"), (typed_left, typed_rows, "typed")):
            if left and day not in without and not (name == "typed" and day in pending):
                amount = (
                    f"{left:,} of {of:,} {name} rows are missing" if left > 0 else f"{-left:,} rows are not {name} rows"
                )
                sentences.append(f"{day} {table}: {amount}")
    return sentences


def _repeated_rows(source_table: str, rows: pl.LazyFrame) -> pl.LazyFrame:
    """Keys under which the same row landed several times, with how many `repeats` there are beside the first row."""
    key, content = _ROWS[source_table]
    return (
        rows_near_repeats(rows.drop_nulls(key), key)
        .group_by(key)
        .agg(repeats=pl.len() - 1, is_same=pl.all_horizontal(pl.col(content).n_unique() == 1))
        .filter("is_same")
        .with_columns(source_table=pl.lit(source_table))
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

"""Rejected rows and returned items."""

import polars as pl

from cis_assets.catalog import bronze, silver
from cis_assets.lake.lake import Lake

_IN_FILE = pl.format("{} line {}", "source_file", "source_line")
_BY_KEY = pl.format("{} {}", "source_table", "source_key")
# Where a row of each table comes from, and the column with its text.
_ORIGINS = {
    bronze.REJECTED_ROWS: (_IN_FILE, "raw_text"),
    bronze.REJECTED_SNAPSHOT_ROWS: (_IN_FILE, "raw_text"),
    silver.REJECTED_ROWS: (pl.format("{} {}", "order_date", _BY_KEY), "row_json"),
    silver.REJECTED_SNAPSHOT_ROWS: (_BY_KEY, "row_json"),
}
_GROUP = ["table", "source_table", "reason"]


def count_rejected_rows(lake: Lake) -> pl.DataFrame:
    """Count rejected rows by table, source table and kind of reason, most first, each with its first row as an example."""
    # A reason may end with a colon and the value found in the row.
    kind = pl.col("reason").str.replace_all(r": [^;]*", "")
    counts = [
        lake.scan(table)
        .group_by(pl.lit(table.path).alias("table"), "source_table", kind)
        .agg(pl.len().alias("rows"), origin.min().alias("where"), pl.col(text).sort_by(origin).first().alias("row"))
        for table, (origin, text) in _ORIGINS.items()
        if lake.exists(table)
    ]
    if not counts:
        return pl.DataFrame()
    return pl.concat(counts).sort(["rows", *_GROUP], descending=[True, False, False, False]).collect()


def count_returned_items(lake: Lake) -> int:
    """Count the rows of silver/returned_items."""
    return lake.figures(silver.RETURNED_ITEMS).total.rows if lake.exists(silver.RETURNED_ITEMS) else 0

"""Find which of some customers have rows, so that a mistyped number is noticed."""

import polars as pl

from cis_assets.catalog.customer_rows import HeaderOf, Traces, numbers_in_text, theirs

_TEXTS = ("raw_text", "row_json")


def find_named_customers(rows: pl.LazyFrame, customers: frozenset[int], header_of: HeaderOf) -> frozenset[int]:
    """Find the customers who have a row in a frame. A rejected row counts if its text names them."""
    columns = rows.collect_schema().names()
    found: set[int] = set()
    if "customer_id" in columns:
        wanted = pl.Series(sorted(customers), dtype=pl.Int64).implode()
        hits = rows.filter(pl.col("customer_id").is_in(wanted)).select(pl.col("customer_id").unique())
        found |= set(hits.collect(engine="streaming").to_series())
    for column in _TEXTS:
        if column in columns:
            hits = rows.filter(theirs(columns, Traces(customers), header_of)).select(column)
            for text in hits.collect(engine="streaming").to_series().drop_nulls():
                found |= customers & numbers_in_text(text)
    return frozenset(found)

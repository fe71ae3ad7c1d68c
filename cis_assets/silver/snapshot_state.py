"""Which snapshot is in force, and why a newer one is not.

An entity is in the snapshot in force if its row of silver/products or silver/customers has no `delisted_at`.
"""

import polars as pl


def is_in_force() -> pl.Expr:
    """Whether an entity is in the snapshot in force. It is not if its row of that snapshot was rejected."""
    return pl.col("delisted_at").is_null()


def find_fault_of_newest(landed_snapshots: pl.LazyFrame, source_table: str) -> str | None:
    """Find out why the newest snapshot of a landing table is not in force: it cannot be read, or it is quarantined.

    None if the newest snapshot is in force, or if no snapshot has landed. `landed_snapshots` is bronze/landed_snapshots.
    """
    newest = (
        landed_snapshots.filter(pl.col("source_table") == source_table)
        .sort("arrived_at", "snapshot", descending=True)
        .head(1)
        .collect()
    )
    return newest["fault"].item() if newest.height else None

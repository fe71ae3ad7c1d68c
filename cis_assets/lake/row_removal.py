"""Remove rows of a slice of a stored table in one commit, outside of the asset that writes the table."""

from collections.abc import Callable

import polars as pl

from cis_assets.catalog import Table
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.delta_table import scan_stored
from cis_assets.lake.lake import Lake
from cis_assets.lake.slices import Slice
from cis_assets.lake.write_path import Commit, commit_once


def keep_rows(lake: Lake, table: Table, where: Slice, keep: Callable[[pl.LazyFrame], pl.LazyFrame]) -> int:
    """Replace a slice by those of its rows that `keep` selects; return the number of removed rows.

    Commits nothing if all rows stay. Starts again if another writer changed the slice meanwhile.
    """
    location = lake.location(table)
    removed = 0

    def write(commit: Commit) -> None:
        nonlocal removed
        rows = scan_stored(commit.stored, location, where)
        kept = keep(rows).collect(engine="streaming")
        removed = rows.select(pl.len()).collect(engine="streaming").item() - kept.height
        if removed:
            commit.overwrite(where, LazyChunks.of([kept.lazy()]))

    commit_once(table, location, write)
    return removed

"""The polars engine: lazy scans with partition pruning, and streaming writes of slices."""

from collections.abc import Mapping, Sequence

import narwhals as nw
import polars as pl

from cis_assets.catalog import Table
from cis_assets.lake.checked_batches import describe_key, refuse_outside
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.delta_table import open_table, scan_stored
from cis_assets.lake.engines.engine import DuplicateKeyError, TableLocation, Written
from cis_assets.lake.slices import WHOLE, Slice
from cis_assets.lake.stored_schema import convert_rows
from cis_assets.lake.write_path import Commit, commit_once


class PolarsEngine:
    """The default engine: everything in this process, streaming, on all cores."""

    def scan(
        self, table: Table, location: TableLocation, where: Slice = WHOLE, columns: Sequence[str] | None = None
    ) -> nw.LazyFrame:
        return nw.from_native(self.scan_polars(table, location, where, columns))

    def scan_polars(
        self, table: Table, location: TableLocation, where: Slice = WHOLE, columns: Sequence[str] | None = None
    ) -> pl.LazyFrame:
        """Do the same as `scan`, and return the polars frame."""
        stored = open_table(table, location)
        rows = scan_stored(stored, location, where).with_columns(convert_rows(table, stored))
        return rows.select(columns or list(table.dtypes))

    def empty(self, table: Table) -> nw.LazyFrame:
        return nw.from_native(table.empty().lazy())

    def replace(self, table: Table, location: TableLocation, where: Slice, chunks: LazyChunks) -> Written:
        return commit_once(
            table, location, lambda commit: commit.overwrite(where, chunks, refuse_empty=not table.may_be_empty)
        )

    def append(
        self, table: Table, location: TableLocation, where: Slice, batches: Mapping[str, Slice], chunks: LazyChunks
    ) -> Written:
        def write(commit: Commit) -> None:
            new = {name: rows for name, rows in batches.items() if commit.stored.transaction_version(name) is None}
            if new:
                commit.append(where, chunks, new)

        return commit_once(table, location, write)

    def merge(self, table: Table, location: TableLocation, where: Slice, chunks: LazyChunks) -> Written:
        rows = chunks.whole().select(list(table.dtypes)).collect(engine="streaming")
        refuse_outside(table, where, rows)
        key = list(dict.fromkeys((*table.partition_by, *table.key)))
        _refuse_unclear_keys(table, key, rows)
        return commit_once(table, location, lambda commit: None if rows.is_empty() else commit.merge(where, rows, key))


def _refuse_unclear_keys(table: Table, key: list[str], rows: pl.DataFrame) -> None:
    if not table.key:
        raise DuplicateKeyError(f"{table.path} has no key in the catalog, so rows cannot be merged into it.")
    if rows.select(pl.any_horizontal(pl.col(key).is_null().any())).item():
        raise DuplicateKeyError(f"{table.path}: rows to merge lack a part of their key ({', '.join(key)}).")
    shared = rows.filter(pl.struct(key).is_duplicated())
    if shared.height:
        raise DuplicateKeyError(
            f"{table.path}: {shared.height} rows to merge share a key, for example {describe_key(table, shared)}."
        )

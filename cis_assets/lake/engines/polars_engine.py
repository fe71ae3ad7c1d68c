"""Polars: lazy scans with pruned partitions, and streaming writes of slices through delta-rs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import narwhals as nw
import polars as pl
import pyarrow as pa
from deltalake import ColumnProperties, CommitProperties, DeltaTable, Transaction, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError

from cis_assets.catalog import Table
from cis_assets.lake.checked_batches import CheckedBatches, key_in_words, refuse_outside
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.commits import commit_once
from cis_assets.lake.delta_table import COMPAT, open_table
from cis_assets.lake.engines.engine import DuplicateKeyError, TableLocation, Written
from cis_assets.lake.slices import WHOLE, Slice, rows_in

# The version under which a batch is entered among a table's application transactions; each batch has but one.
_ONCE = 1
# The predicate of a whole table: without one, delta-rs overlooks that an OPTIMIZE put its files together meanwhile, and keeps
# those beside the new ones.
_EVERY_ROW = "true"
# Every partition of a range has its open writer, which holds a row group in memory: small ones save a third of it and cost
# a twentieth of the size on disk. A compression must be named, or there would be none. Numbers of lines, each once and in
# order, are best stored as differences: a dictionary of them is as long as they are, and made bronze twice as large.
_DIFFERENCES = ColumnProperties(dictionary_enabled=False, encoding="DELTA_BINARY_PACKED")
_FILES = WriterProperties(
    compression="SNAPPY", max_row_group_size=32_768, column_properties={"source_line": _DIFFERENCES}
)


class PolarsEngine:
    """The default engine: everything in this process, streaming, on all cores."""

    def scan(
        self, table: Table, location: TableLocation, where: Slice = WHOLE, columns: Sequence[str] | None = None
    ) -> nw.LazyFrame:
        return nw.from_native(self.scan_polars(table, location, where, columns))

    def scan_polars(
        self, table: Table, location: TableLocation, where: Slice = WHOLE, columns: Sequence[str] | None = None
    ) -> pl.LazyFrame:
        """As `scan`, as the polars frame that it is."""
        stored = open_table(table, location)
        present = {field.name for field in stored.schema().fields}
        # A column that the catalog gained since the table was last written is missing everywhere.
        gained = [
            pl.lit(None, dtype).alias(name)
            for name, dtype in table.dtypes.items()
            if name not in present and table.columns[name].nullable
        ]
        frame = pl.scan_delta(stored, storage_options=dict(location.polars_options) or None)
        frame = rows_in(nw.from_native(frame), where).to_native()
        return frame.with_columns(gained).select(columns or list(table.dtypes))

    def replace(self, table: Table, location: TableLocation, where: Slice, parts: LazyChunks) -> Written:
        written: list[CheckedBatches] = []

        def write(target: DeltaTable, mark: dict[str, str]) -> None:
            batches = CheckedBatches(table, where, parts)
            reader = batches.reader(refuse_empty=not table.may_be_empty)
            written[:] = [batches]
            properties = CommitProperties(custom_metadata=mark)
            _write(
                batches,
                target,
                reader,
                mode="overwrite",
                predicate=where.sql() or _EVERY_ROW,
                commit_properties=properties,
            )

        stored = commit_once(table, location, write)
        return Written(written[0].rows, stored)

    def append(
        self, table: Table, location: TableLocation, where: Slice, batches: Mapping[str, Slice], parts: LazyChunks
    ) -> Written:
        written: list[CheckedBatches] = []

        def write(target: DeltaTable, mark: dict[str, str]) -> None:
            written.clear()
            new = {name: rows_of for name, rows_of in batches.items() if target.transaction_version(name) is None}
            if not new:
                return
            checked = CheckedBatches(table, where, parts, kept=tuple(new.values()))
            properties = CommitProperties(
                custom_metadata=mark,
                # delta-rs would take its own lost commit for another writer's and append a second time.
                max_commit_retries=0,
                app_transactions=[Transaction(name, _ONCE) for name in new],
            )
            reader = checked.reader(refuse_empty=False)
            written[:] = [checked]
            _write(checked, target, reader, mode="append", commit_properties=properties)

        stored = commit_once(table, location, write)
        return Written(sum(checked.rows for checked in written), stored)

    def merge(self, table: Table, location: TableLocation, where: Slice, parts: LazyChunks) -> Written:
        news = parts.whole().select(list(table.dtypes)).collect(engine="streaming")
        refuse_outside(table, where, news)
        key = list(dict.fromkeys((*table.partition_by, *table.key)))
        _refuse_unclear_keys(table, key, news)
        same = " AND ".join(f"stored.{column} = news.{column}" for column in key)
        pruned = where.sql("stored")

        def write(target: DeltaTable, mark: dict[str, str]) -> None:
            if news.is_empty():
                return
            (
                target.merge(
                    news.to_arrow(compat_level=COMPAT),
                    predicate=f"{pruned} AND {same}" if pruned else same,
                    source_alias="news",
                    target_alias="stored",
                    commit_properties=CommitProperties(custom_metadata=mark),
                    writer_properties=_FILES,
                )
                .when_matched_update_all()
                .when_not_matched_insert_all()
                .execute()
            )

        stored = commit_once(table, location, write)
        return Written(news.height, stored)


def _write(batches: CheckedBatches, target: DeltaTable, reader: pa.RecordBatchReader, **options: Any) -> None:
    try:
        write_deltalake(target, data=reader, writer_properties=_FILES, **options)
    except CommitFailedError:
        raise
    except DeltaError:
        if batches.fault is not None:
            raise batches.fault from None
        # A constraint that refused a row does not name its rule; the catalog does.
        batches.refuse_broken_rules()
        raise


def _refuse_unclear_keys(table: Table, key: list[str], news: pl.DataFrame) -> None:
    if not table.key:
        raise DuplicateKeyError(f"{table.path} has no key in the catalog, so rows cannot be merged into it.")
    if news.select(pl.any_horizontal(pl.col(key).is_null().any())).item():
        raise DuplicateKeyError(f"{table.path}: rows to be merged lack a part of their key ({', '.join(key)}).")
    twice = news.filter(pl.struct(key).is_duplicated())
    if twice.height:
        raise DuplicateKeyError(
            f"{table.path}: {twice.height} rows to be merged share a key, for example {key_in_words(table, twice)}."
        )

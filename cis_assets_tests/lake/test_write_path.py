"""Files of a table look the same whichever path wrote them: an asset, a merge, compaction or erasure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

from cis_assets.catalog import bronze
from cis_assets.catalog.customer_rows import Traces
from cis_assets.erasure.tables import remove_rows
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.delta_table import open_or_create
from cis_assets.lake.engines.polars_engine import PolarsEngine
from cis_assets.lake.lake import Lake
from cis_assets.lake.maintenance import maintain
from cis_assets.lake.slices import Slice
from cis_assets_tests.frames import table_frame

TABLE = bronze.ORDERS
DAY = date(2026, 1, 1)
WHERE = Slice.of(order_date=(DAY,))
ROWS = 40_000


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def orders(first: int = 0, count: int = ROWS) -> pl.DataFrame:
    one = table_frame(TABLE, [{"order_date": DAY}])
    number = pl.int_range(first, first + count, dtype=pl.Int64)
    columns = {"order_id": number, "customer_id": number % 1000, "source_line": number}
    return pl.concat([one] * count).with_columns(**columns).cast(pl.Schema(TABLE.dtypes))


def replace(lake: Lake) -> None:
    PolarsEngine().replace(TABLE, lake.location(TABLE), WHERE, LazyChunks.of([orders()]))


def append(lake: Lake) -> None:
    PolarsEngine().append(TABLE, lake.location(TABLE), WHERE, {"once": WHERE}, LazyChunks.of([orders()]))


def compact(lake: Lake) -> None:
    for first in (0, ROWS // 2):
        part = orders(first, ROWS // 2).select(list(TABLE.dtypes))
        write_deltalake(open_or_create(TABLE, lake.location(TABLE)), part.to_arrow(), mode="append")
    assert maintain(TABLE, lake.location(TABLE), 168).rewritten == 1


def erase(lake: Lake) -> None:
    write_deltalake(
        open_or_create(TABLE, lake.location(TABLE)), orders().select(list(TABLE.dtypes)).to_arrow(), mode="append"
    )
    assert remove_rows(lake, TABLE, Traces(frozenset({17})), lambda *_: []) == ROWS // 1000


def file_properties(lake: Lake) -> dict[str, Any]:
    """Encodings, compression and row groups of the only file, without its rows."""
    (file,) = DeltaTable(lake.location(TABLE).uri).file_uris()
    metadata = pq.ParquetFile(file).metadata
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    columns = [group.column(number) for group in groups for number in range(group.num_columns)]
    return {
        "compression": {column.compression for column in columns},
        "encodings": {(column.path_in_schema, tuple(sorted(column.encodings))) for column in columns},
        "largest row group": max(group.num_rows for group in groups),
        "written by": metadata.created_by,
    }


@pytest.mark.parametrize("write", [append, compact, erase])
def test_every_path_writes_files_with_the_properties_of_an_asset(tmp_path: Path, lake: Lake, write: Callable):
    by_asset = Lake(str(tmp_path / "asset"))
    replace(by_asset)
    write(lake)
    expected = file_properties(by_asset)
    assert file_properties(lake) == expected
    assert expected["compression"] == {"SNAPPY"}
    assert expected["largest row group"] == 32_768
    assert "DELTA_BINARY_PACKED" in str({column for column in expected["encodings"] if column[0] == "source_line"})


def test_compaction_makes_no_table_larger(lake: Lake):
    for first in (0, ROWS // 2):
        rows = LazyChunks.of([orders(first, ROWS // 2)])
        PolarsEngine().append(TABLE, lake.location(TABLE), WHERE, {f"from {first}": WHERE}, rows)
    before = lake.figures(TABLE).total
    maintain(TABLE, lake.location(TABLE), 168)
    after = lake.figures(TABLE).total
    assert (before.files, after.files, after.rows) == (2, 1, before.rows)
    assert after.bytes <= before.bytes * 1.02


def test_every_path_marks_its_commit(lake: Lake):
    compact(lake)
    remove_rows(lake, TABLE, Traces(frozenset({17})), lambda *_: [])
    replace(lake)
    entries = DeltaTable(lake.location(TABLE).uri).history(3)
    marks = [entry["cis_commit"] for entry in entries]
    assert len(set(marks)) == 3
    assert [entry.get("cis_maintenance") for entry in entries] == [None, None, "compaction"]

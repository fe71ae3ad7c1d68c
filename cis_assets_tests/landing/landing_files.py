"""Landing folders for tests: written in a line, read in a line."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl

from cis_assets.lake.chunks import LazyChunks
from cis_assets.landing.contract import LandingTable
from cis_assets.landing.file_reader import read_file
from cis_assets.landing.folder import LandingFolder
from cis_assets.landing.rows import LandedRows

ORDERS_HEADER = "order_id,customer_id,order_hour"
ITEMS_HEADER = "order_id,product_id,add_to_cart_order,quantity,unit_price"


def put(root: Path, path: str, content: str | bytes | pl.DataFrame) -> Path:
    """Write a landing file below `root`: text as it stands (gzipped if the name says so), a frame as Parquet."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, pl.DataFrame):
        content.write_parquet(file)
        return file
    data = content.encode() if isinstance(content, str) else content
    file.write_bytes(gzip.compress(data) if path.endswith(".gz") else data)
    return file


def read_alone(root: Path, table: LandingTable, content: str | bytes | pl.DataFrame, ending: str = "csv") -> LandedRows:
    """Read one file as if it were the table's only one, whether or not the table is dated."""
    put(root, f"{table.name}/only.{ending}", content)
    folder = LandingFolder(str(root))
    return read_file(folder, table, folder.snapshot_files(table)[-1])


def good(landed: LandedRows, *columns: str) -> list[tuple]:
    """The good rows in the order of the file; all of the columns unless some are named."""
    rows = landed.rows.collect()
    return rows.select(columns or rows.columns).rows()


def rejected(landed: LandedRows) -> list[tuple[int, str, str]]:
    """Line, reason and raw text of each rejected row."""
    return whole(landed.rejected).select("source_line", "reason", "raw_text").collect().rows()


def whole(rows: pl.LazyFrame | LazyChunks) -> pl.LazyFrame:
    """All rows in one frame, whether they were read in parts or not."""
    return rows.whole() if isinstance(rows, LazyChunks) else rows

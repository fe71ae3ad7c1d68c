"""A table whose history was removed holds its newest version, whole, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import dataframely as dy
import polars as pl
import pytest
from deltalake import DeltaTable
from polars.testing import assert_frame_equal

from cis_assets.catalog import Table, bronze
from cis_assets.erasure.history import HistoryError, remove_history
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.delta_table import open_table
from cis_assets.lake.engines.engine import TableLocation
from cis_assets.lake.engines.polars_engine import PolarsEngine
from cis_assets.lake.slices import WHOLE, Slice
from cis_assets_tests.erasure.byte_search import traces_of
from cis_assets_tests.frames import table_frame

NUMBER = 7_316_502_948_117


class SalesSchema(dy.Schema):
    """Sales of shops whose names are awkward in a path."""

    shop = dy.String()
    customer_id = dy.Int64()


SALES = Table("bronze", "sales", SalesSchema, "sale", ("shop", "customer_id"), ("shop",), may_be_empty=True)
ENGINE = PolarsEngine()


@pytest.fixture
def location(tmp_path: Path) -> TableLocation:
    return TableLocation(str(tmp_path / "sales"))


def write(location: TableLocation, shop: str, *customers: int) -> None:
    rows = pl.DataFrame([(shop, customer) for customer in customers], schema=SALES.dtypes, orient="row")
    ENGINE.replace(SALES, location, Slice.of(shop=(shop,)), LazyChunks.of([rows]))


def files(location: TableLocation) -> list[str]:
    root = Path(location.uri)
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def rows(location: TableLocation) -> pl.DataFrame:
    return ENGINE.scan_polars(SALES, location).collect().sort(SALES.key)


def test_only_the_newest_version_is_left_and_can_be_read_and_written(location: TableLocation):
    for _ in range(25):
        write(location, "a b/ü%", NUMBER, 1)
        write(location, "x'y", 2)
    write(location, "a b/ü%", 1)
    before = rows(location)
    gone = len(files(location))
    removed = remove_history(SALES, location)
    left = files(location)
    assert traces_of([NUMBER], Path(location.uri)) == {}
    assert_frame_equal(rows(location), before)
    data = [name for name in left if name.endswith(".parquet") and not name.startswith("_delta_log")]
    assert len(data) == 2
    assert len([name for name in left if name.endswith(".checkpoint.parquet")]) <= 2
    assert removed.data_files == 51 - 2
    assert removed.data_files + removed.log_files > gone - len(left)
    write(location, "x'y", 3)
    assert rows(location)["customer_id"].to_list() == [1, 3]


def test_the_log_names_no_file_that_is_gone(location: TableLocation):
    for _ in range(3):
        write(location, "a", 1)
    remove_history(SALES, location)
    checkpoint = max(Path(location.uri, "_delta_log").glob("*.checkpoint.parquet"))
    assert pl.read_parquet(checkpoint)["remove"].null_count() == pl.read_parquet(checkpoint).height
    assert not any('"remove"' in commit.read_text() for commit in Path(location.uri, "_delta_log").glob("*.json"))


def test_the_retention_is_as_it_was(location: TableLocation):
    write(location, "a", 1)
    DeltaTable(location.uri).alter.set_table_properties({"delta.logRetentionDuration": "interval 90 days"})
    remove_history(SALES, location)
    kept = DeltaTable(location.uri).metadata().configuration
    assert kept["delta.logRetentionDuration"] == "interval 90 days"
    assert kept["delta.deletedFileRetentionDuration"] == SALES.properties["delta.deletedFileRetentionDuration"]


def test_a_retention_that_a_killed_erasure_left_low_is_the_catalogs_again(location: TableLocation):
    write(location, "a", 1)
    low = dict.fromkeys(["delta.logRetentionDuration", "delta.deletedFileRetentionDuration"], "interval 0 days")
    DeltaTable(location.uri).alter.set_table_properties(low)
    remove_history(SALES, location)
    kept = DeltaTable(location.uri).metadata().configuration
    assert {name: kept[name] for name in low} == {name: SALES.properties[name] for name in low}


def test_what_was_appended_once_is_not_appended_again_afterwards(location: TableLocation):
    one = LazyChunks.of([pl.DataFrame([("a", 1)], schema=SALES.dtypes, orient="row")])
    ENGINE.append(SALES, location, WHOLE, {"run 1": WHOLE}, one)
    remove_history(SALES, location)
    ENGINE.append(SALES, location, WHOLE, {"run 1": WHOLE}, one)
    assert rows(location).height == 1


@pytest.mark.parametrize("rows", [[], [{"customer_id": 5}]])
def test_a_table_without_partitions_or_rows_is_left_readable(tmp_path: Path, rows: list[dict]):
    location = TableLocation(str(tmp_path / "customers"))
    for number in (NUMBER, NUMBER, None):
        frame = table_frame(bronze.CUSTOMERS, [{"customer_id": number}] if number else rows)
        ENGINE.replace(bronze.CUSTOMERS, location, WHOLE, LazyChunks.of([frame]))
    remove_history(bronze.CUSTOMERS, location)
    assert traces_of([NUMBER], tmp_path) == {}
    assert ENGINE.scan_polars(bronze.CUSTOMERS, location).collect().height == len(rows)


def test_what_a_killed_writer_left_is_removed_with_the_history(location: TableLocation):
    write(location, "a", 1)
    killed = subprocess.Popen([sys.executable, "-c", _ENDLESS_WRITER, location.uri])
    try:
        half_written = _wait_for_half_written(location)
    finally:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    assert half_written.exists(), "A killed writer left nothing, so nothing is tested."
    remove_history(SALES, location)
    assert not half_written.exists()
    assert [name for name in files(location) if not name.startswith("_delta_log")] == [
        DeltaTable(location.uri).file_uris()[0].removeprefix(f"{location.uri}/")
    ]


_ENDLESS_WRITER = """
import sys
import numpy as np
import pyarrow as pa
from deltalake import write_deltalake

def batches():
    generator = np.random.default_rng(1)
    while True:
        numbers = generator.integers(0, 2**62, 200_000)
        yield pa.record_batch({"shop": pa.array(["a"] * len(numbers)), "customer_id": numbers})

schema = pa.schema([pa.field("shop", pa.string(), False), pa.field("customer_id", pa.int64(), False)])
write_deltalake(sys.argv[1], pa.RecordBatchReader.from_batches(schema, (batch.cast(schema) for batch in batches())), mode="append")
"""


def _wait_for_half_written(location: TableLocation, seconds: float = 60) -> Path:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = [path for path in Path(location.uri).rglob("*#*") if path.stat().st_size]
        if found:
            return found[0]
        time.sleep(0.05)
    pytest.fail("The writer wrote nothing.")


def test_files_that_the_table_needs_are_never_deleted(location: TableLocation):
    write(location, "a", 1)
    write(location, "b", 2)
    # As if the store's listing were behind its log.
    next(Path(location.uri).rglob("shop=a/*.parquet")).rename(Path(location.uri) / "elsewhere.parquet")
    with pytest.raises(HistoryError, match="none was deleted"):
        remove_history(SALES, location)
    assert list(Path(location.uri).rglob("shop=b/*.parquet"))


def test_a_file_that_cannot_be_deleted_is_said(location: TableLocation, monkeypatch: pytest.MonkeyPatch):
    write(location, "a", 1)
    (Path(location.uri) / "_hidden.parquet").write_bytes(b"PAR1")
    monkeypatch.setattr("cis_assets.erasure.history.delete", lambda *_: None)
    with pytest.raises(HistoryError, match=r"1 files .* _hidden.parquet"):
        remove_history(SALES, location)


def test_deletion_vectors_are_refused_since_they_only_hide_rows(location: TableLocation):
    write(location, "a", 1)
    stored = open_table(SALES, location)
    log = Path(location.uri, "_delta_log", f"{stored.version() + 1:020}.json")
    protocol = '{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["deletionVectors"],"writerFeatures":["deletionVectors"]}}'
    log.write_text(protocol)
    os.utime(log)
    with pytest.raises(HistoryError, match="deletion vectors"):
        remove_history(SALES, location)

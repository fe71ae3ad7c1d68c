"""Files that would take memory without bound: each is read in little memory, or its date is quarantined by name."""

from __future__ import annotations

import gzip
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from polars.testing import assert_frame_equal

from cis_assets.landing.contract import KEYED_ORDERS, ORDER_ITEMS, ORDERS, LandingTable
from cis_assets.landing.file_reader import read_files
from cis_assets.landing.folder import LandingError, LandingFolder
from cis_assets.landing.reader import read_days
from cis_assets.landing.row_cache import RowCache
from cis_assets.landing.rows import LandedRows
from cis_assets.landing.text_pieces import Limits, UnpackError, unpack
from cis_assets.sources.invoice_lines.files import read_file as read_invoice_lines
from cis_assets.sources.invoice_lines.mapping import InvoiceLinesError, read_mapping
from cis_assets.storage.errors import StorageError
from cis_assets_tests.landing.landing_files import ITEMS_HEADER, ORDERS_HEADER, put

DAY, NEXT = date(2025, 3, 1), date(2025, 3, 2)
GIB = 1024**3
MIB = 1024**2


def read(root: Path, content: str | bytes, limits: Limits, table: LandingTable = ORDERS) -> LandedRows | LandingError:
    put(root, f"{table.name}/only.csv", content)
    folder = LandingFolder(str(root))
    (landed,) = read_files(folder, table, folder.snapshot_files(table), RowCache(), limits=limits)
    return landed


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("piece_bytes", [16, 10**6], ids=["in pieces", "at once"])
def test_a_line_that_is_too_long_is_named_by_its_number(tmp_path: Path, piece_bytes: int, packed: bool) -> None:
    content = f"{ORDERS_HEADER}\n1,2,3\n\n2,{'3' * 100},3\n3,2,3\n".encode()
    landed = read(
        tmp_path, gzip.compress(content) if packed else content, Limits(piece_bytes=piece_bytes, line_bytes=100)
    )
    assert str(landed) == (
        "Line 4 of landing file orders/only.csv has more than 100 bytes: end each row with a line feed, and land the file "
        "again."
    )


@pytest.mark.parametrize("piece_bytes", [16, 10**6], ids=["in pieces", "at once"])
def test_a_line_of_the_longest_length_is_read(tmp_path: Path, piece_bytes: int) -> None:
    line = f"1,2,3,{'k' * 94}"
    content = f"{ORDERS_HEADER},order_key\n{line}\n{line}"
    landed = read(tmp_path, content, Limits(piece_bytes=piece_bytes, line_bytes=len(line)), KEYED_ORDERS)
    assert isinstance(landed, LandedRows)
    assert landed.rows.collect()["order_key"].to_list() == ["k" * 94] * 2


def test_a_row_that_never_ends_is_named_by_its_first_line(tmp_path: Path) -> None:
    content = f"{ORDERS_HEADER},order_key\n1,2,3,x\n2,2,3" + ',"a\nb"' * 100
    landed = read(tmp_path, content, Limits(piece_bytes=16, row_bytes=64), KEYED_ORDERS)
    assert str(landed) == (
        "Landing file orders/only.csv has a row of more than 64 bytes, which begins in line 3: close its quotes, and land "
        "the file again."
    )


def test_too_many_rows_that_do_not_parse_are_a_fault_of_the_file(tmp_path: Path) -> None:
    content = f"{ORDERS_HEADER}\n1,2,3\n" + "x\n" * 1000
    landed = read(tmp_path, content, Limits(piece_bytes=100, rejected_bytes=1))
    assert str(landed) == (
        "Landing file orders/only.csv has too many rows that do not parse; one is line 3. Correct the file, and land it "
        "again."
    )


BOMB = gzip.compress(f"{ORDERS_HEADER}\n".encode() + b"1,1,1\n" * 500_000)


@pytest.mark.parametrize(
    "limits",
    [Limits(piece_bytes=10**5, unpacked_bytes=10**6), Limits(piece_bytes=10**5, unchecked_bytes=10**6)],
    ids=["size", "share"],
)
def test_a_gzip_that_unpacks_to_too_much_is_a_fault_of_the_file(tmp_path: Path, limits: Limits) -> None:
    landed = read(tmp_path, BOMB, limits)
    assert str(landed) == (
        "Landing file orders/only.csv cannot be unpacked: it holds more than 1 MB, which is too much for a gzip of its size. "
        "Land it again whole."
    )
    with pytest.raises(UnpackError, match="it holds more than 1 MB"):
        unpack(BOMB, limits)


def test_a_gzip_of_the_same_rows_within_the_limits_is_read(tmp_path: Path) -> None:
    landed = read(tmp_path, BOMB, Limits())
    assert isinstance(landed, LandedRows)
    assert landed.row_count == 500_000


def keyed(keys: pa.Array) -> pa.Table:
    numbers = {name: pa.array([1] * len(keys), pa.int32()) for name in ORDERS_HEADER.split(",")}
    return pa.table({**numbers, "order_key": keys})


def repeated(text: str, times: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array([0] * times, pa.int32()), pa.array([text]))


def read_parquet(root: Path, table: pa.Table, limits: Limits, **options: Any) -> LandedRows | LandingError:
    path = root / "orders/only.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, **options)
    folder = LandingFolder(str(root))
    (landed,) = read_files(folder, KEYED_ORDERS, folder.snapshot_files(KEYED_ORDERS), RowCache(), limits=limits)
    return landed


def test_parquet_in_pieces_holds_the_same_rows_as_at_once(tmp_path: Path) -> None:
    table = keyed(pa.array([None if n % 7 == 0 else f"key-{n % 50}" for n in range(1000)]))
    # A customer that is no number, so some rows are rejected.
    table = table.set_column(1, "customer_id", pa.array(["x" if n % 100 == 0 else str(n) for n in range(1000)]))
    at_once = read_parquet(tmp_path, table, Limits())
    assert isinstance(at_once, LandedRows)
    for limits in (Limits(piece_bytes=100), Limits(piece_lines=7), Limits(piece_bytes=300, piece_lines=64)):
        landed = read_parquet(tmp_path, table, limits, row_group_size=300)
        assert isinstance(landed, LandedRows)
        assert landed.row_count == 1000
        assert_frame_equal(landed.rows.collect(), at_once.rows.collect())
        assert_frame_equal(landed.rejected.collect(), at_once.rejected.collect())


@pytest.mark.parametrize(
    ("table", "limits", "fault"),
    [
        (keyed(repeated("k" * 1000, 1000)), Limits(unpacked_bytes=10**6 - 1), "cannot be unpacked: it holds more than 1 MB"),
        (keyed(repeated("k" * 1000, 1000)), Limits(unchecked_bytes=10**5, unpacked_times=9), "cannot be unpacked: it holds more than 1 MB"),
        (keyed(pa.nulls(200_000, pa.string())), Limits(unchecked_bytes=10**6), "cannot be unpacked: it holds more than 6 MB"),
        (keyed(repeated("k" * 1000, 10)), Limits(line_bytes=1000), "Row 1 of landing file orders/only.parquet has more than"),
        (keyed(pa.array(["k" * 1000])), Limits(column_bytes=999), "has a row group with 0 MB in one column"),
        (keyed(pa.array(["k"])), Limits(footer_bytes=100), "has a footer of 0 MB: write fewer columns"),
    ],
    ids=["size", "share", "rows", "row", "column", "footer"],
)  # fmt: skip
def test_parquet_that_holds_too_much_is_a_fault_of_the_file(
    tmp_path: Path, table: pa.Table, limits: Limits, fault: str
) -> None:
    landed = read_parquet(tmp_path, table, limits)
    assert isinstance(landed, LandingError)
    assert fault in str(landed)
    assert "orders/only.parquet" in str(landed)


def test_a_million_characters_of_a_parquet_field_are_read(tmp_path: Path) -> None:
    landed = read_parquet(tmp_path, keyed(pa.array(["k" * 10**6])), Limits())
    assert isinstance(landed, LandedRows)
    assert landed.rows.collect()["order_key"].to_list() == ["k" * 10**6]


def test_a_large_parquet_file_is_read_in_parts_and_an_error_of_the_storage_is_no_fault_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> bytes:
        raise OSError("connection reset")

    monkeypatch.setattr("cis_assets.landing.folder.obstore.get_range", fail)
    with pytest.raises(StorageError, match=r"Reading landing file orders/only\.parquet failed: connection reset"):
        read_parquet(tmp_path, keyed(pa.array(["k"])), Limits(piece_bytes=100))


def test_a_large_file_quarantines_its_date_alone(tmp_path: Path) -> None:
    for day in (DAY, NEXT):
        put(tmp_path, f"orders/order_date={day}/orders.csv", f"{ORDERS_HEADER}\n1,2,3\n")
        put(tmp_path, f"order_items/order_date={day}/items.csv", f"{ITEMS_HEADER}\n1,2,3,1,1\n")
    put(tmp_path, f"orders/order_date={DAY}/long.csv", f"{ORDERS_HEADER}\n{'1,' * 3 * MIB}")
    landed = read_days(LandingFolder(str(tmp_path)), [DAY, NEXT])
    assert list(landed.faults) == [DAY]
    assert landed.faults[DAY].startswith(f"Line 2 of landing file orders/order_date={DAY}/long.csv has more than")
    assert landed.orders.whole().collect()["order_date"].to_list() == [NEXT]


def test_chunks_of_many_rows_have_fewer_files(tmp_path: Path) -> None:
    for number in range(5):
        put(tmp_path, f"orders/order_date={DAY}/{number}.csv", f"{ORDERS_HEADER}\n" + f"{number},2,3\n" * (number + 1))
    put(tmp_path, f"order_items/order_date={DAY}/items.csv", f"{ITEMS_HEADER}\n1,2,3,1,1\n")
    landed = read_days(LandingFolder(str(tmp_path)), [DAY], rows_per_chunk=4)
    counts = [frame.to_native().select(pl.len()).collect().item() for frame in landed.orders.frames]
    assert counts == [3, 3, 4, 5]


def test_invoice_lines_with_a_line_that_is_too_long_are_refused(tmp_path: Path) -> None:
    file = put(tmp_path, "lines.csv", f"InvoiceNo,Quantity\n{'1,' * 3 * MIB}")
    with pytest.raises(InvoiceLinesError, match=r"^Line 2 of .+lines\.csv has more than 4,194,304 bytes: end each row"):
        read_invoice_lines(file, read_mapping("online-retail"))


CHILD = """
import json, resource, sys
from datetime import date
# A regression fails instead of taking the memory of the machine.
resource.setrlimit(resource.RLIMIT_AS, (8 * 1024**3, 8 * 1024**3))
from cis_assets.landing.folder import LandingFolder
from cis_assets.landing.reader import read_days
landed = read_days(LandingFolder(sys.argv[1]), [date(2025, 3, 1)])
rows = sum(
    batch.height
    for chunks in (landed.orders, landed.order_items, landed.rejected)
    for frame in chunks.frames
    for batch in frame.to_native().collect_batches(chunk_size=200_000, maintain_order=False, engine="streaming")
)
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps({"rows": rows, "faults": list(landed.faults.values()), "peak": peak * 1024}))
"""


def land(root: Path, content: bytes, times: int, *, header: str = ORDERS_HEADER, table: str = "orders") -> None:
    """Land a date with one more file: a header, and `content` so many times."""
    put(root, f"orders/order_date={DAY}/orders.csv", f"{ORDERS_HEADER}\n1,2,3\n")
    put(root, f"order_items/order_date={DAY}/items.csv", f"{ITEMS_HEADER}\n1,2,3,1,1\n")
    with (root / table / f"order_date={DAY}" / "large.csv").open("wb") as file:
        file.write(f"{header}\n".encode())
        for _ in range(times):
            file.write(content)


def pack(root: Path) -> None:
    plain = root / "orders" / f"order_date={DAY}" / "large.csv"
    with gzip.open(f"{plain}.gz", "wb") as packed:
        shutil.copyfileobj(plain.open("rb"), packed)
    plain.unlink()


def read_in_child(root: Path) -> dict:
    done = subprocess.run([sys.executable, "-c", CHILD, str(root)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"1," * 3 * MIB, "Line 2 of landing file .* has more than 4,194,304 bytes"),
        (b"0\n" * MIB, "Landing file .* has too many rows that do not parse"),
        (b'1,1,1,"a\nb"\n' * (MIB // 4), None),
    ],
    ids=["no line feed", "no rows", "rows of several lines"],
)
def test_a_file_of_300_megabytes_takes_less_than_two_gibibytes(
    tmp_path: Path, content: bytes, fault: str | None, packed: bool
) -> None:
    times = 300 * MIB // len(content) if fault else 16
    land(tmp_path, content, times, header=f"{ORDERS_HEADER},order_key")
    if packed:
        pack(tmp_path)
    read = read_in_child(tmp_path)
    assert read["peak"] < 2 * GIB
    if fault:
        assert len(read["faults"]) == 1
        assert pl.Series(read["faults"]).str.contains(fault).all()
    else:
        assert read["rows"] == times * (MIB // 4) + 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (lambda: keyed(repeated("x" * 10**6, 20_000)), "cannot be unpacked: it holds more than 20,"),
        (lambda: keyed(pa.nulls(40_000_000, pa.string())), "cannot be unpacked: it holds more than 1,280 MB"),
        (lambda: keyed(pa.array(["k" * 10**6] * 500)), "has a row group with 500 MB in one column"),
        (lambda: keyed(pa.array([random.Random(n).randbytes(300_000).hex() for n in range(400)])), None),
    ],
    ids=["repeated text", "repeated numbers", "large column", "large page"],
)
def test_a_parquet_file_takes_less_than_two_gibibytes_whatever_it_holds(
    tmp_path: Path, content: Callable[[], pa.Table], fault: str | None
) -> None:
    land(tmp_path, b"", 0)
    path = tmp_path / "orders" / f"order_date={DAY}" / "large.parquet"
    # Without a dictionary unless the content has one: all text is in one page then.
    table = content()
    is_packed = pa.types.is_dictionary(table.schema.field("order_key").type)
    pq.write_table(table, path, use_dictionary=is_packed, compression="zstd", data_page_size=2**30)
    path.with_name("large.csv").unlink()
    read = read_in_child(tmp_path)
    assert read["peak"] < 2 * GIB
    assert [fault in found for found in read["faults"]] == ([] if fault is None else [True])


@pytest.mark.slow
def test_two_gigabytes_of_good_rows_of_one_date_take_less_than_two_gibibytes(tmp_path: Path) -> None:
    rows = b"".join(
        b"%d,%d,%d,%d,%d.5\n" % (n, n * 7919 % 50_000, n % 7 + 1, n % 3 + 1, n % 90) for n in range(400_000)
    )
    times = 2_000_000_000 // len(rows)
    land(tmp_path, rows, times, header=ITEMS_HEADER, table=ORDER_ITEMS.name)
    read = read_in_child(tmp_path)
    shutil.rmtree(tmp_path / "order_items")
    assert read["faults"] == []
    assert read["rows"] == times * 400_000 + 2
    assert read["peak"] < 2 * GIB

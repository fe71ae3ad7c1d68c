"""Files that would take memory without bound: each is read in little memory, or its date is quarantined by name."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from cis_assets.landing.contract import KEYED_ORDERS, ORDER_ITEMS, ORDERS, LandingTable
from cis_assets.landing.file_reader import read_files
from cis_assets.landing.folder import LandingError, LandingFolder
from cis_assets.landing.reader import read_days
from cis_assets.landing.row_cache import RowCache
from cis_assets.landing.rows import LandedRows
from cis_assets.landing.text_pieces import Limits, UnpackError, unpack
from cis_assets.sources.invoice_lines.files import read_file as read_invoice_lines
from cis_assets.sources.invoice_lines.mapping import InvoiceLinesError, read_mapping
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

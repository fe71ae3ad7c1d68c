"""Whatever lands, no row is lost and none counts twice: the rows of a file are those of bronze and the rejected ones.

The rows that a file holds are told from its bytes (`mutated_files.py`), not by the reader. Each test lands many files at
once, one per date, as a range does; a file that cannot be read must not keep the others from being read.
"""

from __future__ import annotations

import io
import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cis_assets.landing.contract import ORDER_ITEMS, ORDERS
from cis_assets.landing.folder import LandingFolder
from cis_assets.landing.reader import read_days
from cis_assets_tests.landing.landing_files import ITEMS_HEADER, ORDERS_HEADER, put, whole
from cis_assets_tests.landing.mutated_files import (
    DamagedFile,
    damaged_file,
    header_line,
    is_one_record,
    lines_with_rows,
    must_be_bad,
    must_be_good,
    unpacked,
)

FIRST = date(2025, 3, 1)
AT_ONCE = 50
MANY = settings(
    max_examples=45,
    deadline=None,
    derandomize=True,
    # A failing file is named as it is; to make a list of files smaller one by one would take minutes.
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
BESIDE = {ORDERS.name: f"{ORDERS_HEADER}\n1,10,9\n", ORDER_ITEMS.name: f"{ITEMS_HEADER}\n1,5,1,2,3.5\n"}


@dataclass
class Found:
    """What the reader made of a file: the lines of its good rows, and the others with their texts."""

    row_count: int | None
    fault: str | None
    good: list[int] = field(default_factory=list)
    rejected: dict[int, str] = field(default_factory=dict)
    rows: int = 0


def land_and_read(root: Path, files: Sequence[tuple[str, str, bytes]]) -> list[Found]:
    """Land each file (table, ending, content) on a date of its own, beside a whole file of the other table."""
    days = [FIRST + timedelta(days=number) for number in range(len(files))]
    paths = []
    for day, (table, ending, content) in zip(days, files, strict=True):
        paths.append(f"{table}/order_date={day}/damaged.{ending}")
        (root / paths[-1]).parent.mkdir(parents=True)
        (root / paths[-1]).write_bytes(content)
        (other,) = BESIDE.keys() - {table}
        put(root, f"{other}/order_date={day}/whole.csv", BESIDE[other])
    landed = read_days(LandingFolder(str(root)), days)
    found = {row["source_file"]: Found(row["row_count"], row["fault"]) for row in landed.files.iter_rows(named=True)}
    for parts in (landed.orders, landed.order_items):
        for path, line in whole(parts).select("source_file", "source_line").collect().iter_rows():
            found[path].good.append(line)
            found[path].rows += 1
    for path, line, text in (
        whole(landed.rejected).select("source_file", "source_line", "raw_text").collect().iter_rows()
    ):
        found[path].rejected[line] = text
        found[path].rows += 1
    return [found[path] for path in paths]


def check_conservation(file: DamagedFile, found: Found) -> None:
    text = unpacked(file.content)
    if text is None:
        assert found.fault
        return
    if header_line(text) == header_line(file.original):
        assert found.fault is None
    if found.fault:
        assert (found.row_count, found.rows) == (None, 0)
        return
    lines = lines_with_rows(text)
    starts = sorted({*found.good, *found.rejected})
    assert found.rows == len(starts) == found.row_count
    header = header_line(text).decode(errors="replace").lower().split(",")
    if all(name.strip(' "') in file.table.columns and name.strip(' "') != "order_key" for name in header):
        assert starts == list(lines)
        assert found.rejected == {line: lines[line] for line in found.rejected}
        assert not [line for line in found.rejected if must_be_good(lines[line], len(header))]
        assert not [line for line in found.good if must_be_bad(lines[line], len(header))]
    else:
        assert set(starts) <= set(lines)
        assert starts[:1] == list(lines)[:1]
        last = text.count(b"\n") + 1
        following = [*(start - 1 for start in starts[1:]), last]
        assert all(is_one_record(text, *span) for span in zip(starts, following, strict=False))


@MANY
@given(rng=st.randoms(use_true_random=True))
@pytest.mark.slow
def test_every_row_of_a_damaged_csv_file_is_read_or_rejected_once(rng: random.Random) -> None:
    files = [damaged_file(rng) for _ in range(AT_ONCE)]
    with tempfile.TemporaryDirectory() as root:
        landed = [(file.table.name, file.ending, file.content) for file in files]
        for file, found in zip(files, land_and_read(Path(root), landed), strict=True):
            check_conservation(file, found)


def test_the_damaged_files_are_many_and_of_all_kinds() -> None:
    rng = random.Random(0)
    files = [damaged_file(rng) for _ in range(MANY.max_examples * AT_ONCE)]
    assert len(files) >= 2_000
    assert len({file.content for file in files if file.content != file.original}) > len(files) * 3 // 4
    texts = [unpacked(file.content) for file in files]
    assert texts.count(None) > len(files) // 50
    whole_header = [
        text for file, text in zip(files, texts, strict=True) if text and text.startswith(header_line(file.original))
    ]
    assert len(whole_header) > len(files) * 3 // 4


FRAME = pl.DataFrame(
    {
        "order_id": range(200),
        "product_id": [number % 7 for number in range(200)],
        "add_to_cart_order": [str(number) if number % 50 else "first" for number in range(200)],
        "unit_price": [number / 3 if number % 5 else None for number in range(200)],
    }
)
COMPRESSIONS = ("uncompressed", "snappy", "zstd", "gzip", "lz4")


def parquet_files() -> list[bytes]:
    def written(**options: Any) -> bytes:
        buffer = io.BytesIO()
        FRAME.write_parquet(buffer, **options)
        return buffer.getvalue()

    return [
        written(compression=compression, row_group_size=size, use_pyarrow=by_pyarrow)
        for compression in COMPRESSIONS
        for size in (None, 50)
        for by_pyarrow in (False, True)
    ]


def damaged_parquet(content: bytes, rng: random.Random) -> bytes:
    damaged = bytearray(content)
    for _ in range(rng.randint(1, 3)):
        # The footer is at the end, and what stands there decides what the rest is taken for.
        at = rng.randrange(len(damaged)) if rng.random() < 0.6 else max(len(damaged) - rng.randint(1, 400), 0)
        kind = rng.random()
        if kind < 0.7:
            damaged[at] = rng.randrange(256)
        elif kind < 0.8:
            del damaged[at : at + rng.randint(1, 20)]
        elif kind < 0.9:
            damaged[at:at] = rng.randbytes(rng.randint(1, 8))
        else:
            del damaged[max(at, 8) :]
    return bytes(damaged)


@settings(MANY, max_examples=10)
@given(rng=st.randoms(use_true_random=True))
def test_a_damaged_parquet_file_is_read_whole_or_fails_its_date(rng: random.Random) -> None:
    contents = [damaged_parquet(content, rng) for content in parquet_files()]
    with tempfile.TemporaryDirectory() as root:
        files = [("order_items", "parquet", content) for content in (*contents, *parquet_files()[:2])]
        found = land_and_read(Path(root), files)
    for file in found:
        assert (file.fault is None) == (file.row_count is not None)
        assert file.rows == len({*file.good, *file.rejected}) == (file.row_count or 0)
    for file in found[-2:]:
        assert (file.row_count, len(file.good), list(file.rejected)) == (200, 196, [1, 51, 101, 151])
    assert any(file.fault for file in found)

"""Whatever sequence of snapshots lands and however often it is read, the lake ends with the same rows, and loses none.

Also: every row of a damaged snapshot is valid, rejected, a duplicate, or in a file that cannot be read.
"""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cis_assets.landing.contract import CUSTOMERS, KEYED_PRODUCTS, OFFERS, LandingTable
from cis_assets.landing.snapshots import LandedSnapshots
from cis_assets.quality.snapshots import SnapshotPolicy
from cis_assets.silver.orders import judge_orders
from cis_assets.silver.snapshots import silver_products
from cis_assets_tests.landing.landing_files import put
from cis_assets_tests.landing.mutated_files import damaged, header_line, lines_with_rows, unpacked
from cis_assets_tests.landing.test_snapshots import (
    CUSTOMERS_HEADER,
    OFFERS_HEADER,
    PRODUCTS_HEADER,
    arrive,
    put_snapshots,
    read,
)
from cis_assets_tests.silver.bronze_rows import lines, orders

pytestmark = pytest.mark.slow

ROWS = st.lists(
    st.tuples(st.integers(1, 5), st.sampled_from(["A", "B", " ", ""]), st.sampled_from(["1", "2", "9", "", "x"])),
    min_size=0,
    max_size=6,
)
# Snapshots of products, each with its rows (None: a file that cannot be read).
SEQUENCE = st.lists(st.none() | ROWS, min_size=1, max_size=6)
# Every snapshot that can be read is in force, so that the sequences are about more than the first refusal.
LENIENT = SnapshotPolicy(1, 1, 1, 1)


def land_products(root: Path, rows: Sequence[tuple[int, str, str]] | None, at: int) -> None:
    text = "".join(f"{number},{name},{aisle},1\n" for number, name, aisle in rows or ())
    arrive(root, f"products/{at}.csv", "" if rows is None else f"{PRODUCTS_HEADER}\n{text}", at)


def begin(root: Path) -> None:
    put_snapshots(root, without="products")
    arrive(root, "products/0.csv", f"{PRODUCTS_HEADER}\n1,A,1,1\n5,E,1,1\n", 1)


def products_in(landed: LandedSnapshots) -> pl.DataFrame:
    return silver_products(*(landed.rows[name] for name in ("products", "aisles", "departments"))).collect()


def valid_lines(products: pl.DataFrame) -> set[int]:
    judged = judge_orders(
        orders({}),
        lines(*({"product_id": number, "add_to_cart_order": number} for number in range(1, 6))),
        products.lazy(),
    )
    return set(judged.silver_order_items().collect()["product_id"])


@settings(max_examples=40, deadline=None)
@given(
    sequence=SEQUENCE,
    arrivals=st.permutations(range(2, 8)) | st.just(range(2, 8)),
    read_after=st.lists(st.booleans(), min_size=6, max_size=6),
    keep=st.booleans(),
)
def test_day_by_day_in_any_order_with_or_without_old_files_equals_a_rebuild_and_no_line_is_lost(
    sequence: list, arrivals: Sequence[int], read_after: list[bool], keep: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root, archive = Path(folder, "landing"), Path(folder, "archive")
        begin(root)
        stored = read(root, policy=LENIENT)
        before = valid_lines(products_in(stored))
        for at, rows, is_read in zip(arrivals, sequence, read_after, strict=False):
            land_products(root, rows, at)
            shutil.copytree(root, archive, dirs_exist_ok=True)
            if is_read:
                stored = read(root, stored, policy=LENIENT)
                after = valid_lines(products_in(stored))
                assert before <= after
                before = after
                if not keep and rows is not None:
                    shutil.rmtree(root / "products")
        stored = read(root, read(root, stored, policy=LENIENT), policy=LENIENT)
        rebuilt = read(archive, policy=LENIENT)
        assert products_in(stored).equals(products_in(rebuilt))
        for name in ("products", "aisles", "departments"):
            found, wanted = (each.rows[name].collect().sort(pl.all()) for each in (stored, rebuilt))
            assert found.equals(wanted)
        assert_history(products_in(rebuilt), dict(zip(arrivals, sequence, strict=False)))


def assert_history(products: pl.DataFrame, snapshots: dict[int, Any]) -> None:
    """Compare first_seen, last_seen and delisted_at with what the snapshots say, row by row and in plain Python."""
    snapshots = {1: [(1, "A", "1"), (5, "E", "1")]} | snapshots
    usable = [(at, rows) for at, rows in sorted(snapshots.items()) if rows is not None]
    expected = {}
    for number in range(1, 6):
        arrivals = [at for at, rows in usable if is_valid(number, rows)]
        if arrivals:
            expected[number] = (arrivals[0], arrivals[-1], next((at for at, _ in usable if at > arrivals[-1]), None))
    seconds = pl.col("first_seen", "last_seen", "delisted_at").dt.epoch("s")
    assert {number: tuple(seen) for number, *seen in products.select("product_id", seconds).rows()} == expected


def is_valid(number: int, rows: Sequence[tuple[int, str, str]]) -> bool:
    """Whether the product has one content, a name, and the only aisle that has one. Rows with the aisle x do not parse."""
    found = {(name, aisle) for key, name, aisle in rows if key == number and aisle != "x"}
    return len(found) == 1 and found.pop() in {("A", "1"), ("B", "1"), ("E", "1")}


KINDS: tuple[tuple[LandingTable, bytes], ...] = tuple(
    (table, f"{header}\n{rows}".encode())
    for table, header, rows in (
        (
            KEYED_PRODUCTS,
            PRODUCTS_HEADER,
            '1,Milk,1,1\n2,"Bread, whole",1,1\n2,"Bread, whole",1,1\n3,"6"" cake",1,1\n4,x,9,1\n',
        ),
        (CUSTOMERS, CUSTOMERS_HEADER, "1,true,UTC\n2,N,W. Europe Standard Time\n2,no,UTC\n3,y,\n3,y,\n4,1,localtime\n"),
        (OFFERS, OFFERS_HEADER, "1,1,10,2025-01-01,2025-02-01\n2,9,10,2025-01-01,2025-02-01\n3,1,10%,2025-01-01,\n"),
    )
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(rng=st.randoms(use_true_random=True))
def test_every_row_of_a_damaged_snapshot_is_accounted_for(rng: random.Random) -> None:
    table, original = rng.choice(KINDS)
    content = damaged(original, rng)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        begin(root)
        first = read(root)
        put(root, f"{table.name}/damaged.csv", content)
        landed = read(root, first)
    (record,) = landed.landed.filter(pl.col("snapshot") == f"{table.name}/damaged.csv").rows(named=True)
    text = unpacked(content)
    if record["row_count"] is None:
        assert record["fault"]
        return
    counts = [record[f"{name}_row_count"] for name in ("erased", "valid", "rejected", "duplicate")]
    assert sum(counts) == record["row_count"]
    if text is not None and header_line(text) == header_line(original) and b'"' not in text:
        assert record["row_count"] == len(lines_with_rows(text))
    in_force = landed.rows[table.name].filter(pl.col("source_file") == f"{table.name}/damaged.csv").collect()
    listed = landed.rejected.filter(pl.col("snapshot") == f"{table.name}/damaged.csv").collect()
    if record["fault"]:
        assert in_force.is_empty()
        assert listed.height == record["rejected_row_count"]
    else:
        assert record["in_force"]
        assert in_force.height + listed.height == record["row_count"]

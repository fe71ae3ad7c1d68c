"""What the reader makes of snapshots, given what landed and what the lake knows of earlier ones."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cis_assets.catalog import bronze
from cis_assets.landing.folder import LandingError, LandingFolder
from cis_assets.landing.snapshot_files import snapshot_name
from cis_assets.landing.snapshots import NOTHING_STORED, LandedSnapshots, StoredSnapshots, read_snapshots
from cis_assets.quality.snapshots import SnapshotPolicy
from cis_assets_tests.landing.landing_files import put

PRODUCTS_HEADER = "product_id,product_name,aisle_id,department_id"
CUSTOMERS_HEADER = "customer_id,push_consent,time_zone"
OFFERS_HEADER = "offer_id,product_id,percent_off,starts_on,ends_on"


def arrive(root: Path, path: str, content: str | bytes | pl.DataFrame, at: int) -> Path:
    """Land a file that arrives at a number of seconds."""
    file = put(root, path, content)
    os.utime(file, (at, at))
    return file


def moment(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def put_snapshots(root: Path, *, without: str = "") -> None:
    for path, content in (
        ("products/products.csv", f"{PRODUCTS_HEADER}\n1,Milk,1,1\n"),
        ("aisles/aisles.csv", "aisle_id,aisle\n1,milk\n"),
        ("departments/departments.csv", "department_id,department\n1,dairy\n"),
    ):
        if path.split("/")[0] != without:
            arrive(root, path, content, 1)


def products(*numbers: int) -> str:
    return f"{PRODUCTS_HEADER}\n" + "".join(f"{number},Product {number},1,1\n" for number in numbers)


def customers(*numbers: int) -> str:
    return f"{CUSTOMERS_HEADER}\n" + "".join(f"{number},true,UTC\n" for number in numbers)


def read(root: Path, stored: StoredSnapshots | LandedSnapshots = NOTHING_STORED, **options: Any) -> LandedSnapshots:
    if isinstance(stored, LandedSnapshots):
        stored = StoredSnapshots(stored.rows, stored.landed, stored.rejected)
    landed = read_snapshots(LandingFolder(str(root)), stored, **options)
    # Rows of files are read lazily, and the files may go.
    rows = {name: rows.collect().lazy() for name, rows in landed.rows.items()}
    return LandedSnapshots(
        *(rows, landed.rejected.collect().lazy(), landed.landed),
        *(landed.unknown_columns, landed.left_out, landed.late),
    )


def in_force(landed: LandedSnapshots, name: str, *columns: str) -> list[tuple]:
    rows = landed.rows[name].filter(pl.col("delisted_at").is_null()).sort("source_file", "source_line")
    return rows.select(columns).collect().rows()


def seen(landed: LandedSnapshots, name: str = "products") -> list[tuple]:
    """Each stored row: its key, and the seconds at which it was first seen, last seen and delisted."""
    seconds = pl.col("first_seen", "last_seen", "delisted_at").dt.epoch("s")
    return landed.rows[name].select(pl.nth(0), seconds).collect().sort(pl.all()).rows()


def fault_of(landed: LandedSnapshots, name: str) -> str:
    (found,) = landed.landed.filter(pl.col("source_table") == name, pl.col("fault").is_not_null())["fault"]
    return found


def test_the_snapshot_that_arrived_last_is_in_force_whatever_its_name(tmp_path: Path) -> None:
    for name, at in (("c", 100), ("a", 300), ("b", 200)):
        arrive(tmp_path, f"aisles/{name}.csv", f"aisle_id,aisle\n1,{name}\n", at)
    put_snapshots(tmp_path, without="aisles")
    landed = read(tmp_path)
    assert in_force(landed, "aisles", "aisle") == [("a",)]
    of_aisles = landed.landed.filter(pl.col("source_table") == "aisles")
    assert of_aisles.select("snapshot", "in_force").rows() == [
        ("aisles/c.csv", False), ("aisles/b.csv", False), ("aisles/a.csv", True),
    ]  # fmt: skip


def test_customers_offers_and_audiences_may_be_absent(tmp_path: Path) -> None:
    put_snapshots(tmp_path)
    landed = read(tmp_path)
    assert {name: frame.collect().height for name, frame in landed.rows.items()} == {
        "aisles": 1, "departments": 1, "products": 1, "customers": 0, "offers": 0, "offer_audience": 0,
    }  # fmt: skip
    assert landed.rows["offers"].collect_schema() == dict(bronze.OFFERS.dtypes)
    assert landed.landed["source_table"].to_list() == ["aisles", "departments", "products"]
    assert landed.warnings() == []


@pytest.mark.parametrize("name", ["products", "aisles", "departments"])
def test_any_other_snapshot_is_refused_by_name_if_absent(tmp_path: Path, name: str) -> None:
    put_snapshots(tmp_path, without=name)
    with pytest.raises(LandingError) as refusal:
        read(tmp_path)
    assert (
        str(refusal.value) == f"Landing folder {name} is empty or absent under {tmp_path}: land a file of {name} first."
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [("", "is empty: it needs the header"), (f"{PRODUCTS_HEADER}\n1,,1,1\n", "1 of 1 rows were rejected")],
)
def test_broken_products_are_refused_if_the_lake_has_none(tmp_path: Path, content: str, words: str) -> None:
    put_snapshots(tmp_path, without="products")
    put(tmp_path, "products/products.csv", content)
    with pytest.raises(LandingError, match=words):
        read(tmp_path)


def test_rejected_rows_and_unknown_columns_of_all_snapshots_are_gathered(tmp_path: Path) -> None:
    put_snapshots(tmp_path)
    put(tmp_path, "aisles/aisles.csv", "aisle_id,aisle,wing\n1,milk,a\nx,bread,b\n")
    put(tmp_path, "products/products.csv", f"{PRODUCTS_HEADER}\n1,Milk,1\n2,Milk,1,1\n")
    landed = read(tmp_path)
    assert landed.rejected.select("source_table", "source_line", "snapshot").collect().rows() == [
        ("aisles", 3, "aisles/aisles.csv"),
        ("products", 2, "products/products.csv"),
    ]
    assert landed.warnings() == ["Landing columns that are not in the contract were ignored: aisles.wing."]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("products/products.csv", "products/products.csv"),
        ("products/partners.csv", "products/partners.csv"),
        ("products/part-00000.csv", "products/part-*"),
        ("products/part-00007.csv.gz", "products/part-*"),
        ("products/part_1.parquet", "products/part-*"),
        ("products/part-r-00001.parquet", "products/part-*"),
        (
            "products/part-00000-8f1d2c3a-1111-2222-3333-444455556666-c000.snappy.parquet",
            "products/part-*",
        ),
        ("products/part-00012-tid-77-8f1d2c3a-1111-2222-3333-444455556666-5-1-c000.csv", "products/part-*"),
        ("products/part-a.csv", "products/part-*"),
        ("products/part.csv", "products/part.csv"),
        ("products/2025-06-01/a.csv", "products/2025-06-01/"),
        ("products/2025-06-01/part-00000.csv", "products/2025-06-01/"),
        ("products/2025-06-01/store=2/part-00000.csv", "products/2025-06-01/"),
    ],
)
def test_the_files_of_one_delivery_are_one_snapshot(path: str, name: str) -> None:
    assert snapshot_name(path) == name


@pytest.mark.parametrize("folder", ["products", "products/2025-06-01"])
def test_a_snapshot_in_parts_is_read_whole_and_counts_from_its_last_part(tmp_path: Path, folder: str) -> None:
    put_snapshots(tmp_path, without="products")
    arrive(tmp_path, f"{folder}/part-00000.csv", products(1, 2), 20)
    arrive(tmp_path, f"{folder}/part-00001.csv", products(4, 5), 10)
    landed = read(tmp_path)
    assert in_force(landed, "products", "product_id") == [(1,), (2,), (4,), (5,)]
    assert landed.landed.filter(pl.col("source_table") == "products").select(
        "arrived_at", "file_count", "row_count"
    ).rows() == [(moment(20), 2, 4)]


U1, U2, U3, U4 = (f"{number}f1d2c3a-1111-2222-3333-444455556666" for number in range(1, 5))


@pytest.mark.parametrize(
    ("parts", "kept"),
    [
        ([("2025-06-01/store=1/part-0", 10), ("2025-06-01/store=2/part-0", 20)], [1, 2]),
        ([("part-a", 10), ("part-b", 20)], [1, 2]),
        ([("part-0", 10), ("part-1", 200_000)], [1, 2]),
        # Each part may have a UUID of its own.
        ([(f"part-00000-{U1}", 10), (f"part-00001-{U2}", 20)], [1, 2]),
        ([(f"part-00000-{U1}-c000", 10), (f"part-00000-{U1}-c001", 20)], [1, 2]),
        # A part number that comes again is of another delivery.
        ([(f"part-00000-{U1}", 10), (f"part-00000-{U2}", 20)], [2]),
        (
            [(f"part-00000-{U1}", 10), (f"part-00001-{U2}", 20), (f"part-00001-{U3}", 30), (f"part-00000-{U4}", 40)],
            [3, 4],
        ),
        # A job that leaves out empty parts may write no number of the job before it.
        ([(f"part-00000-{U1}", 10), (f"part-00003-{U2}", 90_000)], [2]),
        # Nothing tells which one is newer.
        ([(f"part-00000-{U1}", 10), (f"part-00000-{U2}", 10)], [1, 2]),
    ],
)
def test_parts_of_a_delivery_are_read_together_and_those_of_another_one_replace_them(
    tmp_path: Path, parts: list[tuple[str, int]], kept: list[int]
) -> None:
    put_snapshots(tmp_path, without="products")
    for number, (name, at) in enumerate(parts, 1):
        arrive(tmp_path, f"products/{name}.csv", products(number), at)
    for landed in (read(tmp_path), read(tmp_path, read(tmp_path))):
        assert sorted(number for (number,) in in_force(landed, "products", "product_id")) == kept


def test_a_part_that_comes_later_completes_its_snapshot(tmp_path: Path) -> None:
    put_snapshots(tmp_path, without="products")
    arrive(tmp_path, "products/a/1.csv", products(1, 2), 10)
    first = read(tmp_path)
    arrive(tmp_path, "products/a/2.csv", products(3, 4), 20)
    assert seen(read(tmp_path, first)) == [(1, 10, 10, 20), (1, 20, 20, None), (2, 10, 10, 20), (2, 20, 20, None),
                                           (3, 20, 20, None), (4, 20, 20, None)]  # fmt: skip


@pytest.mark.parametrize(
    "content", ["", "offer\n1\n", "offers/offers.csv", f"{OFFERS_HEADER}\n1,99,10,2025-01-01,2025-01-02\n"]
)
def test_broken_offers_leave_the_former_ones_in_force_and_say_so(tmp_path: Path, content: str) -> None:
    put_snapshots(tmp_path)
    arrive(tmp_path, "offers/offers.csv", f"{OFFERS_HEADER}\n7,1,10,2025-01-01,2025-01-02\n", 10)
    first = read(tmp_path)
    assert first.warnings() == []
    arrive(tmp_path, "offers/offers.csv", content, 20)
    second = read(tmp_path, first)
    assert in_force(second, "offers", "offer_id", "last_seen") == [(7, moment(10))]
    (warning,) = second.warnings()
    assert warning.endswith("The snapshot offers/offers.csv of 1970-01-01 00:00 UTC stays in force.")
    arrive(tmp_path, "offers/offers.csv", f"{OFFERS_HEADER}\n8,1,10,2025-01-01,2025-01-02\n", 30)
    third = read(tmp_path, second)
    assert in_force(third, "offers", "offer_id") == [(8,)]
    assert third.warnings() == []


def test_offers_that_were_never_readable_are_said_and_leave_the_rest(tmp_path: Path) -> None:
    put_snapshots(tmp_path)
    put(tmp_path, "offers/offers.csv", "")
    landed = read(tmp_path)
    assert in_force(landed, "products", "product_id") == [(1,)]
    (warning,) = landed.warnings()
    assert warning.startswith("Landing file offers/offers.csv is empty: it needs the header ")
    assert warning.endswith(" No earlier snapshot of offers is in force.")


@pytest.mark.parametrize("name", ["products", "aisles", "departments"])
def test_a_broken_required_snapshot_leaves_the_former_one_in_force(tmp_path: Path, name: str) -> None:
    put_snapshots(tmp_path)
    first = read(tmp_path)
    arrive(tmp_path, f"{name}/{name}.csv", "", 20)
    second = read(tmp_path, first)
    assert seen(second, name) == seen(first, name)
    assert len(second.warnings()) == 1


def test_a_customers_file_of_a_header_alone_is_quarantined(tmp_path: Path) -> None:
    put_snapshots(tmp_path)
    arrive(tmp_path, "customers/customers.csv", customers(1, 2, 3), 10)
    first = read(tmp_path)
    arrive(tmp_path, "customers/customers.csv", f"{CUSTOMERS_HEADER}\n", 20)
    second = read(tmp_path, first)
    assert [number for number, *_ in in_force(second, "customers", "customer_id")] == [1, 2, 3]
    assert fault_of(second, "customers").startswith(
        "Snapshot customers/customers.csv is quarantined: it has 0 rows, and the one before had 3,"
    )
    accepted = read(tmp_path, second, policy=SnapshotPolicy(drop_block=1))
    assert in_force(accepted, "customers", "customer_id") == []
    assert accepted.warnings() == []


def test_the_rows_of_a_quarantined_snapshot_are_listed_with_their_reasons(tmp_path: Path) -> None:
    put_snapshots(tmp_path)
    arrive(tmp_path, "customers/old.csv", f"{customers(1, 2)}3,perhaps,UTC\n", 10)
    first = read(tmp_path)
    arrive(tmp_path, "customers/new.csv", f"{CUSTOMERS_HEADER}\n1,perhaps,UTC\n2,true,Narnia\n3,true,UTC\n", 20)
    second = read(tmp_path, first)
    assert second.rejected.select("snapshot", "source_line", "reason").collect().rows() == [
        ("customers/old.csv", 4, "push_consent is not true or false: perhaps"),
        ("customers/new.csv", 2, "push_consent is not true or false: perhaps"),
        ("customers/new.csv", 3, "time_zone is not an IANA time zone, nor the Windows name of one"),
    ]
    assert second.landed.filter(pl.col("source_table") == "customers").select(
        "snapshot", "row_count", "valid_row_count", "rejected_row_count", "duplicate_row_count", "in_force"
    ).rows() == [("customers/old.csv", 3, 2, 1, 0, True), ("customers/new.csv", 3, 1, 2, 0, False)]


def test_a_product_that_leaves_keeps_its_last_row_and_the_time(tmp_path: Path) -> None:
    put_snapshots(tmp_path, without="products")
    for at, numbers in ((10, (1, 2, 3)), (20, (1, 2)), (30, (1, 3))):
        arrive(tmp_path, f"products/{at}.csv", products(*numbers), at)
    assert seen(read(tmp_path)) == [
        (1, 10, 20, 30), (1, 30, 30, None), (2, 10, 20, 30), (3, 10, 10, 20), (3, 30, 30, None),
    ]  # fmt: skip


def test_files_that_are_deleted_from_landing_are_still_known(tmp_path: Path) -> None:
    put_snapshots(tmp_path, without="products")
    for at, numbers in ((10, (1, 2)), (20, (1, 3))):
        arrive(tmp_path, f"products/{at}.csv", products(*numbers), at)
    first = read(tmp_path)
    for name in ("products", "aisles"):
        shutil.rmtree(tmp_path / name)
    second = read(tmp_path, first)
    assert seen(second) == seen(first)
    assert second.landed.equals(first.landed)
    arrive(tmp_path, "products/40.csv", products(1), 40)
    assert seen(read(tmp_path, second)) == [(1, 10, 20, 40), (1, 40, 40, None), (2, 10, 10, 20), (3, 20, 20, 40)]


def test_a_file_of_an_older_arrival_that_comes_later_is_history(tmp_path: Path) -> None:
    put_snapshots(tmp_path, without="products")
    arrive(tmp_path, "products/new.csv", products(1), 30)
    first = read(tmp_path)
    arrive(tmp_path, "products/restored.csv", f"{products(2)}1,Old name,1,1\n", 10)
    second = read(tmp_path, first)
    assert second.warnings() == [
        "Snapshot products/restored.csv is new, but its file time 1970-01-01 00:00 UTC is before that of products/new.csv, "
        "which stays in force. If it is newer, `touch` the file or land it again."
    ]
    assert read(tmp_path, second).warnings() == []
    assert in_force(second, "products", "product_name") == [("Product 1",)]
    assert seen(second) == [(1, 10, 10, 30), (1, 30, 30, None), (2, 10, 10, 30)]


def test_reading_again_changes_nothing(tmp_path: Path) -> None:
    put_snapshots(tmp_path, without="products")
    for at, numbers in ((10, (1, 2)), (20, (2, 3))):
        arrive(tmp_path, f"products/{at}.csv", products(*numbers), at)
    first = read(tmp_path)
    second = read(tmp_path, first)
    assert (seen(second), second.landed.equals(first.landed)) == (seen(first), True)


def test_snapshots_of_the_same_moment_are_told_apart(tmp_path: Path) -> None:
    put_snapshots(tmp_path, without="products")
    arrive(tmp_path, "products/a.csv", products(1, 2), 10)
    first = read(tmp_path)
    arrive(tmp_path, "products/b.csv", products(1), 10)
    assert seen(read(tmp_path, first)) == seen(read(tmp_path)) == [
        (1, 10, 10, None), (1, 10, 10, 10), (2, 10, 10, 10),
    ]  # fmt: skip


def test_a_contradiction_in_a_newer_file_does_not_take_the_product_away(tmp_path: Path) -> None:
    put_snapshots(tmp_path, without="products")
    arrive(tmp_path, "products/1.csv", products(1, 2, 3, 4), 10)
    arrive(tmp_path, "products/2.csv", f"{products(1, 2, 3, 4)}4,Another,1,1\n", 20)
    arrive(tmp_path, "products/3.csv", products(1, 2, 3), 30)
    assert (4, 10, 10, 20) in seen(read(tmp_path))


def test_rows_of_a_lake_without_arrivals_stay_with_missing_times(tmp_path: Path) -> None:
    put_snapshots(tmp_path, without="products")
    columns = {"product_id": [1, 2], "product_name": ["Product 1", "Gone"], "aisle_id": [1, 1], "department_id": [1, 1],
               "source_file": ["products/old.csv"] * 2, "source_line": [2, 3]}  # fmt: skip
    rows = pl.LazyFrame([{name: columns.get(name, [None] * 2)[at] for name in bronze.PRODUCTS.dtypes} for at in (0, 1)],
                        schema=bronze.PRODUCTS.dtypes)  # fmt: skip
    stored = StoredSnapshots({**NOTHING_STORED.rows, "products": rows}, NOTHING_STORED.landed, NOTHING_STORED.rejected)
    kept = read(tmp_path, stored)
    assert seen(kept) == [(1, None, None, None), (2, None, None, None)]
    arrive(tmp_path, "products/new.csv", products(1), 30)
    assert seen(read(tmp_path, kept)) == [(1, None, None, 30), (1, 30, 30, None), (2, None, None, 30)]


@pytest.mark.parametrize("name", ["week\t23.csv", "week\x7f.csv", b"week\xff.csv"])
def test_a_name_that_storage_refuses_leaves_the_former_offers_in_force_and_is_named(
    tmp_path: Path, name: str | bytes
) -> None:
    put_snapshots(tmp_path)
    arrive(tmp_path, "offers/offers.csv", f"{OFFERS_HEADER}\n7,1,10,2025-01-01,2025-01-02\n", 10)
    first = read(tmp_path)
    (tmp_path / "offers" / os.fsdecode(name)).write_text("")
    second = read(tmp_path, first)
    assert in_force(second, "offers", "offer_id") == [(7,)]
    assert fault_of(second, "offers").startswith("Landing file offers/week\\")
    assert fault_of(second, "offers").endswith(
        "has a name with characters that storage does not allow: rename or remove it."
    )


@pytest.mark.parametrize("target", [".", "..", "current"])
def test_a_link_into_its_own_folder_leaves_the_former_offers_in_force_and_is_named(tmp_path: Path, target: str) -> None:
    put_snapshots(tmp_path)
    arrive(tmp_path, "offers/offers.csv", f"{OFFERS_HEADER}\n7,1,10,2025-01-01,2025-01-02\n", 10)
    (tmp_path / "offers/current").symlink_to(target)
    landed = read(tmp_path)
    assert in_force(landed, "offers", "offer_id") == [(7,)]
    assert fault_of(landed, "offers") == (
        "Landing file offers/current is a link into its own folder: rename or remove it."
    )


@pytest.mark.parametrize("dtype", [pl.Int64(), pl.UInt32()])
def test_whole_numbers_of_parquet_are_read_as_keys_of_text(tmp_path: Path, dtype: pl.DataType) -> None:
    put_snapshots(tmp_path)
    keys = pl.Series([4_000_000_001, None], dtype=dtype)
    rows = pl.DataFrame({"customer_id": [1, 2], "push_consent": [True, False], "time_zone": ["UTC"] * 2})
    arrive(tmp_path, "customers/customers.parquet", rows.with_columns(customer_key=keys), 10)
    landed = read(tmp_path)
    assert landed.warnings() == []
    assert in_force(landed, "customers", "customer_id", "customer_key") == [(1, "4000000001"), (2, None)]

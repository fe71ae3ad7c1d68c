"""The landing folder: which files count, which date each belongs to, and what is refused by name."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from cis_assets.landing.contract import ORDER_ITEMS, ORDERS, PRODUCTS
from cis_assets.landing.file_reader import read_file
from cis_assets.landing.folder import LandingError, LandingFile, LandingFolder
from cis_assets.landing.reader import read_days
from cis_assets_tests.conftest import day
from cis_assets_tests.landing.landing_files import ITEMS_HEADER, ORDERS_HEADER, put


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "landing"


def paths(found: dict[date, list[LandingFile]]) -> dict[str, list[str]]:
    return {str(day): [file.path for file in files] for day, files in found.items()}


def test_files_of_a_date_are_found_below_its_folder_in_order_of_name(root: Path) -> None:
    for name in ("b.csv", "a.parquet", "late/c.csv.gz"):
        put(root, f"orders/order_date=2025-03-01/{name}", "x")
    put(root, "orders/order_date=2025-03-02/d.csv", "x")
    folder = LandingFolder(str(root))
    first = [f"orders/order_date=2025-03-01/{name}" for name in ("a.parquet", "b.csv", "late/c.csv.gz")]
    assert paths(folder.dated_files(ORDERS, [day("2025-03-01")])) == {"2025-03-01": first}
    assert paths(folder.dated_files(ORDERS)) == {
        "2025-03-01": first,
        "2025-03-02": ["orders/order_date=2025-03-02/d.csv"],
    }


def test_only_dates_that_are_asked_for_and_have_files_are_returned(root: Path) -> None:
    for number in (1, 2, 3):
        put(root, f"orders/order_date=2025-03-0{number}/orders.csv", "x")
    folder = LandingFolder(str(root))
    assert list(folder.dated_files(ORDERS, [day("2025-03-03"), day("2025-03-02")])) == [
        day("2025-03-02"),
        day("2025-03-03"),
    ]
    assert folder.dated_files(ORDERS, [day("2025-03-09")]) == {}
    assert folder.dated_files(ORDERS, [day("2025-03-08"), day("2025-03-09")]) == {}
    assert folder.dated_files(ORDERS, []) == {}
    assert folder.dated_files(ORDER_ITEMS) == {}


def test_a_table_does_not_take_in_folders_whose_names_merely_begin_like_its_own(root: Path) -> None:
    put(root, "orders_old/order_date=2025-03-01/orders.csv", "x")
    put(root, "orders/order_date=2025-03-01-copy/orders.csv", "x")
    folder = LandingFolder(str(root))
    assert folder.dated_files(ORDERS, [day("2025-03-01")]) == {}
    assert folder.dated_files(ORDERS, strict=False) == {}


@pytest.mark.parametrize(
    "name", ["_SUCCESS", ".orders.csv.swp", "_temporary/part-0.csv", ".ipynb_checkpoints/orders.csv"]
)
def test_hidden_files_and_files_in_hidden_folders_are_no_data(root: Path, name: str) -> None:
    put(root, f"orders/order_date=2025-03-01/{name}", "x")
    put(root, f"products/{name}", "x")
    folder = LandingFolder(str(root))
    assert folder.dated_files(ORDERS, [day("2025-03-01")]) == {}
    assert folder.order_dates() == {}
    assert folder.snapshot_files(PRODUCTS) == []


def test_a_landing_folder_below_a_hidden_one_is_read_all_the_same(tmp_path: Path) -> None:
    put(tmp_path / ".cis/_landing", "products/products.csv", "x")
    assert len(LandingFolder(str(tmp_path / ".cis/_landing")).snapshot_files(PRODUCTS)) == 1


@pytest.mark.parametrize(
    "name", ["order_date=2025-02-30", "order_date=20250301", "2025-03-01", "order_date=2025-03-01 "]
)
def test_a_folder_that_is_no_date_is_refused_by_name_when_every_date_is_asked_for(root: Path, name: str) -> None:
    put(root, f"orders/{name}/orders.csv", "x")
    folder = LandingFolder(str(root))
    sentence = f"Landing folder orders/{name} is not an order date: name it order_date=YYYY-MM-DD or remove it."
    with pytest.raises(LandingError) as refusal:
        folder.order_dates()
    assert str(refusal.value) == sentence
    assert folder.order_dates(strict=False) == {}
    assert folder.dated_files(ORDERS, [day("2025-03-01"), day("2025-03-02")]) == {}
    assert folder.stray_folders() == [f"orders/{name}"]


def test_a_file_beside_the_folders_of_dates_is_refused_by_name(root: Path) -> None:
    put(root, "order_items/items.csv", "x")
    with pytest.raises(
        LandingError,
        match=r"^Landing file order_items/items\.csv is not in a date folder: move it to order_items/order_date=YYYY-MM-DD/items\.csv",
    ):
        LandingFolder(str(root)).order_dates()
    assert LandingFolder(str(root)).order_dates(strict=False) == {}


def test_a_file_that_is_called_like_a_date_folder_is_none(root: Path) -> None:
    put(root, "orders/order_date=2025-03-01", "x")
    assert LandingFolder(str(root)).order_dates(strict=False) == {}


def test_dates_and_hidden_folders_are_not_stray(root: Path) -> None:
    put(root, "orders/order_date=2025-03-01/orders.csv", "x")
    put(root, "order_items/_temporary/items.csv", "x")
    put(root, "order_items/march/items.csv", "x")
    assert LandingFolder(str(root)).stray_folders() == ["order_items/march"]


def test_order_dates_hold_the_files_of_both_tables_in_order_of_date(root: Path) -> None:
    put(root, "order_items/order_date=2025-03-01/items.csv", "x")
    put(root, "orders/order_date=2025-03-02/orders.csv", "x")
    put(root, "order_items/order_date=2025-03-02/items.csv", "x")
    assert list(paths(LandingFolder(str(root)).order_dates()).items()) == [
        ("2025-03-01", ["order_items/order_date=2025-03-01/items.csv"]),
        ("2025-03-02", ["orders/order_date=2025-03-02/orders.csv", "order_items/order_date=2025-03-02/items.csv"]),
    ]


def test_an_empty_or_absent_folder_holds_nothing(root: Path) -> None:
    folder = LandingFolder(str(root))
    assert folder.order_dates() == {}
    assert folder.stray_folders() == []
    assert folder.snapshot_files(PRODUCTS) == []
    (root / "orders" / "order_date=2025-03-01").mkdir(parents=True)
    assert folder.dated_files(ORDERS, [day("2025-03-01")]) == {}


def test_snapshot_files_are_listed_by_arrival_and_then_by_name(root: Path) -> None:
    for name, arrived in (("z.csv", 100), ("a.csv", 300), ("m.csv", 200), ("b.csv", 300)):
        os.utime(put(root, f"products/{name}", "x"), (arrived, arrived))
    files = LandingFolder(str(root)).snapshot_files(PRODUCTS)
    assert [file.path for file in files] == [f"products/{name}" for name in ("z.csv", "m.csv", "a.csv", "b.csv")]


def test_a_file_that_is_replaced_by_one_of_the_same_size_has_another_tag(root: Path) -> None:
    def listed() -> LandingFile:
        return LandingFolder(str(root)).snapshot_files(PRODUCTS)[0]

    os.utime(put(root, "products/products.csv", "one"), (100, 100))
    before = listed()
    os.utime(put(root, "products/products.csv", "two"), (200, 200))
    assert (before.size, before.path) == (listed().size, listed().path)
    assert before.e_tag != listed().e_tag


@pytest.mark.parametrize(
    ("name", "kind"),
    [("orders.csv", "csv"), ("ORDERS.CSV", "csv"), ("orders.csv.gz", "csv"), ("o.2025.parquet", "parquet")],
)
def test_the_format_follows_the_ending(root: Path, name: str, kind: str) -> None:
    put(root, f"products/{name}", "x")
    assert LandingFolder(str(root)).snapshot_files(PRODUCTS)[0].format == kind


@pytest.mark.parametrize("name", ["orders.xlsx", "orders.csv.zip", "orders", "orders.gz"])
def test_a_file_of_another_ending_is_refused_by_name(root: Path, name: str) -> None:
    put(root, f"products/{name}", b"x")
    with pytest.raises(
        LandingError,
        match=f"^Landing file products/{name} is not .csv, .csv.gz or .parquet: rename or remove it.$",
    ):
        read_file(folder := LandingFolder(str(root)), PRODUCTS, folder.snapshot_files(PRODUCTS)[-1])


def test_content_is_the_whole_file_or_its_first_bytes(root: Path) -> None:
    put(root, "products/a.csv", "0123456789")
    put(root, "products/b.csv", "")
    full, empty = LandingFolder(str(root)).snapshot_files(PRODUCTS)
    folder = LandingFolder(str(root))
    assert folder.content(full) == b"0123456789"
    assert folder.content(full, first_bytes=4) == b"0123"
    assert folder.content(full, first_bytes=400) == b"0123456789"
    assert folder.content(empty) == folder.content(empty, first_bytes=4) == b""


@pytest.fixture
def linked(root: Path, tmp_path: Path) -> Path:
    """A landing folder with a linked file, a file behind a linked folder, and a link that stays inside."""
    put(tmp_path / "outside", "secret.csv", "secret")
    put(tmp_path / "outside", "order_date=2025-03-01/orders.csv", "secret")
    put(root, "products/b.csv", "inside")
    (root / "products/a.csv").symlink_to(tmp_path / "outside/secret.csv")
    (root / "products/c.csv").symlink_to(root / "products/b.csv")
    (root / "orders").mkdir()
    (root / "orders/order_date=2025-03-01").symlink_to(tmp_path / "outside/order_date=2025-03-01")
    return root


def test_no_file_is_read_through_a_link_that_leads_out_of_the_folder(linked: Path) -> None:
    folder = LandingFolder(str(linked))
    files = {file.path: file for file in folder.snapshot_files(PRODUCTS)}
    (dated,) = folder.dated_files(ORDERS)[day("2025-03-01")]
    for file in (files["products/a.csv"], dated):
        for read in (folder.content, folder.stream):
            with pytest.raises(
                LandingError, match=r"lies behind a link that leads out.*CIS_LANDING_LINKS=true"
            ) as error:
                read(file)
            assert "outside" not in str(error.value)
    assert folder.content(files["products/b.csv"]) == folder.content(files["products/c.csv"]) == b"inside"


def test_a_setting_allows_links_that_lead_out_of_the_folder(linked: Path) -> None:
    folder = LandingFolder(str(linked), follow_links=True)
    files = {file.path: file for file in folder.snapshot_files(PRODUCTS)}
    assert folder.content(files["products/a.csv"]) == b"secret"


def test_the_folder_itself_may_be_a_link(linked: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(linked)
    folder = LandingFolder(str(tmp_path / "link"))
    files = {file.path: file for file in folder.snapshot_files(PRODUCTS)}
    assert folder.content(files["products/b.csv"]) == b"inside"


def test_a_name_or_link_that_cannot_be_read_spoils_its_date_alone(root: Path) -> None:
    for number in (1, 2, 3):
        put(root, f"orders/order_date=2025-03-0{number}/o.csv", f"{ORDERS_HEADER}\n1,1,9\n")
        put(root, f"order_items/order_date=2025-03-0{number}/i.csv", f"{ITEMS_HEADER}\n1,1,1,1,1\n")
    folder = LandingFolder(str(root))
    before = folder.dated_files(ORDERS)
    put(root, "orders/order_date=2025-03-01/late\t.csv", "x")
    (root / "orders/order_date=2025-03-02/all").symlink_to("..")
    assert list(folder.order_dates()) == [day(f"2025-03-0{number}") for number in (1, 2, 3)]
    assert folder.dated_files(ORDERS)[day("2025-03-03")] == before[day("2025-03-03")]
    assert read_days(folder, [day(f"2025-03-0{number}") for number in (1, 2, 3)]).faults == {
        day(
            "2025-03-01"
        ): "Landing file orders/order_date=2025-03-01/late\\t.csv has a name with characters that storage "
        "does not allow: rename or remove it.",
        day("2025-03-02"): "Landing file orders/order_date=2025-03-02/all is a link into its own folder: "
        "rename or remove it.",
    }


def test_a_link_loop_beside_the_date_folders_is_a_stray_folder(root: Path) -> None:
    put(root, "orders/order_date=2025-03-01/o.csv", "x")
    (root / "orders/current").symlink_to(".")
    folder = LandingFolder(str(root))
    assert list(folder.order_dates(strict=False)) == [day("2025-03-01")]
    assert folder.stray_folders() == ["orders/current"]

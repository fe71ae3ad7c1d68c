"""The list of erased customers tells who is on it to nobody without its key, and is never silently empty."""

from __future__ import annotations

import shutil
import threading
from datetime import date
from pathlib import Path

import pytest
from pydantic import SecretStr

from cis_assets.catalog.system import ERASED_CUSTOMERS
from cis_assets.lake.erased_customers import (
    ErasureKey,
    ErasureKeyError,
    add_erased_customers,
    erased_customers,
)
from cis_assets.lake.erased_customers_copy import ErasedListError
from cis_assets.lake.lake import Lake
from cis_assets.settings import read_settings
from cis_assets.storage.errors import StorageError

SECRET = SecretStr("0123456789abcdef0123456789abcdef")
OTHER = SecretStr("fedcba9876543210fedcba9876543210")
DAY = date(2025, 11, 1)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def landing(lake: Lake) -> str:
    return str(Path(lake.uri).with_name("landing"))


def test_who_was_entered_is_found_and_nobody_else(lake: Lake):
    add_erased_customers(lake, landing(lake), ErasureKey(SECRET), [17, 7_316_502_948_117, -3], DAY)
    erased = erased_customers(lake, landing(lake), SECRET)
    assert len(erased) == 3
    assert erased.among([16, 17, 18, 3, -3, 7_316_502_948_117]) == {17, -3, 7_316_502_948_117}


def test_a_lake_without_a_list_has_nobody_on_it_and_needs_no_key(lake: Lake):
    erased = erased_customers(lake, landing(lake), SecretStr(""))
    assert not erased
    assert erased.among([1, 2]) == set()
    assert not Path(lake.uri).exists()


def test_the_list_holds_hashes_that_depend_on_the_key_and_no_number(lake: Lake, tmp_path: Path):
    add_erased_customers(lake, landing(lake), ErasureKey(SECRET), [7_316_502_948_117], DAY)
    (row,) = lake.scan(ERASED_CUSTOMERS).collect().to_dicts()
    assert (
        row["customer_hash"] == ErasureKey(SECRET).hash(7_316_502_948_117) != ErasureKey(OTHER).hash(7_316_502_948_117)
    )
    assert row["erased_on"] == DAY
    for path in tmp_path.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert b"7316502948117" not in content
        assert SECRET.get_secret_value().encode() not in content


def test_a_customer_who_is_entered_again_keeps_the_first_day(lake: Lake):
    add_erased_customers(lake, landing(lake), ErasureKey(SECRET), [17], DAY)
    add_erased_customers(lake, landing(lake), ErasureKey(SECRET), [17, 18], date(2025, 12, 1))
    rows = lake.scan(ERASED_CUSTOMERS).collect()
    assert sorted(rows["erased_on"]) == [DAY, date(2025, 12, 1)]


def test_customers_entered_at_the_same_time_are_all_on_the_list(lake: Lake):
    add_erased_customers(lake, landing(lake), ErasureKey(SECRET), [0], DAY)
    entering = [
        threading.Thread(target=add_erased_customers, args=(lake, landing(lake), ErasureKey(SECRET), [0, number], DAY))
        for number in range(1, 5)
    ]
    for thread in entering:
        thread.start()
    for thread in entering:
        thread.join()
    assert erased_customers(lake, landing(lake), SECRET).among(range(10)) == {0, 1, 2, 3, 4}
    assert lake.scan(ERASED_CUSTOMERS).collect().height == 5


def test_another_key_is_refused_for_reading_and_for_entering(lake: Lake):
    add_erased_customers(lake, landing(lake), ErasureKey(SECRET), [17], DAY)
    for attempt in (
        lambda: erased_customers(lake, landing(lake), OTHER),
        lambda: add_erased_customers(lake, landing(lake), ErasureKey(OTHER), [18], DAY),
    ):
        with pytest.raises(
            ErasureKeyError, match=r"1 customer was erased in .* with another CIS_ERASURE_KEY"
        ) as refused:
            attempt()
        assert ErasureKey(SECRET).fingerprint in str(refused.value)
        assert OTHER.get_secret_value() not in str(refused.value)
    assert erased_customers(lake, landing(lake), SECRET).among([17, 18]) == {17}


def test_no_key_is_refused_once_somebody_is_on_the_list(lake: Lake):
    add_erased_customers(lake, landing(lake), ErasureKey(SECRET), [17, 18], DAY)
    with pytest.raises(ErasureKeyError, match=r"2 customers were erased in .* set CIS_ERASURE_KEY to the key"):
        erased_customers(lake, landing(lake), SecretStr(" "))


@pytest.mark.parametrize(
    ("secret", "words"), [("", "is not set"), ("   ", "is not set"), ("k" * 31, "is shorter than 32")]
)
def test_a_key_that_is_none_is_refused_without_showing_it(secret: str, words: str):
    with pytest.raises(ErasureKeyError, match=words) as refused:
        ErasureKey(SecretStr(secret))
    assert "secrets.token_hex(32)" in str(refused.value)
    assert "kkk" not in str(refused.value)


def test_the_key_is_masked_wherever_settings_are_shown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CIS_ERASURE_KEY", SECRET.get_secret_value())
    read = read_settings()
    assert read.erasure_key == SECRET
    assert SECRET.get_secret_value() not in f"{read!r} {read} {read.model_dump()} {read.model_dump_json()}"


def copies(lake: Lake) -> list[Path]:
    return sorted(Path(landing(lake), "_erased_customers").glob("*"))


@pytest.mark.parametrize("damage", ["lost log", "empty commits", "lost data", "empty data", "empty folder"])
def test_a_list_that_cannot_be_read_is_never_taken_for_empty(lake: Lake, damage: str):
    add_erased_customers(lake, landing(lake), ErasureKey(SECRET), [17], DAY)
    shutil.rmtree(landing(lake))
    shutil.rmtree(Path(lake.uri, "system/table_versions"), ignore_errors=True)
    table = Path(lake.uri, ERASED_CUSTOMERS.path)
    if damage in ("lost log", "empty folder"):
        shutil.rmtree(table / "_delta_log" if damage == "lost log" else table)
        table.mkdir(exist_ok=True)
    for file in table.rglob("*.json" if damage == "empty commits" else "*.parquet"):
        if damage == "lost data":
            file.unlink()
        elif damage != "lost log":
            file.write_bytes(b"")
    for attempt in (
        lambda: erased_customers(lake, landing(lake), SECRET),
        lambda: add_erased_customers(lake, landing(lake), ErasureKey(SECRET), [18], DAY),
    ):
        with pytest.raises(
            ErasedListError, match=r"system/erased_customers cannot be read.*--repair system/erased_customers"
        ):
            attempt()


def test_a_list_without_a_log_is_filled_from_landing_once_it_is_moved_aside(lake: Lake):
    add_erased_customers(lake, landing(lake), ErasureKey(SECRET), [17, 18], DAY)
    table = Path(lake.uri, ERASED_CUSTOMERS.path)
    shutil.rmtree(table / "_delta_log")
    with pytest.raises(ErasedListError, match="and the 2 entries of its copy in landing"):
        erased_customers(lake, landing(lake), SECRET)
    table.rename(table.with_name("aside"))
    Path(lake.uri, "system/table_versions").rename(Path(lake.uri, "system/versions_aside"))
    assert erased_customers(lake, landing(lake), SECRET).among([17, 18, 19]) == {17, 18}
    assert lake.scan(ERASED_CUSTOMERS).collect().height == 2


def test_a_lake_that_is_moved_aside_leaves_its_erased_customers_in_landing(lake: Lake):
    add_erased_customers(lake, landing(lake), ErasureKey(SECRET), [17], DAY)
    add_erased_customers(lake, landing(lake), ErasureKey(SECRET), [18], date(2025, 12, 1))
    Path(lake.uri).rename(f"{lake.uri}_aside")
    with pytest.raises(ErasureKeyError, match=r"2 customers were erased in .* set CIS_ERASURE_KEY"):
        erased_customers(lake, landing(lake), SecretStr(""))
    assert erased_customers(lake, landing(lake), SECRET).among([17, 18, 19]) == {17, 18}
    assert sorted(lake.scan(ERASED_CUSTOMERS).collect()["erased_on"]) == [DAY, date(2025, 12, 1)]


def test_a_new_landing_folder_gets_the_entries_of_the_lake(lake: Lake):
    add_erased_customers(lake, landing(lake), ErasureKey(SECRET), [17], DAY)
    shutil.rmtree(landing(lake))
    assert erased_customers(lake, landing(lake), SECRET).among([17]) == {17}
    assert len(copies(lake)) == 1
    shutil.rmtree(lake.uri)
    assert erased_customers(lake, landing(lake), SECRET).among([17]) == {17}


def test_entries_that_the_lake_lost_come_back_from_landing(lake: Lake):
    add_erased_customers(lake, landing(lake), ErasureKey(SECRET), [17], DAY)
    shutil.copytree(lake.uri, f"{lake.uri}_before")
    add_erased_customers(lake, landing(lake), ErasureKey(SECRET), [18], DAY)
    shutil.rmtree(lake.uri)
    Path(f"{lake.uri}_before").rename(lake.uri)
    assert erased_customers(lake, landing(lake), SECRET).among([17, 18]) == {17, 18}
    assert lake.scan(ERASED_CUSTOMERS).collect().height == 2


@pytest.mark.parametrize("content", [b"", b"customer_hash,key_fingerprint,erased_on\n", b"\x00" * 90])
def test_a_damaged_file_in_landing_is_named(lake: Lake, content: bytes):
    add_erased_customers(lake, landing(lake), ErasureKey(SECRET), [17], DAY)
    (file,) = copies(lake)
    file.write_bytes(content)
    with pytest.raises(ErasedListError, match=rf"{file} is damaged"):
        erased_customers(lake, landing(lake), SECRET)
    file.unlink()
    assert erased_customers(lake, landing(lake), SECRET).among([17]) == {17}
    assert copies(lake) == [file]


def test_reading_needs_no_permission_to_write_to_landing_but_erasing_does(lake: Lake, monkeypatch: pytest.MonkeyPatch):
    add_erased_customers(lake, landing(lake), ErasureKey(SECRET), [17], DAY)
    shutil.rmtree(landing(lake))

    def deny(*_: object) -> None:
        raise PermissionError("Permission denied")

    monkeypatch.setattr("cis_assets.lake.erased_customers.write_copy", deny)
    assert erased_customers(lake, landing(lake), SECRET).among([17]) == {17}
    with pytest.raises(
        StorageError,
        match=r"^No customer was erased, since an erasure needs permission .*_erased_customers in the landing",
    ):
        add_erased_customers(lake, landing(lake), ErasureKey(SECRET), [18], DAY)
    assert lake.scan(ERASED_CUSTOMERS).collect().height == 1

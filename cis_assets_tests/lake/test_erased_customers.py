"""The list of erased customers tells who is on it to nobody without its key, and is never silently empty."""

from __future__ import annotations

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
from cis_assets.lake.lake import Lake
from cis_assets.settings import read_settings

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

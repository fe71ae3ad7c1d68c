"""A damaged list of erased customers is made again with all its entries, or stays refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from pydantic import SecretStr

from cis_assets.catalog.system import ERASED_CUSTOMERS
from cis_assets.errors import OperatorError
from cis_assets.lake.damage import find_damage
from cis_assets.lake.erased_customers import ErasureKey, add_erased_customers, erased_customers
from cis_assets.lake.erased_customers_copy import ErasedListError
from cis_assets.lake.erased_customers_repair import accept_erased_customers, repair_erased_customers
from cis_assets.lake.lake import Lake
from cis_assets.lake.repair import RepairError

SECRET = SecretStr("0123456789abcdef0123456789abcdef")
VERSION = "system/table_versions/system.erased_customers.json"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = Lake(str(tmp_path / "lake"))
    for customers in ([17, 18], [19]):
        add_erased_customers(made, landing(made), ErasureKey(SECRET), customers, date(2025, 11, 1))
    return made


def landing(lake: Lake) -> str:
    return str(Path(lake.uri).with_name("landing"))


def folder(lake: Lake) -> Path:
    return Path(lake.location(ERASED_CUSTOMERS).uri)


def lose_folder(lake: Lake) -> None:
    shutil.rmtree(folder(lake))


def lose_log(lake: Lake) -> None:
    shutil.rmtree(folder(lake) / "_delta_log")


def empty_folder(lake: Lake) -> None:
    lose_folder(lake)
    folder(lake).mkdir()


def empty_first_commit(lake: Lake) -> None:
    min((folder(lake) / "_delta_log").glob("*.json")).write_bytes(b"")


def empty_newest_commit(lake: Lake) -> None:
    max((folder(lake) / "_delta_log").glob("*.json")).write_bytes(b"")


def lose_newest_commit(lake: Lake) -> None:
    max((folder(lake) / "_delta_log").glob("*.json")).unlink()


def lose_data(lake: Lake) -> None:
    for file in folder(lake).glob("*.parquet"):
        file.unlink()


def garble_data(lake: Lake) -> None:
    for file in folder(lake).glob("*.parquet"):
        file.write_bytes(file.read_bytes()[:4] + b"\xff" * (file.stat().st_size - 8) + file.read_bytes()[-4:])


def garble_version_and_lose_log(lake: Lake) -> None:
    Path(lake.uri, VERSION).write_bytes(b"")
    lose_log(lake)


DAMAGE = [
    *(lose_folder, lose_log, empty_folder, empty_first_commit, empty_newest_commit, lose_newest_commit, lose_data),
    *(garble_data, garble_version_and_lose_log),
]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_list_is_not_accepted_and_is_made_again_with_its_copy(lake: Lake, damage: Callable[[Lake], None]):
    damage(lake)
    if damage is not garble_data:
        with pytest.raises(ErasedListError, match="--repair system/erased_customers"):
            accept_erased_customers(lake)
    with pytest.raises(ErasedListError, match="--repair system/erased_customers") as refused:
        erased_customers(lake, landing(lake), SECRET)
    assert "--accept system/erased_customers" not in str(refused.value) or damage is garble_version_and_lose_log
    (done,) = repair_erased_customers(lake, landing(lake))
    assert "with 3 customers (3 of them from its copy" in done
    assert find_damage(lake.location(ERASED_CUSTOMERS), deep=True) == []
    assert lake.scan(ERASED_CUSTOMERS).collect().height == 3
    assert erased_customers(lake, landing(lake), SECRET).among(range(100)) == {17, 18, 19}
    assert repair_erased_customers(lake, landing(lake)) == []
    assert accept_erased_customers(lake) is not None


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_list_without_a_copy_never_loses_an_entry(lake: Lake, damage: Callable[[Lake], None]):
    shutil.rmtree(landing(lake))
    damage(lake)
    if damage in (lose_log, empty_first_commit, empty_newest_commit, garble_version_and_lose_log):
        repair_erased_customers(lake, landing(lake))
        assert erased_customers(lake, landing(lake), SECRET).among(range(100)) == {17, 18, 19}
        return
    with pytest.raises(RepairError, match=r"has no copy of the list.*erase the same customers again"):
        repair_erased_customers(lake, landing(lake))
    with pytest.raises(ErasedListError):
        erased_customers(lake, landing(lake), SECRET)


def test_the_named_way_to_a_new_list_works(lake: Lake):
    shutil.rmtree(landing(lake))
    lose_folder(lake)
    with pytest.raises(RepairError) as refused:
        repair_erased_customers(lake, landing(lake))
    for path in (folder(lake), Path(lake.uri, VERSION)):
        assert str(path) in str(refused.value)
    Path(lake.uri, VERSION).unlink()
    add_erased_customers(lake, landing(lake), ErasureKey(SECRET), [17, 18, 19], date(2025, 11, 1))
    assert erased_customers(lake, landing(lake), SECRET).among(range(100)) == {17, 18, 19}


def test_a_damaged_copy_stops_the_repair(lake: Lake):
    lose_log(lake)
    for file in Path(landing(lake), "_erased_customers").iterdir():
        file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(OperatorError, match="is damaged, so erased customers may be missing"):
        repair_erased_customers(lake, landing(lake))
    assert not Path(lake.uri, "moved_aside").exists()


def test_a_whole_list_with_a_garbled_version_is_accepted(lake: Lake):
    Path(lake.uri, VERSION).write_bytes(b"")
    assert accept_erased_customers(lake) is not None
    assert erased_customers(lake, landing(lake), SECRET).among(range(100)) == {17, 18, 19}


def test_a_restored_older_list_is_completed_from_its_copy(lake: Lake, tmp_path: Path):
    shutil.copytree(folder(lake), tmp_path / "backup")
    add_erased_customers(lake, landing(lake), ErasureKey(SECRET), [20], date(2025, 11, 1))
    lose_folder(lake)
    shutil.copytree(tmp_path / "backup", folder(lake))
    assert repair_erased_customers(lake, landing(lake))
    assert erased_customers(lake, landing(lake), SECRET).among(range(100)) == {17, 18, 19, 20}

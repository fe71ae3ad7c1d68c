"""Damaged tables: each kind is named by readers, found by `find_damage`, and repaired by `repair`."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable
from polars.exceptions import PolarsError

from cis_assets.catalog import silver
from cis_assets.catalog.bronze import LANDED_FILES
from cis_assets.dates import DateRange
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.damage import UNREADABLE, Kind, find_damage, name_unreadable_files, way_back
from cis_assets.lake.engines.polars_engine import PolarsEngine
from cis_assets.lake.lake import Lake
from cis_assets.lake.quarantine import quarantined_dates
from cis_assets.lake.repair import RepairError, accept_whole_table, repair
from cis_assets.lake.round_trip import write_and_read_table
from cis_assets.lake.slices import Slice
from cis_assets.lake.table_versions import TableDamagedError, accept_table
from cis_assets.storage.errors import StorageError
from cis_assets_tests.frames import table_frame

ORDERS = silver.ORDERS
DAYS = [date(2026, 1, number) for number in (1, 2, 3, 4)]


def orders(day: date) -> pl.DataFrame:
    return table_frame(ORDERS, [{"order_date": day, "order_id": number} for number in range(5)])


def write(lake: Lake, day: date) -> None:
    where = Slice.of_days(ORDERS, DateRange(day, day))
    PolarsEngine().replace(ORDERS, lake.location(ORDERS), where, LazyChunks.of([orders(day)]))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = Lake(str(tmp_path / "lake"))
    for day in DAYS:
        write(made, day)
    return made


def table_folder(lake: Lake) -> Path:
    return Path(lake.location(ORDERS).uri)


def newest_commit(lake: Lake) -> Path:
    return max((table_folder(lake) / "_delta_log").glob("*.json"))


def data_file(lake: Lake, day: date = DAYS[1]) -> Path:
    return next((table_folder(lake) / f"order_date={day}").glob("*.parquet"))


def checkpoint(lake: Lake) -> Path:
    DeltaTable(lake.location(ORDERS).uri).create_checkpoint()
    return next((table_folder(lake) / "_delta_log").glob("*.checkpoint.parquet"))


def lose_log(lake: Lake) -> None:
    shutil.rmtree(table_folder(lake) / "_delta_log")


def empty_log(lake: Lake) -> None:
    lose_log(lake)
    (table_folder(lake) / "_delta_log").mkdir()


def empty_commit(lake: Lake) -> None:
    newest_commit(lake).write_bytes(b"")


def tear_commit(lake: Lake) -> None:
    newest_commit(lake).write_bytes(newest_commit(lake).read_bytes()[:300])


def lose_commit(lake: Lake) -> None:
    (table_folder(lake) / "_delta_log" / f"{DeltaTable(lake.location(ORDERS).uri).version() - 1:020}.json").unlink()


def lose_checkpoint(lake: Lake) -> None:
    checkpoint(lake).unlink()


def empty_checkpoint(lake: Lake) -> None:
    checkpoint(lake).write_bytes(b"")


def lose_file(lake: Lake) -> None:
    data_file(lake).unlink()


def empty_file(lake: Lake) -> None:
    data_file(lake).write_bytes(b"")


def shorten_file(lake: Lake) -> None:
    data_file(lake).write_bytes(data_file(lake).read_bytes()[:100])


# How it is damaged, its kind, and the days whose rows are left after the repair.
KINDS = [
    (lose_log, Kind.LOG_LOST, []),
    (empty_log, Kind.LOG_LOST, []),
    (empty_commit, Kind.COMMIT, DAYS[:3]),
    (tear_commit, Kind.COMMIT, DAYS[:3]),
    (lose_commit, Kind.COMMIT, DAYS[:2]),
    (lose_checkpoint, Kind.CHECKPOINT, DAYS),
    (empty_checkpoint, Kind.CHECKPOINT, DAYS),
    (lose_file, Kind.DATA_FILE, [DAYS[0], *DAYS[2:]]),
    (empty_file, Kind.DATA_FILE, [DAYS[0], *DAYS[2:]]),
    (shorten_file, Kind.DATA_FILE, [DAYS[0], *DAYS[2:]]),
]
each_kind = pytest.mark.parametrize(("damage", "kind", "left"), KINDS, ids=[damage.__name__ for damage, *_ in KINDS])
Damaging = Callable[[Lake], None]


def stored_days(lake: Lake) -> list[date]:
    return lake.scan(ORDERS).collect()["order_date"].unique().sort().to_list()


def refuse_write(lake: Lake, kind: Kind) -> None:
    """A write refuses damage. It sets only a checkpoint aside that the log does not need."""
    if kind is Kind.CHECKPOINT:
        write(lake, DAYS[0])
        assert stored_days(lake) == DAYS
        return
    with pytest.raises(TableDamagedError, match="silver/orders"):
        write(lake, DAYS[0])


@each_kind
def test_damage_is_found_and_named_to_readers_and_writers(lake: Lake, damage: Damaging, kind: Kind, left: list[date]):
    assert find_damage(lake.location(ORDERS)) == []
    damage(lake)
    assert kind in {found.kind for found in find_damage(lake.location(ORDERS))}
    with pytest.raises(TableDamagedError, match=r"silver/orders.*cis (doctor|maintain)"):
        lake.scan(ORDERS).collect()
    refuse_write(lake, kind)


@each_kind
def test_damage_without_a_remembered_version_is_named_as_well(
    lake: Lake, damage: Damaging, kind: Kind, left: list[date]
):
    """A lake that an earlier version of the platform wrote remembers no version."""
    shutil.rmtree(Path(lake.uri, "system"))
    damage(lake)
    assert kind in {found.kind for found in find_damage(lake.location(ORDERS))}
    with pytest.raises(TableDamagedError, match="silver/orders"):
        lake.scan(ORDERS).collect()
    refuse_write(lake, kind)


@each_kind
def test_a_repair_keeps_what_is_whole_and_names_what_is_gone(
    lake: Lake, damage: Damaging, kind: Kind, left: list[date]
):
    damage(lake)
    done = " ".join(repair(lake, ORDERS))
    assert find_damage(lake.location(ORDERS), deep=True) == []
    assert (stored_days(lake) if lake.exists(ORDERS) else []) == left
    gone = [day for day in DAYS if day not in left]
    if gone:
        assert f"cis backfill --from {gone[0]} --to {gone[-1]}" in done
    for day in gone:
        write(lake, day)
    assert stored_days(lake) == DAYS
    assert find_damage(lake.location(ORDERS), deep=True) == []
    assert repair(lake, ORDERS) == []


def test_a_whole_table_of_a_kind_that_cannot_be_opened_is_not_rolled_back(lake: Lake):
    for commit in (table_folder(lake) / "_delta_log").glob("*.json"):
        commit.write_text(commit.read_text().replace('\\"type\\":\\"date\\"', '\\"type\\":\\"unknown\\"'))
    accept_table(lake.location(ORDERS))
    before = sorted((table_folder(lake) / "_delta_log").iterdir())
    for examine in (lambda: find_damage(lake.location(ORDERS)), lambda: repair(lake, ORDERS)):
        with pytest.raises(StorageError, match="unknown"):
            examine()
    assert sorted((table_folder(lake) / "_delta_log").iterdir()) == before


def test_an_error_of_the_storage_is_no_damage(lake: Lake, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object, **__: object) -> None:
        raise OSError("connection reset")

    monkeypatch.setattr("cis_assets.lake.damage.DeltaTable", fail)
    with pytest.raises(StorageError, match="connection reset"):
        find_damage(lake.location(ORDERS))


def test_a_repair_of_a_table_of_which_nothing_is_left_moves_nothing(lake: Lake):
    shutil.rmtree(table_folder(lake))
    (done,) = repair(lake, ORDERS)
    assert "moved" not in done
    assert "Make the rows again with `cis backfill`" in done
    assert not Path(lake.uri, "moved_aside").exists()
    write(lake, DAYS[0])


def test_other_slices_of_a_table_with_a_lost_file_can_be_read(lake: Lake):
    lose_file(lake)
    assert lake.scan(ORDERS, DateRange(DAYS[2], DAYS[3])).collect().height == 10
    with pytest.raises(TableDamagedError, match="is missing"):
        lake.scan(ORDERS, DateRange(DAYS[0], DAYS[1]))


def garble(lake: Lake) -> None:
    path = data_file(lake)
    content = path.read_bytes()
    path.write_bytes(content[:4] + b"\xff" * (len(content) - 8) + content[-4:])


def test_a_changed_file_of_the_same_size_is_found_by_reading_it(lake: Lake):
    garble(lake)
    location = lake.location(ORDERS)
    assert find_damage(location) == []
    (found,) = find_damage(location, deep=True)
    assert "cannot be decoded" in found.what
    named = pytest.raises(TableDamagedError, match=r"silver/orders is damaged: order_date=2026-01-02/.*--repair")
    with named, name_unreadable_files([location]):
        lake.scan(ORDERS).collect()
    assert "2026-01-02" in repair(lake, ORDERS, deep=True)[0]
    assert stored_days(lake) == [DAYS[0], *DAYS[2:]]


def test_an_error_of_polars_without_damage_stays_as_it_is(lake: Lake):
    with pytest.raises(UNREADABLE, match="other") as raised, name_unreadable_files([lake.location(ORDERS)]):
        raise pl.exceptions.ComputeError("other")
    assert isinstance(raised.value, PolarsError)


def test_a_restored_backup_is_refused_until_it_is_accepted(lake: Lake, tmp_path: Path):
    shutil.copytree(table_folder(lake), tmp_path / "backup")
    write(lake, DAYS[0])
    shutil.rmtree(table_folder(lake))
    shutil.copytree(tmp_path / "backup", table_folder(lake))
    (found,) = find_damage(lake.location(ORDERS))
    assert found.kind is Kind.SHORTER
    with pytest.raises(RepairError, match="--accept silver/orders"):
        repair(lake, ORDERS)
    accept_table(lake.location(ORDERS))
    assert find_damage(lake.location(ORDERS)) == []
    write(lake, DAYS[0])


def version_file(lake: Lake) -> Path:
    return Path(lake.uri, "system/table_versions/silver.orders.json")


def lose_line(lake: Lake) -> None:
    newest_commit(lake).write_bytes(newest_commit(lake).read_bytes().rpartition(b"\n")[0])


def fill_with_nulls(lake: Lake) -> None:
    newest_commit(lake).write_bytes(bytes(newest_commit(lake).stat().st_size))


def rename_log(lake: Lake) -> None:
    log = table_folder(lake) / "_delta_log"
    log.rename(log.with_name("_delta_log.old"))


def lose_newest_commits(lake: Lake) -> None:
    for _ in range(2):
        newest_commit(lake).unlink()


def lose_newest_and_tear_another(lake: Lake) -> None:
    newest_commit(lake).unlink()
    tear_commit(lake)


def lose_checkpoint_and_commits(lake: Lake) -> None:
    kept = checkpoint(lake)
    for commit in kept.parent.glob("*.json"):
        commit.unlink()
    kept.unlink()


def garble_remembered_version_and_lose_file(lake: Lake) -> None:
    version_file(lake).write_bytes(b"\0\0")
    lose_file(lake)


def garble_remembered_version_and_commit(lake: Lake) -> None:
    version_file(lake).write_bytes(b"\0\0")
    empty_commit(lake)


def lose_folder(lake: Lake) -> None:
    shutil.rmtree(table_folder(lake))


MORE_DAMAGE = [
    lose_line, fill_with_nulls, rename_log, lose_newest_commits, lose_newest_and_tear_another, lose_checkpoint_and_commits,
    garble_remembered_version_and_lose_file, garble_remembered_version_and_commit, lose_folder,
]  # fmt: skip


@pytest.mark.parametrize("damage", [damage for damage, *_ in KINDS] + MORE_DAMAGE)
def test_each_damage_is_found_and_refused_and_the_commands_that_are_named_make_the_table_whole(
    lake: Lake, damage: Damaging
):
    damage(lake)
    location = lake.location(ORDERS)
    (first, *_) = find_damage(location)
    with pytest.raises(TableDamagedError, match="silver/orders"):
        lake.scan(ORDERS)
    if first.kind is Kind.SHORTER:
        assert "--accept silver/orders" in way_back(location, first)
        accept_whole_table(location)
    else:
        assert "--repair silver/orders" in way_back(location, first)
        assert repair(lake, ORDERS)
    assert find_damage(location, deep=True) == []
    for day in DAYS:
        write(lake, day)
    assert stored_days(lake) == DAYS
    assert find_damage(location, deep=True) == []


@pytest.mark.parametrize("damage", [lose_log, empty_commit, lose_commit, lose_file, empty_checkpoint])
def test_a_table_that_could_not_be_read_then_is_not_accepted(lake: Lake, damage: Damaging):
    damage(lake)
    before = version_file(lake).read_bytes()
    with pytest.raises(RepairError, match=r"silver/orders cannot be accepted: .*cis doctor --repair silver/orders"):
        accept_whole_table(lake.location(ORDERS))
    assert version_file(lake).read_bytes() == before


def test_a_garbled_hint_of_the_checkpoint_does_no_harm(lake: Lake):
    checkpoint(lake)
    (table_folder(lake) / "_delta_log" / "_last_checkpoint").write_bytes(b"\0{")
    write(lake, DAYS[0])
    assert stored_days(lake) == DAYS


def test_a_search_for_a_file_that_cannot_be_decoded_ends_after_so_many_bytes(lake: Lake):
    garble(lake)
    with (
        pytest.raises(TableDamagedError, match=r"A data file of silver/orders cannot be decoded .*cis doctor --deep"),
        name_unreadable_files([lake.location(ORDERS)], most_bytes=10),
    ):
        lake.scan(ORDERS).collect()


def test_an_error_of_a_computation_reads_no_file(lake: Lake, monkeypatch: pytest.MonkeyPatch):
    """Not even if a file is damaged, because the error does not come from it."""
    garble(lake)
    monkeypatch.setattr("cis_assets.lake.damage._read_data_file", None)
    with pytest.raises(PolarsError, match="conversion"), name_unreadable_files([lake.location(ORDERS)]):
        pl.Series(["x"]).cast(pl.Int64)


def test_a_file_whose_footer_was_changed_is_named(lake: Lake):
    path = data_file(lake)
    content = path.read_bytes()
    at = content.index(b"ARROW:schema") + 100
    path.write_bytes(content[:at] + b"*" * 40 + content[at + 40 :])
    with pytest.raises(TableDamagedError, match="2026-01-02"), name_unreadable_files([lake.location(ORDERS)]):
        lake.scan(ORDERS).collect()


def test_a_check_of_quarantined_dates_names_a_file_that_cannot_be_decoded(lake: Lake):
    rows = table_frame(LANDED_FILES, [{"order_date": DAYS[0], "fault": "orders.csv is empty."}])
    where = Slice.of_days(LANDED_FILES, DateRange(DAYS[0], DAYS[0]))
    PolarsEngine().replace(LANDED_FILES, lake.location(LANDED_FILES), where, LazyChunks.of([rows]))
    path = next(Path(lake.location(LANDED_FILES).uri).rglob("*.parquet"))
    content = path.read_bytes()
    path.write_bytes(content[:4] + b"\xff" * (len(content) - 8) + content[-4:])
    with pytest.raises(TableDamagedError, match=r"bronze/landed_files is damaged: order_date=2026-01-01/.* be decoded"):
        quarantined_dates(lake, [LANDED_FILES.path], DateRange(DAYS[0], DAYS[0]))


def test_a_round_trip_leaves_nothing_behind(tmp_path: Path):
    (tmp_path / "lake").mkdir()
    write_and_read_table(str(tmp_path / "lake"))
    write_and_read_table(str(tmp_path / "absent" / "lake"))
    assert [path.name for path in tmp_path.rglob("*")] == ["lake"]

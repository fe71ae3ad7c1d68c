"""Each write of a table is synced before it returns, and a table that lost something is refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from datetime import date
from pathlib import Path

import pytest
from deltalake import DeltaTable, write_deltalake

from cis_assets.catalog import silver
from cis_assets.catalog.customer_rows import Traces
from cis_assets.dates import DateRange
from cis_assets.erasure.history import remove_history
from cis_assets.erasure.tables import remove_rows
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.delta_table import open_or_create
from cis_assets.lake.engines.engine import TableAbsentError
from cis_assets.lake.engines.polars_engine import PolarsEngine
from cis_assets.lake.lake import Lake
from cis_assets.lake.log_files import read_changes
from cis_assets.lake.maintenance import maintain
from cis_assets.lake.slices import Slice
from cis_assets.lake.table_versions import TableDamagedError, accept_table, prepare_to_write, read_known_version, settle
from cis_assets.lake.write_path import UnconfirmedCommitError
from cis_assets.storage.addresses import put_text
from cis_assets.storage.durability import skip_sync
from cis_assets.storage.errors import StorageError
from cis_assets_tests.lake.writer_process import ORDERS, content, stored_versions

DAYS = DateRange(date(2026, 1, 1), date(2026, 1, 3))
ONE_DAY = DateRange(date(2026, 1, 4), date(2026, 1, 4))
WHERE = Slice.of_days(ORDERS, DAYS)
ENGINE = PolarsEngine()


class Disk:
    """What a disk would keep of a lake: each synced path with the bytes that it had then."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.synced: dict[Path, int] = {}

    def sync(self, paths: Collection[Path]) -> None:
        self.synced |= {path: path.stat().st_size for path in paths if path.exists()}

    def lost(self) -> set[str]:
        """The files, and the folders of files, that a power cut would take."""
        files = {path for path in self.root.rglob("*") if path.is_file()}
        kept = {path for path in files if self.synced.get(path) == path.stat().st_size}
        # A small file is synced under another name before it is renamed.
        kept |= {path for path in files if any(synced.name.startswith(f"{path.name}#") for synced in self.synced)}
        folders = {folder for path in files for folder in path.parents if folder.is_relative_to(self.root)}
        return {str(path.relative_to(self.root)) for path in (files - kept) | (folders - self.synced.keys())}


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path / "lake")


@pytest.fixture
def lake(disk: Disk) -> Lake:
    return Lake(str(disk.root), sync=disk.sync)


def write(lake: Lake, days: DateRange, version: int) -> None:
    rows = LazyChunks.of([content(days, version)])
    ENGINE.replace(ORDERS, lake.location(ORDERS), Slice.of_days(ORDERS, days), rows)


def append(lake: Lake) -> None:
    ENGINE.append(ORDERS, lake.location(ORDERS), WHERE, {"batch": WHERE}, LazyChunks.of([content(DAYS, 2)]))


def merge(lake: Lake) -> None:
    ENGINE.merge(ORDERS, lake.location(ORDERS), WHERE, LazyChunks.of([content(DAYS, 2)]))


def compact(lake: Lake) -> None:
    append(lake)
    maintain(ORDERS, lake.location(ORDERS), 0, force=True)


def erase(lake: Lake) -> None:
    append(lake)
    remove_rows(lake, ORDERS, Traces(frozenset({2})), lambda *_: [])
    remove_history(ORDERS, lake.location(ORDERS))


@pytest.mark.parametrize(
    "change",
    [lambda lake: write(lake, ONE_DAY, 2), append, merge, compact, erase],
    ids=["replace", "append", "merge", "compact", "erase"],
)
def test_everything_that_a_write_leaves_is_synced_before_it_returns(
    lake: Lake, disk: Disk, change: Callable[[Lake], None]
):
    write(lake, DAYS, 1)
    assert disk.lost() == set()
    assert disk.root.parent in disk.synced
    change(lake)
    assert disk.lost() == set()
    assert read_known_version(lake.location(ORDERS)).version == DeltaTable(lake.location(ORDERS).uri).version()


def test_a_created_table_is_synced_and_remembered_before_its_first_rows(lake: Lake, disk: Disk):
    open_or_create(silver.PRODUCTS, lake.location(silver.PRODUCTS))
    assert "silver/products/_delta_log/00000000000000000000.json" not in disk.lost()
    assert read_known_version(lake.location(silver.PRODUCTS)).version == 0


def test_a_checkpoint_is_synced_before_the_commits_that_it_replaces_are_removed(disk: Disk):
    order = []
    commit = disk.root / ORDERS.path / "_delta_log" / f"{0:020}.json"

    def sync(paths: Collection[Path]) -> None:
        order.extend(commit.exists() for path in paths if path.name.endswith(".checkpoint.parquet"))

    lake = Lake(str(disk.root), sync=sync)
    write(lake, DAYS, 1)
    remove_history(ORDERS, lake.location(ORDERS))
    assert order[0] is True
    assert not commit.exists()


def test_pages_and_receipts_are_synced(disk: Disk):
    put_text(str(disk.root), "system/receipts/one.json", "{}", sync=disk.sync)
    put_text(str(disk.root), "system/receipts/one.json", "{}", sync=disk.sync)
    assert disk.lost() == set()
    assert [path.name for path in disk.root.rglob("*.json*")] == ["one.json"]


def test_without_syncs_versions_are_remembered_as_well(tmp_path: Path):
    lake = Lake(str(tmp_path), sync=skip_sync)
    write(lake, DAYS, 1)
    assert read_known_version(lake.location(ORDERS)).version == newest(lake)


def test_a_torn_commit_of_a_run_that_was_cut_off_is_refused_by_readers_and_rolled_back_by_the_next_write(
    lake: Lake, caplog: pytest.LogCaptureFixture
):
    for torn in (b"", b'{"commitInfo":{"times', b"\0" * 200):
        write(lake, DAYS, 1)
        cut_off(lake, lambda log, torn=torn: log.write_bytes(torn))
        with pytest.raises(
            TableDamagedError, match=r"^silver/orders cannot be read: .*json is (empty|torn).*cis maintain"
        ):
            lake.scan(ORDERS)
        write(lake, ONE_DAY, 3)
        assert stored_versions(lake.uri) == dict.fromkeys(DAYS, 1) | {ONE_DAY.first: 3}
        assert "silver/orders: rolled back" in caplog.text
        caplog.clear()


def test_maintenance_rolls_a_torn_commit_back(lake: Lake):
    write(lake, DAYS, 1)
    cut_off(lake, lambda log: log.write_bytes(b""))
    maintain(ORDERS, lake.location(ORDERS), 168)
    assert stored_versions(lake.uri) == dict.fromkeys(DAYS, 1)


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"")], ids=["missing", "empty"])
def test_a_whole_commit_of_a_cut_off_run_without_its_data_files_is_rolled_back(
    lake: Lake, damage: Callable[[Path], object]
):
    write(lake, DAYS, 1)

    def lose_a_file(log: Path) -> None:
        added = read_changes(lake.location(ORDERS), int(log.stem)).added
        damage(Path(lake.location(ORDERS).uri, min(added)))

    cut_off(lake, lose_a_file)
    with pytest.raises(TableDamagedError, match=r"lacks its file: order_date=2026-01-01/"):
        lake.scan(ORDERS)
    write(lake, ONE_DAY, 3)
    assert stored_versions(lake.uri) == dict.fromkeys(DAYS, 1) | {ONE_DAY.first: 3}


def test_a_torn_first_commit_counts_as_no_table(lake: Lake):
    write(lake, DAYS, 1)
    log = Path(lake.location(ORDERS).uri, "_delta_log")
    for commit in log.glob("*.json"):
        commit.unlink()
    (log / f"{0:020}.json").write_bytes(b"")
    # A table is on the disk before its first data file is written.
    for file in log.parent.rglob("*.parquet"):
        file.unlink()
    forget_version(lake)
    with pytest.raises(TableAbsentError):
        lake.scan(ORDERS)
    write(lake, DAYS, 2)
    assert stored_versions(lake.uri) == dict.fromkeys(DAYS, 2)


def test_a_torn_checkpoint_that_the_log_does_not_need_is_moved_aside(lake: Lake):
    write(lake, DAYS, 1)
    DeltaTable(lake.location(ORDERS).uri).create_checkpoint()
    (checkpoint,) = Path(lake.location(ORDERS).uri, "_delta_log").glob("*.checkpoint.parquet")
    for torn in (b"", b"PAR1 but no end"):
        checkpoint.write_bytes(torn)
        write(lake, DAYS, 2)
        assert not checkpoint.exists()
        assert stored_versions(lake.uri) == dict.fromkeys(DAYS, 2)


def test_a_checkpoint_that_replaces_removed_commits_stays_when_its_own_commit_is_torn(lake: Lake):
    write(lake, DAYS, 1)
    log = Path(lake.location(ORDERS).uri, "_delta_log")
    cut_off(lake, lambda log: None)
    DeltaTable(lake.location(ORDERS).uri).create_checkpoint()
    *earlier, last = commits(log)
    for commit in earlier:
        commit.unlink()
    last.write_bytes(b"")
    prepare_to_write(lake.location(ORDERS))
    assert stored_versions(lake.uri) == dict.fromkeys(DAYS, 2)


@pytest.mark.parametrize("clean_up", [lambda lake: compact(lake), lambda lake: erase(lake)], ids=["maintain", "erase"])
def test_the_commit_of_a_checkpoint_is_synced_before_the_earlier_commits_are_removed(
    lake: Lake, clean_up: Callable[[Lake], None], monkeypatch: pytest.MonkeyPatch
):
    write(lake, DAYS, 1)
    clean_up_log, known = DeltaTable.cleanup_metadata, []

    def observe(stored: DeltaTable) -> None:
        known.append(read_known_version(lake.location(ORDERS)).version == stored.version())
        clean_up_log(stored)

    monkeypatch.setattr(DeltaTable, "cleanup_metadata", observe)
    clean_up(lake)
    assert known
    assert all(known)


def test_a_whole_commit_that_no_version_remembers_stays(lake: Lake):
    write(lake, DAYS, 1)
    cut_off(lake, lambda log: None)
    assert stored_versions(lake.uri) == dict.fromkeys(DAYS, 2)
    write(lake, ONE_DAY, 3)
    assert stored_versions(lake.uri) == dict.fromkeys(DAYS, 2) | {ONE_DAY.first: 3}
    assert read_known_version(lake.location(ORDERS)).version == newest(lake)


def test_a_lake_without_remembered_versions_is_remembered_by_its_next_write(lake: Lake, disk: Disk):
    write(lake, DAYS, 1)
    forget_version(lake)
    disk.synced.clear()
    write(lake, ONE_DAY, 2)
    assert read_known_version(lake.location(ORDERS)).version == newest(lake)
    assert not any(name.startswith("silver") for name in disk.lost())


def remove_log(log: Path) -> None:
    for commit in log.iterdir():
        commit.unlink()
    log.rmdir()


LOST = {
    "the log": (remove_log, r"silver/orders has lost commits: version \d was written, and there is no commit"),
    "the newest commit": (lambda log: commits(log)[-1].unlink(), r"silver/orders has lost commits: .* its log ends at"),
    "what the newest commit said": (
        lambda log: commits(log)[-1].write_bytes(b""),
        r"silver/orders is damaged: .*json is empty",
    ),
    "a part of the newest commit": (
        cut_in_half := lambda log: commits(log)[-1].write_bytes(commits(log)[-1].read_bytes()[:300]),
        r"silver/orders is damaged: .*json is torn",
    ),
    "lines of the newest commit": (
        lambda log: drop_line(commits(log)[-1]),
        r"silver/orders is damaged: .*json has \d+ bytes instead of",
    ),
    "a commit between others": (
        lambda log: commits(log)[1].unlink(),
        r"silver/orders is damaged: .*0001.json is missing",
    ),
    "the first commit": (
        lambda log: commits(log)[0].unlink(),
        r"silver/orders is damaged: .*0001.json is the oldest commit",
    ),
}


@pytest.mark.parametrize("lost", LOST)
def test_reads_and_writes_of_a_table_that_lost_commits_name_it_and_what_is_lost(lake: Lake, lost: str):
    damage, words = LOST[lost]
    write(lake, DAYS, 1)
    damage(Path(lake.location(ORDERS).uri, "_delta_log"))
    for attempt in (lambda: lake.scan(ORDERS), lambda: lake.exists(ORDERS), lambda: write(lake, ONE_DAY, 2)):
        with pytest.raises(TableDamagedError, match=words) as refused:
            attempt()
        assert "cis doctor" in str(refused.value)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (Path.unlink, "is missing"),
        (lambda path: path.write_bytes(b""), r"has 0 bytes instead of \d+"),
        (lambda path: path.write_bytes(path.read_bytes()[:100]), r"has 100 bytes instead of \d+"),
    ],
)
def test_a_write_to_a_table_that_lost_a_data_file_is_refused(lake: Lake, damage: Callable[[Path], object], words: str):
    write(lake, DAYS, 1)
    before = newest(lake)
    damage(Path(DeltaTable(lake.location(ORDERS).uri).file_uris()[0]))
    with pytest.raises(
        TableDamagedError, match=f"Nothing was written to silver/orders: its file order_date=.* {words}"
    ):
        write(lake, ONE_DAY, 2)
    assert newest(lake) == before


def test_a_table_that_moved_away_can_be_accepted_and_written_anew(lake: Lake, tmp_path: Path):
    write(lake, DAYS, 1)
    Path(lake.location(ORDERS).uri).rename(tmp_path / "aside")
    with pytest.raises(TableDamagedError, match="cis doctor --repair silver/orders"):
        write(lake, ONE_DAY, 2)
    assert accept_table(lake.location(ORDERS)) is None
    write(lake, ONE_DAY, 2)
    assert stored_versions(lake.uri) == {ONE_DAY.first: 2}


def test_an_accepted_table_goes_on_from_its_last_whole_commit(lake: Lake):
    write(lake, DAYS, 1)
    write(lake, DAYS, 2)
    commits(Path(lake.location(ORDERS).uri, "_delta_log"))[-1].write_bytes(b"")
    assert accept_table(lake.location(ORDERS)) == newest(lake) - 1
    write(lake, ONE_DAY, 3)
    assert stored_versions(lake.uri) == dict.fromkeys(DAYS, 1) | {ONE_DAY.first: 3}


def test_a_damaged_memory_of_a_version_is_named_and_can_be_accepted(lake: Lake, disk: Disk):
    write(lake, DAYS, 1)
    (disk.root / "system/table_versions/silver.orders.json").write_bytes(b"\0\0")
    with pytest.raises(TableDamagedError, match=r"system/table_versions/silver.orders.json .* is damaged"):
        lake.scan(ORDERS)
    assert accept_table(lake.location(ORDERS)) == newest(lake)
    write(lake, ONE_DAY, 2)


def fail_to_remember(location: object, known: object) -> None:
    raise StorageError("Remembering version 2 of silver/orders failed: no space left on device.")


def fail_to_sync(paths: object) -> None:
    raise OSError("Input/output error")


@pytest.mark.parametrize(
    "change", [append, merge, lambda lake: write(lake, DAYS, 2)], ids=["append", "merge", "replace"]
)
@pytest.mark.parametrize("fails_in", ["sync", "memory"])
def test_a_write_that_is_not_known_to_be_durable_fails_and_writes_no_row_twice_when_it_runs_again(
    lake: Lake, disk: Disk, change: Callable[[Lake], None], fails_in: str, monkeypatch: pytest.MonkeyPatch
):
    write(lake, DAYS, 1)
    with monkeypatch.context() as broken:
        if fails_in == "memory":
            broken.setattr("cis_assets.lake.table_versions._remember", fail_to_remember)
        failing = Lake(lake.uri, sync=fail_to_sync if fails_in == "sync" else lake.sync)
        words = r"^silver/orders has the new rows, but .* Then run it again: no row is written twice\.$"
        with pytest.raises(UnconfirmedCommitError, match=words):
            change(failing)
    rows = lake.scan(ORDERS).collect().height
    change(lake)
    assert lake.scan(ORDERS).collect().height == rows
    assert disk.lost() == set()
    assert read_known_version(lake.location(ORDERS)).version == newest(lake)


def test_damage_up_to_the_last_known_version_rolls_no_later_commit_back(lake: Lake):
    write(lake, ONE_DAY, 1)
    added = min(read_changes(lake.location(ORDERS), newest(lake)).added)
    write(lake, DAYS, 1)
    cut_off(lake, lambda log: None)
    log = Path(lake.location(ORDERS).uri, "_delta_log")
    before = commits(log)
    for damage in (Path(log.parent, added).unlink, lambda: before[1].write_bytes(b"")):
        damage()
        with pytest.raises(TableDamagedError, match=r"silver/orders.*cis doctor"):
            write(lake, DAYS, 3)
        assert commits(log) == before


def test_a_whole_first_commit_that_no_version_remembers_is_not_rolled_back_for_a_lost_file(lake: Lake):
    location = lake.location(ORDERS)
    write_deltalake(location.uri, content(DAYS, 1).to_arrow(), partition_by=["order_date"])
    Path(location.uri, min(read_changes(location, 0).added)).unlink()
    with pytest.raises(TableDamagedError, match="silver/orders"):
        write(lake, ONE_DAY, 2)
    assert newest(lake) == 0


def test_a_lake_of_an_earlier_version_with_a_torn_commit_that_a_checkpoint_replaces_is_written(lake: Lake):
    write(lake, DAYS, 1)
    DeltaTable(lake.location(ORDERS).uri).create_checkpoint()
    *earlier, last = commits(Path(lake.location(ORDERS).uri, "_delta_log"))
    for commit in earlier:
        commit.unlink()
    last.write_bytes(b"")
    forget_version(lake)
    write(lake, ONE_DAY, 2)
    assert stored_versions(lake.uri) == dict.fromkeys(DAYS, 1) | {ONE_DAY.first: 2}
    assert read_known_version(lake.location(ORDERS)).version == newest(lake)


def test_a_commit_after_a_gap_does_not_count_as_done(lake: Lake):
    write(lake, DAYS, 1)
    before = disk_version(lake).read_text()
    write(lake, DAYS, 2)
    write(lake, DAYS, 3)
    disk_version(lake).write_text(before)
    commits(Path(lake.location(ORDERS).uri, "_delta_log"))[-2].unlink()
    with pytest.raises(TableDamagedError, match=r"is missing.*cis doctor"):
        settle(lake.location(ORDERS))
    assert disk_version(lake).read_text() == before


def cut_off(lake: Lake, damage: Callable[[Path], object]) -> None:
    """Leave what a power cut leaves of a run that replaced all days and was cut off before its end."""
    version = disk_version(lake)
    before = version.read_text()
    write(lake, DAYS, 2)
    damage(commits(Path(lake.location(ORDERS).uri, "_delta_log"))[-1])
    version.write_text(before)


def disk_version(lake: Lake) -> Path:
    return Path(lake.uri, "system/table_versions/silver.orders.json")


def forget_version(lake: Lake) -> None:
    disk_version(lake).unlink()


def newest(lake: Lake) -> int:
    return int(commits(Path(lake.location(ORDERS).uri, "_delta_log"))[-1].stem)


def commits(log: Path) -> list[Path]:
    return sorted(log.glob("*.json"))


def drop_line(commit: Path) -> None:
    lines = commit.read_text().splitlines()
    assert all(json.loads(line) for line in lines)
    commit.write_text("\n".join(lines[:-1]))

"""Writers that are killed at any moment: a table is as it was or as it was to be, and the next write finds nothing in
its way.

The moments are drawn at random (with a seed) over the length of some writes. What they hit is told from the files that
lie there afterwards, and each test asserts that it met what it is about.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from statistics import median

import pytest

from cis_assets.dates import DateRange
from cis_assets.lake.lake import Lake
from cis_assets.lake.maintenance import maintain
from cis_assets_tests.lake.writer_process import (
    ORDERS,
    Ended,
    Kill,
    Writer,
    Writers,
    content,
    replace_days,
    stored_versions,
    writer_processes,
)

pytestmark = pytest.mark.slow

UNTIL_KILLED = 100_000
OTHER_DAY = DateRange(date(2025, 12, 31), date(2025, 12, 31))
ONE_DAY = DateRange(date(2026, 1, 1), date(2026, 1, 1))
# Many files in one commit, so that many a kill comes between the first file and the commit.
MANY_DAYS = DateRange(date(2026, 1, 1), date(2026, 1, 28))


@pytest.fixture(scope="module")
def writers() -> Iterator[Writers]:
    with writer_processes() as running:
        yield running


@pytest.mark.parametrize(
    ("days", "kills", "meet"),
    [(ONE_DAY, 24, {"before its files"}), (MANY_DAYS, 32, {"before its files", "between its files and its commit"})],
    ids=["a day", "a range"],
)
def test_a_killed_writer_leaves_the_old_rows_or_the_new_ones_and_nothing_in_the_way(
    writers: Writers, tmp_path: Path, days: DateRange, kills: int, meet: set[str]
):
    lake_uri = str(tmp_path)
    replace_days(lake_uri, OTHER_DAY, content(OTHER_DAY, 1))
    (calm,) = writers.run(lake_uri, Writer.of(days, range(8)))
    moments = random.Random(f"{days}")
    met: Counter[str] = Counter()
    version = 7
    # Until there were enough of them, and they met more than what they must.
    while met.total() < kills or not meet < met.keys():
        assert met.total() < 5 * kills, f"The kills met only {dict(met)}."
        before = data_files(tmp_path)
        kill = Kill(moments.uniform(0, 3 * median(calm.seconds)), after="ended")
        (end,) = writers.run(lake_uri, Writer.of(days, range(version + 1, UNTIL_KILLED)), kill=kill)
        assert end.code == -9, end.said
        version = one_version(lake_uri, days)
        # What was reported as written is there; what was not may be, as a whole.
        assert version in {end.finished, end.begun}
        met[moment(end, version, data_files(tmp_path) - before - logged_files(tmp_path))] += 1
        version += 1
        replace_days(lake_uri, days, content(days, version))
        assert one_version(lake_uri, days) == version


def test_a_writer_killed_while_it_makes_a_table_is_healed_by_the_next_one(writers: Writers, tmp_path: Path):
    (calm,) = writers.run(str(tmp_path / "calm"), Writer.of(ONE_DAY, range(1)))
    moments = random.Random("first writes")
    left: Counter[str] = Counter()
    while left.total() < 16 or left.keys() != {"nothing", "a table"}:
        assert left.total() < 80, f"The kills left only {dict(left)}."
        lake_uri = str(tmp_path / str(left.total()))
        kill = Kill(moments.uniform(0, 1.2 * calm.seconds[0]), after="began")
        (end,) = writers.run(lake_uri, Writer.of(ONE_DAY, range(1, UNTIL_KILLED)), kill=kill)
        assert end.code == -9, end.said
        log = list(Path(lake_uri, ORDERS.path, "_delta_log").glob("*.json"))
        left["a table" if log else "nothing"] += 1
        assert end.finished is None or stored_versions(lake_uri)[ONE_DAY.first] in {end.finished, end.begun}
        replace_days(lake_uri, ONE_DAY, content(ONE_DAY, 7))
        assert stored_versions(lake_uri) == {ONE_DAY.first: 7}


def test_files_that_killed_writers_left_go_with_maintenance(writers: Writers, tmp_path: Path):
    lake_uri = str(tmp_path)
    replace_days(lake_uri, OTHER_DAY, content(OTHER_DAY, 1))
    (calm,) = writers.run(lake_uri, Writer.of(MANY_DAYS, range(4)))
    moments = random.Random("vacuum")
    orphans: set[str] = set()
    for _ in range(60):
        kill = Kill(moments.uniform(0, 2 * median(calm.seconds)), after="ended")
        writers.run(lake_uri, Writer.of(MANY_DAYS, range(UNTIL_KILLED)), kill=kill)
        orphans = data_files(tmp_path) - logged_files(tmp_path)
        if orphans:
            break
    assert orphans, "No kill left a file behind."
    version = one_version(lake_uri, MANY_DAYS)
    maintain(ORDERS, Lake(lake_uri).location(ORDERS), retention_hours=0, force=True)
    assert not orphans & data_files(tmp_path)
    assert one_version(lake_uri, MANY_DAYS) == version


def one_version(lake_uri: str, days: DateRange) -> int:
    """The one version that all of `days` hold; no other day is touched."""
    versions = stored_versions(lake_uri)
    assert versions.pop(OTHER_DAY.first) == 1
    assert versions.keys() == set(days)
    (version,) = set(versions.values())
    return version


def moment(end: Ended, version: int, orphans: set[str]) -> str:
    """What the writer was about when it was killed."""
    if end.begun == end.finished:
        return "between two writes"
    if version == end.begun:
        return "after its commit"
    return "between its files and its commit" if orphans else "before its files"


def data_files(folder: Path) -> set[str]:
    """Data files that lie there, relative to the table."""
    table = folder / ORDERS.path
    return {str(path.relative_to(table)) for path in table.glob("order_date=*/*")}


def logged_files(folder: Path) -> set[str]:
    """Data files that some commit of the table names."""
    logs = sorted((folder / ORDERS.path / "_delta_log").glob("*.json"))
    return {path for log in logs for path in _added(log)}


def _added(log: Path) -> list[str]:
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    return [entry["add"]["path"] for entry in entries if "add" in entry]

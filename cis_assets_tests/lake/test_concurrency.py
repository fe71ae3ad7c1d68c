"""Processes that write to one table at the same time: nothing is lost, and readers never see half a write."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from deltalake import DeltaTable

from cis_assets.dates import DateRange
from cis_assets.lake.lake import Lake
from cis_assets_tests.lake.writer_process import (
    ORDERS,
    Writer,
    Writers,
    content,
    replace_days,
    stored_versions,
    writer_processes,
)

DAYS = [date(2026, 1, number) for number in range(1, 5)]
TIMES = 25


@pytest.fixture(scope="module")
def writers() -> Iterator[Writers]:
    with writer_processes() as running:
        yield running


def test_writers_of_different_days_all_succeed_and_no_row_is_lost(writers: Writers, tmp_path: Path):
    write_different_days(writers, str(tmp_path))


def test_writers_of_the_same_day_all_succeed_and_the_last_one_stands_whole(writers: Writers, tmp_path: Path):
    write_the_same_day(writers, str(tmp_path))


def test_first_writes_at_the_same_time_all_stay(writers: Writers, tmp_path: Path):
    for number in range(5):
        make_a_table_together(writers, str(tmp_path / str(number)))


def test_appends_to_the_same_day_at_the_same_time_are_all_there_once(writers: Writers, tmp_path: Path):
    append_to_the_same_day(writers, str(tmp_path), times=10)


def test_a_reader_sees_whole_versions_while_days_are_replaced(writers: Writers, tmp_path: Path):
    read_while_writing(writers, str(tmp_path), times=TIMES)


def write_different_days(writers: Writers, lake_uri: str) -> None:
    ends = writers.run(lake_uri, *(Writer.of(DateRange(day, day), range(TIMES)) for day in DAYS))
    assert [(end.code, end.finished, end.said) for end in ends] == [(0, TIMES - 1, "")] * len(DAYS)
    assert stored_versions(lake_uri) == dict.fromkeys(DAYS, TIMES - 1)
    assert commits(lake_uri) == TIMES * len(DAYS), "Writers of different days had to repeat a write."


def write_the_same_day(writers: Writers, lake_uri: str) -> None:
    """Each writer has versions of its own, so the day tells whose write came last."""
    day = DateRange(DAYS[0], DAYS[0])
    ends = writers.run(lake_uri, *(Writer.of(day, range(first, first + TIMES)) for first in (0, 100, 200, 300)))
    assert [(end.code, end.said) for end in ends] == [(0, "")] * 4
    assert [end.finished for end in ends] == [first + TIMES - 1 for first in (0, 100, 200, 300)]
    (version,) = stored_versions(lake_uri).values()
    assert version in {end.finished for end in ends}
    assert commits(lake_uri) == TIMES * 4


def make_a_table_together(writers: Writers, lake_uri: str) -> None:
    ends = writers.run(lake_uri, *(Writer.of(DateRange(day, day), range(1, 2)) for day in DAYS))
    assert [(end.code, end.said) for end in ends] == [(0, "")] * len(DAYS)
    assert stored_versions(lake_uri) == dict.fromkeys(DAYS, 1)


def append_to_the_same_day(writers: Writers, lake_uri: str, times: int) -> None:
    """Two writers share their batches, as a run and its double would; each batch must be there once."""
    day = DateRange(DAYS[0], DAYS[0])
    ends = writers.run(
        lake_uri, *(Writer.of(day, range(first, first + times), "append") for first in (0, 100, 200, 200))
    )
    assert [(end.code, end.said) for end in ends] == [(0, "")] * 4
    versions = [first + number for first in (0, 100, 200) for number in range(times)]
    stored = Lake(lake_uri).scan(ORDERS).group_by("customer_id").len().collect()
    assert dict(stored.iter_rows()) == {version: content(day, version).height for version in versions}


def read_while_writing(writers: Writers, lake_uri: str, times: int) -> None:
    """Each writer replaces two days in one commit, so both must always hold the same version."""
    spans = (DateRange(DAYS[0], DAYS[1]), DateRange(DAYS[2], DAYS[3]))
    for span in spans:
        replace_days(lake_uri, span, content(span, 0))
    seen = set()
    writers.begin(lake_uri, *(Writer.of(span, range(1, times + 1)) for span in spans))
    while writers.are_writing():
        versions = stored_versions(lake_uri)
        for span in spans:
            assert len({versions[day] for day in span}) == 1, f"{span} was read half way: {versions}"
        seen.update(versions.values())
    assert [end.code for end in writers.ends()] == [0, 0]
    assert len(seen) > 2, "The reader never read between two writes."


def commits(lake_uri: str) -> int:
    """How many writes are in the table's log."""
    location = Lake(lake_uri).location(ORDERS)
    history = DeltaTable(location.uri, storage_options=dict(location.storage_options)).history()
    return sum(entry["operation"] == "WRITE" for entry in history)

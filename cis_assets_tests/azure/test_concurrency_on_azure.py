"""Processes that write to one table in Azure's protocol at the same time, and some that are killed, as in a local folder."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator

import pytest

from cis_assets_tests.lake.test_concurrency import (
    append_to_the_same_day,
    make_a_table_together,
    read_while_writing,
    write_different_days,
    write_the_same_day,
)
from cis_assets_tests.lake.test_killed_writers import MANY_DAYS, OTHER_DAY, UNTIL_KILLED, one_version
from cis_assets_tests.lake.writer_process import Kill, Writer, Writers, content, replace_days, writer_processes

pytestmark = pytest.mark.azure


@pytest.fixture(scope="module")
def writers() -> Iterator[Writers]:
    with writer_processes() as running:
        yield running


@pytest.fixture
def lake_uri(azure_uri: str) -> str:
    return f"{azure_uri}/{uuid.uuid4().hex}"


def test_writers_of_different_days_all_succeed_and_no_row_is_lost(writers: Writers, lake_uri: str):
    write_different_days(writers, lake_uri)


def test_writers_of_the_same_day_all_succeed_and_the_last_one_stands_whole(writers: Writers, lake_uri: str):
    write_the_same_day(writers, lake_uri)


def test_first_writes_at_the_same_time_all_stay(writers: Writers, lake_uri: str):
    for number in range(3):
        make_a_table_together(writers, f"{lake_uri}/{number}")


def test_appends_to_the_same_day_at_the_same_time_are_all_there_once(writers: Writers, lake_uri: str):
    append_to_the_same_day(writers, lake_uri, times=5)


def test_a_reader_sees_whole_versions_while_days_are_replaced(writers: Writers, lake_uri: str):
    read_while_writing(writers, lake_uri, times=10)


def test_a_killed_writer_leaves_the_old_rows_or_the_new_ones_and_nothing_in_the_way(writers: Writers, lake_uri: str):
    replace_days(lake_uri, OTHER_DAY, content(OTHER_DAY, 1))
    (calm,) = writers.run(lake_uri, Writer.of(MANY_DAYS, range(4)))
    moments = random.Random("azure")
    version = 3
    kills = unfinished = 0
    while kills < 12 or not unfinished:
        assert kills < 60, "No kill came in the middle of a write."
        kill = Kill(moments.uniform(0, 2 * max(calm.seconds[1:])), after="ended")
        (end,) = writers.run(lake_uri, Writer.of(MANY_DAYS, range(version + 1, UNTIL_KILLED)), kill=kill)
        assert end.code == -9, end.said
        version = one_version(lake_uri, MANY_DAYS)
        assert version in {end.finished, end.begun}
        kills += 1
        unfinished += version != end.begun
        version += 1
        replace_days(lake_uri, MANY_DAYS, content(MANY_DAYS, version))
        assert one_version(lake_uri, MANY_DAYS) == version

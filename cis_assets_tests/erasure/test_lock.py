"""The lock of an erasure holds against a running process, and never blocks without naming the way out."""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import obstore
import pytest
from obstore.store import MemoryStore

from cis_assets.erasure.lock import LOCK, ErasureInProgressError, hold_erasure_lock
from cis_assets.lake.lake import Lake


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    (tmp_path / "system").mkdir()
    return Lake(str(tmp_path))


@pytest.fixture
def running() -> Iterator[int]:
    process = subprocess.Popen(["sleep", "60"])
    yield process.pid
    process.kill()
    process.wait()


def mark(lake: Lake, **values: object) -> Path:
    path = Path(lake.uri, LOCK)
    here = {"host": socket.gethostname(), "since": datetime.now(UTC).isoformat()}
    path.write_text(json.dumps(here | values))
    return path


def is_taken_over(lake: Lake) -> bool:
    with hold_erasure_lock(lake):
        return json.loads(Path(lake.uri, LOCK).read_text())["process"] == os.getpid()


def refuse(lake: Lake) -> str:
    with pytest.raises(ErasureInProgressError) as refused, hold_erasure_lock(lake):
        pass
    return str(refused.value)


def write_own_mark(lake: Lake) -> dict:
    with hold_erasure_lock(lake):
        return json.loads(Path(lake.uri, LOCK).read_text())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 80,
        b'{"host": "a',
        b"[]",
        b"null",
        b"3",
        b"{}",
        b'{"host":"a","process":"x","since":"y"}',
        b"\xff",
    ],
)
def test_a_damaged_mark_is_replaced_and_named(lake: Lake, content: bytes, caplog: pytest.LogCaptureFixture):
    path = Path(lake.uri, LOCK)
    path.write_bytes(content)
    assert is_taken_over(lake)
    assert re.search(rf"{re.escape(str(path))} is (damaged|empty), so it belongs to no process", caplog.text)
    assert not path.exists()


def test_a_running_process_keeps_the_lock(lake: Lake, running: int):
    path = mark(lake, process=running)
    with (
        pytest.raises(ErasureInProgressError, match=rf"process {running} on .*delete {path} with `rm {path}`"),
        hold_erasure_lock(lake),
    ):
        pass
    assert path.exists()


def test_a_process_that_started_after_the_mark_is_another(lake: Lake, running: int):
    mark(lake, process=running, since=(datetime.now(UTC) - timedelta(hours=1)).isoformat())
    assert is_taken_over(lake)


@pytest.mark.parametrize("change", [{"ticks": 1}, {"boot": "another boot"}])
def test_a_process_with_another_start_than_the_marks_is_another(lake: Lake, running: int, change: dict):
    started = write_own_mark(lake)["started"]
    mark(lake, process=running, started=started | change)
    assert is_taken_over(lake)


def test_a_process_of_another_machine_is_never_taken_over(lake: Lake):
    path = mark(lake, process=1, host="another", since="2020-01-01T00:00:00+00:00")
    with (
        pytest.raises(ErasureInProgressError, match=rf"on another,.*delete {path} with `rm {path}`"),
        hold_erasure_lock(lake),
    ):
        pass


@pytest.mark.parametrize("process", [0, -1, 2**22 + 1, 2**70])
def test_a_mark_of_a_process_that_is_gone_is_replaced_and_named(
    lake: Lake, process: int, caplog: pytest.LogCaptureFixture
):
    mark(lake, process=process)
    assert is_taken_over(lake)
    assert f"is of a process that is gone (erasure, process {process} on" in caplog.text


def test_an_earlier_mark_with_the_number_of_this_process_is_of_another(lake: Lake):
    mark(lake, process=os.getpid(), started=write_own_mark(lake)["started"])
    assert is_taken_over(lake)


def test_threads_of_one_process_exclude_each_other(lake: Lake):
    with hold_erasure_lock(lake, "repair of gold/notifications"):
        assert f"repair of gold/notifications, process {os.getpid()}" in refuse(lake)
    assert is_taken_over(lake)


def test_only_the_owner_removes_a_mark(lake: Lake):
    path = Path(lake.uri, LOCK)
    with hold_erasure_lock(lake):
        path.unlink()
        mark(lake, process=1, host="another")
    assert json.loads(path.read_text())["host"] == "another"


RACER = """
import sys, time
from pathlib import Path
from cis_assets.erasure.lock import LOCK, ErasureInProgressError, hold_erasure_lock
from cis_assets.lake.lake import Lake
lake, turns = Lake(sys.argv[1]), int(sys.argv[2])
alone = Path(lake.uri, "alone")
while turns:
    try:
        with hold_erasure_lock(lake):
            alone.mkdir()
            stale = Path(lake.uri, LOCK).read_text().replace('"process": ', '"process": 9999999')
            time.sleep(0.001)
            alone.rmdir()
            # As after a kill: the mark stays, and its process is gone.
            Path(lake.uri, LOCK).write_text(stale)
        turns -= 1
    except ErasureInProgressError:
        pass
"""


def test_one_of_several_processes_takes_over_the_mark_of_a_killed_one(lake: Lake):
    mark(lake, process=9_999_999)
    racers = [
        subprocess.Popen([sys.executable, "-c", RACER, lake.uri, "25"], stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = [racer.communicate()[1] for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * 3, said


@pytest.fixture
def container(monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    """A store that replaces files on a condition, as Azure Storage does and a local folder does not."""
    store = MemoryStore()
    monkeypatch.setattr("cis_assets.erasure.lock.object_store", lambda *_, **__: store)
    return store


IN_AZURE = Lake("abfss://shop@account.dfs.core.windows.net/lake")


def put_mark(store: MemoryStore, **values: object) -> None:
    here = {"host": socket.gethostname(), "since": datetime.now(UTC).isoformat()}
    obstore.put(store, LOCK, json.dumps(here | values).encode())


@pytest.mark.parametrize("content", [b"", b"\x00" * 8, b"{}"])
def test_a_damaged_mark_in_a_container_is_replaced(container: MemoryStore, content: bytes):
    obstore.put(container, LOCK, content)
    with hold_erasure_lock(IN_AZURE):
        assert json.loads(bytes(obstore.get(container, LOCK).bytes()))["process"] == os.getpid()
    assert not [meta for batch in obstore.list(container) for meta in batch]


def test_a_mark_in_a_container_is_removed_with_the_command_that_is_named(container: MemoryStore):
    put_mark(container, process=1, host="another")
    assert "--account-name account --container-name shop --name lake/system/erasure_in_progress.json" in refuse(
        IN_AZURE
    )
    assert obstore.head(container, LOCK)


def test_only_the_owner_removes_a_mark_in_a_container(container: MemoryStore):
    with hold_erasure_lock(IN_AZURE):
        assert "erasure, process" in refuse(IN_AZURE)
        put_mark(container, process=1, host="another")
    assert json.loads(bytes(obstore.get(container, LOCK).bytes()))["host"] == "another"


def test_a_mark_in_a_container_that_another_process_took_over_first_is_left(
    container: MemoryStore, monkeypatch: pytest.MonkeyPatch
):
    put_mark(container, process=9_999_999)
    warn = logging.Logger.warning

    def be_slower(logger: logging.Logger, *arguments: object) -> None:
        put_mark(container, process=1, host="another")
        warn(logger, *arguments)

    monkeypatch.setattr(logging.Logger, "warning", be_slower)
    assert "on another" in refuse(IN_AZURE)

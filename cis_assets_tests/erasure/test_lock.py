"""The lock of an erasure holds against a running process, and never blocks without naming the way out."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

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
def test_a_damaged_mark_names_the_file_to_delete(lake: Lake, content: bytes):
    path = Path(lake.uri, LOCK)
    path.write_bytes(content)
    with (
        pytest.raises(ErasureInProgressError, match=rf"damaged.*delete {re.escape(str(path))}"),
        hold_erasure_lock(lake),
    ):
        pass
    assert path.read_bytes() == content
    path.unlink()
    assert is_taken_over(lake)


def test_a_running_process_keeps_the_lock(lake: Lake, running: int):
    path = mark(lake, process=running)
    with pytest.raises(ErasureInProgressError, match=rf"process {running} on .*delete {path}"), hold_erasure_lock(lake):
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
    with pytest.raises(ErasureInProgressError, match=rf"on another\).*delete {path}"), hold_erasure_lock(lake):
        pass

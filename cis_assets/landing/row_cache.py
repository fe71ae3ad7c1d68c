"""Rows that were read to judge a file, kept until they are written: in memory while there is room, then on local disk.

A file must be read whole before anything of its date may be written. Rows that are kept need not be read and judged again
for that, and are those that were judged even if the file changes meanwhile. On disk they are in a temporary file, which
the system deletes when the process ends, however it ends.
"""

import io
import tempfile
from collections.abc import Sequence
from functools import partial
from threading import Lock
from typing import BinaryIO

import polars as pl

from cis_assets.errors import OperatorError

_BYTES = 256 * 1024 * 1024


class NoRoomError(OperatorError):
    """The rows of landing files find no room on local disk."""


class RowCache:
    """The rows of the files that one reading goes through, which may be kept by several threads."""

    def __init__(self, room: int = _BYTES) -> None:
        self._room = room
        self._lock = Lock()
        self._disk: BinaryIO | None = None

    def keep(self, frames: Sequence[pl.DataFrame]) -> list[pl.LazyFrame]:
        """The same rows, from where they are kept; NoRoomError if they find no room.

        The frames may be views of one: all of them are kept in memory or none, since one would keep it there whole.
        """
        size = sum(rows.estimated_size() for rows in frames)
        with self._lock:
            if size <= self._room:
                self._room -= size
                return [rows.lazy() for rows in frames]
        return [self._keep_on_disk(rows) for rows in frames]

    def _keep_on_disk(self, rows: pl.DataFrame) -> pl.LazyFrame:
        packed = io.BytesIO()
        rows.write_ipc(packed, compression="lz4")
        begin = self._append(packed.getbuffer())
        return pl.defer(partial(self._load, begin, packed.tell()), schema=dict(rows.schema))

    def _append(self, packed: memoryview) -> int:
        try:
            with self._lock:
                if self._disk is None:
                    self._disk = tempfile.TemporaryFile(prefix="cis-landed-")  # noqa: SIM115 - as long as the rows
                begin = self._disk.seek(0, io.SEEK_END)
                self._disk.write(packed)
                self._disk.flush()
                return begin
        except OSError as error:
            raise NoRoomError(
                f"The rows of the landing files find no room on local disk ({error.strerror or error}): point the variable "
                "TMPDIR to a folder with more room, or read fewer dates at once."
            ) from error

    def _load(self, begin: int, length: int) -> pl.DataFrame:
        with self._lock:
            if self._disk is None:
                raise ValueError("Nothing was kept on disk.")
            self._disk.seek(begin)
            packed = self._disk.read(length)
        return pl.read_ipc(io.BytesIO(packed))

"""Caches the rows of files between reading and writing: in memory while there is room, then on local disk.

A file must be read whole before any row of its date is written. Cached rows are not read again, so a file that changes
meanwhile does not matter. The rows on disk are in a temporary file, which the system deletes when the process ends.
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
    """Local disk has no room for the rows of landing files."""


class RowCache:
    """The cached rows of one reading; several threads may use it."""

    def __init__(self, room: int = _BYTES) -> None:
        self._room = room
        self._lock = Lock()
        self._disk: BinaryIO | None = None

    def keep(self, frames: Sequence[pl.DataFrame]) -> list[pl.LazyFrame]:
        """Cache the rows of files, and return them from the cache; NoRoomError if local disk is full.

        The frames may be views of one frame. So all of them are cached in memory or none: one view would keep the whole
        frame in memory.
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
                f"Local disk has no room for the rows of the landing files ({error.strerror or error}): set the variable "
                "TMPDIR to a folder with more room, or read fewer dates at once."
            ) from error

    def _load(self, begin: int, length: int) -> pl.DataFrame:
        with self._lock:
            if self._disk is None:
                raise ValueError("Nothing was cached on disk.")
            self._disk.seek(begin)
            packed = self._disk.read(length)
        return pl.read_ipc(io.BytesIO(packed))

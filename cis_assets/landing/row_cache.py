"""Rows that were read to judge a file, kept in memory until they are written, as far as there is room for them.

A file must be read whole before anything of its date may be written. What still has room need not be read again for
that; the rest is, from where it landed, so that a long range needs no more memory than a short one.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

_BYTES = 256 * 1024 * 1024


class RowCache:
    """Room for the rows of the files that one reading goes through."""

    def __init__(self, room: int = _BYTES) -> None:
        self._room = room

    def keep(self, rows: pl.DataFrame, again: Callable[[], pl.LazyFrame]) -> pl.LazyFrame:
        """The rows as they are if there is room for them; otherwise what reads the same rows `again`."""
        size = rows.estimated_size()
        if size > self._room:
            return again()
        self._room -= size
        return rows.lazy()

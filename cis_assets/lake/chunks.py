"""Lazy frames that together make up a slice and are computed one after another.

A single plan that scans hundreds of files, or repeats a transformation for hundreds of days, holds all of them open at
once. In chunks, a range of any length needs no more memory than its largest chunk, and is still written in one commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import narwhals as nw
import polars as pl


@dataclass(frozen=True)
class LazyChunks:
    """Lazy frames with the same columns, in the order in which they are computed.

    `observe`, if given, is called with each computed batch of rows before it is written.
    """

    frames: tuple[nw.LazyFrame, ...]
    observe: Callable[[pl.DataFrame], None] | None = None

    @classmethod
    def of(cls, frames: Iterable[pl.LazyFrame | pl.DataFrame | nw.LazyFrame]) -> LazyChunks:
        return cls(
            tuple(frame if isinstance(frame, nw.LazyFrame) else nw.from_native(frame.lazy()) for frame in frames)
        )

    def map_polars(self, function: Callable[[pl.LazyFrame], pl.LazyFrame]) -> LazyChunks:
        """Apply a function to every chunk."""
        return LazyChunks.of(function(frame.to_native()) for frame in self.frames)

    def whole(self) -> pl.LazyFrame:
        """Concatenate the chunks, for a few small ones."""
        return pl.concat([frame.to_native() for frame in self.frames])

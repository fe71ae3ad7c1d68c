"""Frames that make up a slice together and are computed one after another.

A plan that scans hundreds of files or repeats a transformation for hundreds of days would hold all of them open at
once; in parts, a range of any length needs no more memory than its largest part, and is still written in one commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import narwhals as nw
import polars as pl


@dataclass(frozen=True)
class LazyChunks:
    """Lazy frames with the same columns, in the order in which they are computed.

    `observe`, if given, is shown each batch of rows that was computed, on its way into a table.
    """

    frames: tuple[nw.LazyFrame, ...]
    observe: Callable[[pl.DataFrame], None] | None = None

    @classmethod
    def of(cls, frames: Iterable[pl.LazyFrame | pl.DataFrame | nw.LazyFrame]) -> LazyChunks:
        return cls(
            tuple(nw.from_native(frame.lazy()) if not isinstance(frame, nw.LazyFrame) else frame for frame in frames)
        )

    def map_polars(self, function: Callable[[pl.LazyFrame], pl.LazyFrame]) -> LazyChunks:
        """The same function applied to every part."""
        return LazyChunks.of(function(frame.to_native()) for frame in self.frames)

    def whole(self) -> pl.LazyFrame:
        """All parts in one frame, for a few small ones."""
        return pl.concat([frame.to_native() for frame in self.frames])

"""How much copy the fallback wrote, although another writer was to write it, and why."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

_MOST_CHARACTERS = 200


@dataclass(frozen=True)
class Fallback:
    """Numbers of wordings, and the most frequent reason why some are by the fallback (empty if none is)."""

    wordings: int
    by_fallback: int
    reason: str

    @property
    def share(self) -> float:
        return self.by_fallback / self.wordings if self.wordings else 0.0


def measure_fallback(copy: pl.DataFrame, writer: str) -> Fallback:
    """Count the rows of gold/notification_copy whose generator is another than `writer`."""
    others = copy.filter(pl.col("generator") != writer)
    reasons = others.group_by("verdict").len().sort("len", "verdict", descending=[True, False])["verdict"]
    reason = reasons[0] if len(reasons) else ""
    return Fallback(
        copy.height, others.height, reason if len(reason) <= _MOST_CHARACTERS else f"{reason[:_MOST_CHARACTERS]} ..."
    )

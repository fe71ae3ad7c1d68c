"""How far a long write is, said in the run's log while it goes on.

Dagster reports the partitions of a run when their table is stored, all at once, as they are one commit; until then these
lines say which dates have been computed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date

import polars as pl

from cis_assets.catalog import Table
from cis_assets.dates import days_in_words

_SECONDS_BETWEEN = 10.0


class WriteProgress:
    """Looks at the batches of rows on their way into a table that is partitioned by dates.

    Every few seconds it says a line: how many of the `dates` have been reached so far, and which are new. A write that takes
    no longer than that says nothing.
    """

    def __init__(
        self, table: Table, dates: int, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._table = table
        self._dates = dates
        self._say = say
        self._clock = clock
        self._said_at = clock()
        self._reached: set[date] = set()
        self._new: set[date] = set()

    def see(self, batch: pl.DataFrame) -> None:
        self._new |= set(batch[str(self._table.partition_date)].unique()) - self._reached
        now = self._clock()
        if now - self._said_at < _SECONDS_BETWEEN:
            return
        self._said_at = now
        self._reached |= self._new
        news = f", now also of {days_in_words(self._new)}" if self._new else ""
        self._say(f"{self._table.path}: rows of {len(self._reached)} of {self._dates} dates so far{news}.")
        self._new = set()

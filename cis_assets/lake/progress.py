"""Progress of a long write, as lines in the run's log.

Dagster reports the partitions of a run together, after the one commit of their table. Until then, these lines say which
dates have been computed.
"""

import time
from collections.abc import Callable
from datetime import date

import polars as pl

from cis_assets.catalog import Table
from cis_assets.dates import days_in_words

_SECONDS_BETWEEN = 10.0


class WriteProgress:
    """Observes the batches of rows on their way into a table that is partitioned by dates.

    Every few seconds it logs how many of the `dates` it has seen so far, and which are new. A shorter write logs nothing.
    """

    def __init__(
        self,
        table: Table,
        dates: int,
        log: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._table = table
        self._dates = dates
        self._log = log
        self._clock = clock
        self._logged_at = clock()
        self._logged: set[date] = set()
        self._new: set[date] = set()

    def observe(self, batch: pl.DataFrame) -> None:
        self._new |= set(batch[str(self._table.partition_date)].unique()) - self._logged
        now = self._clock()
        if now - self._logged_at < _SECONDS_BETWEEN:
            return
        self._logged_at = now
        self._logged |= self._new
        news = f", now also of {days_in_words(self._new)}" if self._new else ""
        self._log(f"{self._table.path}: rows of {len(self._logged)} of {self._dates} dates so far{news}.")
        self._new = set()

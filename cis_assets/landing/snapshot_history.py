"""The history of one snapshot table: the rows of the snapshot in force, and former rows of earlier ones.

The order in which snapshots are added does not matter, nor whether one is added twice. A former row is kept once for each
key and each value of the required columns, with the arrival of the first and of the last snapshot that had it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

import polars as pl

from cis_assets.catalog.table import Table
from cis_assets.landing.contract import AISLES, DEPARTMENTS, OFFER_AUDIENCE, OFFERS, LandingTable
from cis_assets.landing.snapshot_files import Place, snapshot_name
from cis_assets.silver.snapshot_state import is_in_force

_MOMENT = pl.Datetime("us", "UTC")
_ROW_PLACE = ("last_seen", "source_file", "source_line")
BEFORE_ARRIVALS: Place = (datetime.min.replace(tzinfo=UTC), "")
"""Place of the rows of a lake that did not record arrivals yet."""


def rows_of_snapshot(table: Table, rows: pl.LazyFrame, arrived_at: datetime) -> pl.LazyFrame:
    """Give landed rows of a snapshot the columns of the bronze table."""
    arrival = pl.lit(arrived_at, _MOMENT)
    return table.conform(rows.with_columns(first_seen=arrival, last_seen=arrival, delisted_at=pl.lit(None, _MOMENT)))


class SnapshotHistory:
    """Adds snapshots to the rows of a bronze table."""

    def __init__(
        self, landing_table: LandingTable, table: Table, stored: pl.LazyFrame, accepted: Collection[Place]
    ) -> None:
        """`stored` are the rows of the bronze table, and `accepted` the places of the snapshots that they come from."""
        self._landing_table = landing_table
        self._table = table
        self._former = stored.filter(~is_in_force()).collect()
        self._current = stored.filter(is_in_force())
        first = self._current.select("last_seen", "source_file").head(1).collect()
        of_rows = [_place(*row) for row in first.iter_rows()]
        self.accepted = {*accepted, *of_rows}
        """Places of the snapshots that were added so far."""

    @property
    def in_force(self) -> Place | None:
        """Place of the snapshot in force: the newest one. None before the first one."""
        return max(self.accepted, default=None)

    def add(self, place: Place, rows: pl.LazyFrame) -> None:
        """Add a snapshot, with the columns of the bronze table."""
        former = self.in_force
        self.accepted.add(place)
        if former and place < former:
            self._keep(rows)
            return
        if former and place > former:
            self._keep(self._current)
        self._current = rows

    def count_current(self) -> int:
        """Count the rows of the snapshot in force."""
        return self._current.select(pl.len()).collect(engine="streaming").item()

    def rows(self) -> pl.LazyFrame:
        """The rows of the bronze table. A former row was delisted by the first snapshot after it."""
        places = sorted(self.accepted)
        last = self._former.select("last_seen", "source_file").unique()
        nexts = [
            next((arrived for arrived, name in places if (arrived, name) > _place(*row)), None) for row in last.rows()
        ]
        delisted = last.with_columns(pl.Series("delisted_at", nexts, dtype=_MOMENT))
        former = self._former.drop("delisted_at").join(
            delisted, on=["last_seen", "source_file"], how="left", nulls_equal=True
        )
        return pl.concat([self._table.conform(former.lazy()), self._table.conform(self._current)])

    def _keep(self, rows: pl.LazyFrame) -> None:
        """Keep the rows of a snapshot that is not in force. Former offers are of no use."""
        if self._landing_table.name in (OFFERS.name, OFFER_AUDIENCE.name):
            return
        key, *identity = self._landing_table.required
        former = pl.concat([self._former, _last_rows(self._landing_table, rows).collect().select(self._former.columns)])
        self._former = (
            former.sort(*_ROW_PLACE)
            .group_by(key, *identity, maintain_order=True)
            .agg(pl.all().exclude("first_seen").last(), pl.col("first_seen").min())
            .select(self._former.columns)
        )


def _place(last_seen: datetime | None, source_file: str) -> Place:
    return BEFORE_ARRIVALS if last_seen is None else (last_seen, snapshot_name(source_file))


def _last_rows(table: LandingTable, rows: pl.LazyFrame) -> pl.LazyFrame:
    """The row of each key that landed last, without keys whose rows contradict each other.

    Names of aisles and departments do not contradict each other: the one that landed last counts.
    """
    key = table.required[0]
    rows = rows.drop_nulls(key)
    if table.name in (AISLES.name, DEPARTMENTS.name):
        rows, is_clear = rows.filter(pl.col(table.required[1]).str.strip_chars() != ""), pl.lit(True)
    else:
        is_clear = pl.all_horizontal(pl.col(list(table.columns)[1:]).n_unique() == 1)
    return (
        rows.sort(*_ROW_PLACE).group_by(key).agg(pl.all().last(), is_clear=is_clear).filter("is_clear").drop("is_clear")
    )

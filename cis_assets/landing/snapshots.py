"""The reader of snapshots: what landed of products, customers, offers and names, and what the lake knows of earlier ones.

Snapshots are read oldest first. One that cannot be read, or whose rows make it quarantined, changes nothing: the snapshot
before it stays in force. Does not belong here: which files are a snapshot (`snapshot_files.py`), and how the rows of
several are kept (`snapshot_history.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from cis_assets.catalog import bronze
from cis_assets.catalog.table import Table
from cis_assets.lake.erased_customers import NOBODY, ErasedCustomers
from cis_assets.landing.contract import (
    AISLES,
    CUSTOMERS,
    DEPARTMENTS,
    KEYED_PRODUCTS,
    OFFER_AUDIENCE,
    OFFERS,
    LandingTable,
)
from cis_assets.landing.erased_rows import ErasedRowCounts, remove_erased_from_snapshot, remove_erased_from_stored
from cis_assets.landing.file_reader import read_file
from cis_assets.landing.folder import LandingError, LandingFolder
from cis_assets.landing.reader import warn_of_unknown_columns
from cis_assets.landing.rows import LandedRows
from cis_assets.landing.snapshot_files import Place, Snapshot, list_snapshots
from cis_assets.landing.snapshot_history import BEFORE_ARRIVALS, SnapshotHistory, rows_of_snapshot
from cis_assets.quality.snapshots import DEFAULT_POLICY, SnapshotCounts, SnapshotPolicy, describe_fault, find_fault
from cis_assets.silver import snapshots as rules

# In this order, because products need the names of aisles and departments, and offers need products.
_LANDED = (AISLES, DEPARTMENTS, KEYED_PRODUCTS, CUSTOMERS, OFFERS, OFFER_AUDIENCE)
_TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (
        *(bronze.AISLES, bronze.DEPARTMENTS, bronze.PRODUCTS),
        *(bronze.CUSTOMERS, bronze.OFFERS, bronze.OFFER_AUDIENCE),
    )
}
_MOMENT = bronze.LANDED_SNAPSHOTS.dtypes["arrived_at"]
_Judge = Callable[[pl.LazyFrame], pl.LazyFrame]


@dataclass(frozen=True)
class StoredSnapshots:
    """What the lake knows of snapshots: the rows of bronze tables by name, bronze/landed_snapshots, and rejected rows."""

    rows: Mapping[str, pl.LazyFrame]
    landed: pl.DataFrame
    rejected: pl.LazyFrame

    @classmethod
    def read(cls, scan: Callable[[Table], pl.LazyFrame]) -> StoredSnapshots:
        """Read them with a function that scans a table, which has no rows if it does not exist."""
        return cls(
            {name: scan(table) for name, table in _TABLES.items()},
            scan(bronze.LANDED_SNAPSHOTS).collect(),
            scan(bronze.REJECTED_SNAPSHOT_ROWS),
        )


NOTHING_STORED = StoredSnapshots.read(lambda table: table.empty().lazy())


@dataclass(frozen=True)
class LandedSnapshots:
    """The rows of the bronze tables by landing table name, rejected rows, and the rows of bronze/landed_snapshots.

    Rows of erased customers are only counted, in `left_out`.
    """

    rows: Mapping[str, pl.LazyFrame]
    rejected: pl.LazyFrame
    landed: pl.DataFrame
    unknown_columns: frozenset[str]
    left_out: ErasedRowCounts
    late: Sequence[str] = ()
    """Sentences on snapshots that were new to the lake, but arrived before the one in force."""

    def warnings(self) -> list[str]:
        """Tell an operator what may need attention, although it does not stop the run."""
        faults = [describe_fault(self.landed, name) for name in self.rows]
        return [*warn_of_unknown_columns(self.unknown_columns), *(fault for fault in faults if fault), *self.late]


def read_snapshots(
    folder: LandingFolder,
    stored: StoredSnapshots = NOTHING_STORED,
    erased: ErasedCustomers = NOBODY,
    *,
    policy: SnapshotPolicy = DEFAULT_POLICY,
    time_zone: str = "UTC",
) -> LandedSnapshots:
    """Read the snapshots that the lake does not have yet, and the newest ones, without erased customers.

    Raises LandingError if a table that must be present (products, aisles, departments) has no snapshot that can be used,
    neither in landing nor in the lake; StorageError if the storage fails.
    """
    done: dict[str, pl.LazyFrame] = {}

    def products() -> pl.LazyFrame:
        return rules.silver_products(*(done[table.name] for table in (KEYED_PRODUCTS, AISLES, DEPARTMENTS)))

    def offers() -> pl.LazyFrame:
        return rules.judge_offers(done[OFFERS.name], products()).filter(rules.is_valid())

    judges: Mapping[str, _Judge] = {
        AISLES.name: lambda rows: rules.judge_names(bronze.AISLES, rows),
        DEPARTMENTS.name: lambda rows: rules.judge_names(bronze.DEPARTMENTS, rows),
        KEYED_PRODUCTS.name: lambda rows: rules.judge_products(rows, done[AISLES.name], done[DEPARTMENTS.name]),
        CUSTOMERS.name: lambda rows: rules.judge_customers(rows, time_zone),
        OFFERS.name: lambda rows: rules.judge_offers(rows, products()),
        OFFER_AUDIENCE.name: lambda rows: rules.judge_audience(rows, offers()),
    }
    readers = []
    for landing_table in _LANDED:
        reader = _TableReader(folder, landing_table, stored, erased, judges[landing_table.name], policy)
        reader.read()
        done[landing_table.name] = reader.history.rows()
        readers.append(reader)
    left_out = ErasedRowCounts()
    for reader in readers:
        left_out += reader.left_out
    return LandedSnapshots(
        rows=done,
        rejected=pl.concat([rows for reader in readers for rows in reader.list_rejected()]),
        landed=pl.concat([reader.list_landed() for reader in readers]),
        unknown_columns=frozenset().union(*(reader.unknown_columns for reader in readers)),
        left_out=left_out,
        late=[sentence for reader in readers for sentence in reader.late],
    )


@dataclass
class _TableReader:
    """Reads the snapshots of one table."""

    folder: LandingFolder
    landing_table: LandingTable
    stored: StoredSnapshots
    erased: ErasedCustomers
    judge: _Judge
    policy: SnapshotPolicy
    unknown_columns: frozenset[str] = frozenset()
    left_out: ErasedRowCounts = field(default_factory=ErasedRowCounts)
    late: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        name, table = self.landing_table.name, _TABLES[self.landing_table.name]
        # An erasure may have removed rows after this run had begun to read.
        stored = remove_erased_from_stored(self.erased, self.landing_table, self.stored.rows[name])
        records = self.stored.landed.filter(pl.col("source_table") == name, pl.col("fault").is_null())
        self._records: dict[Place, dict[str, Any]] = {
            (row["arrived_at"], row["snapshot"]): row for row in records.iter_rows(named=True)
        }
        self._rejected: dict[Place, pl.LazyFrame] = {}
        self.history = SnapshotHistory(self.landing_table, table, stored, self._records)

    def read(self) -> None:
        """Read what the lake does not have yet, and the newest snapshot."""
        found = list_snapshots(self.folder, self.landing_table)
        for snapshot in found:
            place = snapshot.place
            if place not in self.history.accepted or place == self.history.in_force:
                self._read(snapshot)
        if self.history.in_force is None and not self.landing_table.may_be_absent:
            raise self._refuse(found)

    def _read(self, snapshot: Snapshot) -> None:
        place, is_known = snapshot.place, snapshot.place in self.history.accepted
        try:
            files = [read_file(self.folder, self.landing_table, file) for file in snapshot.files]
        except LandingError as error:
            if not is_known:
                self._records[place] = self._record(snapshot, None, str(error))
            return
        files, erased_count = self._without_erased(files)
        unparsed = pl.concat([file.rejected for file in files])
        rows = rows_of_snapshot(
            _TABLES[self.landing_table.name], pl.concat([file.rows for file in files]), snapshot.arrived_at
        )
        counts, judged = self._count(rows, sum(file.row_count for file in files), erased_count)
        fault = None
        if not is_known:
            kinds = pl.concat([unparsed.select("reason"), _rejected(judged).select("reason")])
            fault = find_fault(
                snapshot.name, counts, self._count_before(place, counts), _main_reason(kinds), self.policy
            )
        self._records[place] = self._record(snapshot, counts, fault)
        if fault:
            unparsed = pl.concat([unparsed, self._as_rejected(judged)])
        else:
            self.unknown_columns |= frozenset().union(*(file.unknown_columns for file in files))
            self._warn_if_late(snapshot)
            self.history.add(place, rows)
        self._rejected[place] = unparsed.with_columns(
            snapshot=pl.lit(snapshot.name), arrived_at=pl.lit(snapshot.arrived_at, _MOMENT)
        )

    def _warn_if_late(self, snapshot: Snapshot) -> None:
        in_force = self.history.in_force
        if in_force and snapshot.place < in_force:
            self.late.append(
                f"Snapshot {snapshot.name} is new, but its file time {snapshot.arrived_at:%Y-%m-%d %H:%M} UTC is before that "
                f"of {in_force[1]}, which stays in force. If it is newer, `touch` the file or land it again."
            )

    def _without_erased(self, files: Sequence[LandedRows]) -> tuple[Sequence[LandedRows], int]:
        kept, left_out = [], ErasedRowCounts()
        for file in files:
            rows, counts = remove_erased_from_snapshot(self.erased, self.landing_table, file)
            kept.append(rows)
            left_out += counts
        self.left_out += left_out
        # The rows of an audience stay, without their customer.
        return kept, left_out.customers + left_out.rejected

    def _count(self, rows: pl.LazyFrame, landed: int, erased: int) -> tuple[SnapshotCounts, pl.LazyFrame]:
        judged = self.judge(rows)
        typed, valid, duplicates = (
            judged.select(pl.len(), rules.is_valid().sum().alias("valid"), pl.col("is_duplicate").sum())
            .collect(engine="streaming")
            .row(0)
        )
        # What is neither typed nor erased did not parse. Reconciliation counts these rows in their table.
        unparsed = landed - erased - typed
        return SnapshotCounts(landed, erased, valid, unparsed + typed - valid - duplicates, duplicates), judged

    def _count_before(self, place: Place, counts: SnapshotCounts) -> int | None:
        """Count the rows of the snapshot before a place; None if nothing is known of it.

        Rows from before arrivals were recorded may be much newer, so only the loss of all of them counts.
        """
        before = max((each for each in self.history.accepted if each < place), default=None)
        if before == BEFORE_ARRIVALS:
            return None if counts.landed else self.history.count_current()
        return self._records[before]["row_count"] if before in self._records else None

    def _record(self, snapshot: Snapshot, counts: SnapshotCounts | None, fault: str | None) -> dict[str, Any]:
        return {
            "source_table": self.landing_table.name,
            "snapshot": snapshot.name,
            "arrived_at": snapshot.arrived_at,
            "file_count": len(snapshot.files),
            "bytes": sum(file.size for file in snapshot.files),
            "row_count": counts and counts.landed,
            "erased_row_count": counts.erased if counts else 0,
            "valid_row_count": counts and counts.valid,
            "rejected_row_count": counts and counts.rejected,
            "duplicate_row_count": counts and counts.duplicates,
            "fault": fault,
        }

    def list_landed(self) -> pl.DataFrame:
        """List the rows of bronze/landed_snapshots, oldest first."""
        rows = [
            {**record, "in_force": place == self.history.in_force} for place, record in sorted(self._records.items())
        ]
        return pl.DataFrame(rows, schema=bronze.LANDED_SNAPSHOTS.dtypes)

    def list_rejected(self) -> list[pl.LazyFrame]:
        """List rows of bronze/rejected_snapshot_rows: of the snapshot in force, and of newer ones with a fault."""
        in_force = self.history.in_force
        found = [rows for place, rows in self._rejected.items() if in_force is None or place >= in_force]
        if in_force and in_force not in self._rejected:
            arrived_at, name = (None, None) if in_force == BEFORE_ARRIVALS else in_force
            found.append(
                self.stored.rejected.filter(
                    pl.col("source_table") == self.landing_table.name,
                    pl.col("snapshot").eq_missing(pl.lit(name, pl.String)),
                    pl.col("arrived_at").eq_missing(pl.lit(arrived_at, _MOMENT)),
                )
            )
        return [bronze.REJECTED_SNAPSHOT_ROWS.conform(rows) for rows in found]

    def _as_rejected(self, judged: pl.LazyFrame) -> pl.LazyFrame:
        """The rejected rows of a quarantined snapshot, which no other table has."""
        return _rejected(judged).select(
            pl.lit(self.landing_table.name).alias("source_table"),
            "source_file",
            "source_line",
            "reason",
            pl.col("row_json").alias("raw_text"),
        )

    def _refuse(self, found: Sequence[Snapshot]) -> LandingError:
        if found:
            return LandingError(str(self._records[found[-1].place]["fault"]))
        name = self.landing_table.name
        return LandingError(
            f"Landing folder {name} is empty or absent under {self.folder.uri}: land a file of {name} first."
        )


def _rejected(judged: pl.LazyFrame) -> pl.LazyFrame:
    return judged.filter(~pl.col("is_duplicate"), pl.col("reason").is_not_null())


def _main_reason(reasons: pl.LazyFrame) -> str:
    """The most frequent reason, without values of rows."""
    kind = pl.col("reason").str.replace_all(r": [^;]*", "")
    counts = reasons.group_by(kind).len().sort("len", "reason", descending=[True, False]).head(1).collect()
    return counts["reason"].item() if counts.height else ""

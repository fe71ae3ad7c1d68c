"""Verdicts on snapshots: whether one that was read may be in force, and what the checks say of those that landed."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from cis_assets.settings import Settings
from cis_assets.silver.snapshot_state import find_fault_of_newest


@dataclass(frozen=True)
class SnapshotPolicy:
    """The shares of rejected rows, and of rows fewer than in the snapshot before, that warn and that quarantine."""

    rejected_share_warn: float = 0.05
    rejected_share_block: float = 0.5
    drop_warn: float = 0.2
    drop_block: float = 0.5

    @classmethod
    def from_settings(cls, settings: Settings) -> SnapshotPolicy:
        return cls(
            settings.rejected_share_warn,
            settings.rejected_share_block,
            settings.snapshot_drop_warn,
            settings.snapshot_drop_block,
        )


DEFAULT_POLICY = SnapshotPolicy()


@dataclass(frozen=True)
class SnapshotCounts:
    """What became of the rows of a snapshot: landed = erased + valid + rejected + duplicates."""

    landed: int
    erased: int
    valid: int
    rejected: int
    duplicates: int


def find_fault(
    name: str, counts: SnapshotCounts, rows_before: int | None, reason: str, policy: SnapshotPolicy
) -> str | None:
    """Find out why a snapshot is quarantined (None: it is not), with what to do.

    `rows_before` is the number of landed rows of the snapshot before it. `reason` is the most frequent one of its
    rejected rows.
    """
    table, judged = name.split("/")[0], counts.landed - counts.erased
    if counts.rejected > policy.rejected_share_block * judged:
        return (
            f"Snapshot {name} is quarantined: {counts.rejected:,} of {judged:,} rows were rejected, more than "
            f"CIS_REJECTED_SHARE_BLOCK. The most frequent reason: {reason}. Correct and land {table} again, then run again."
        )
    # Offers end all the time, so only the loss of all of them is taken for a mistake.
    most = policy.drop_block if table not in ("offers", "offer_audience") or not counts.landed else 1.0
    if rows_before and rows_before - counts.landed > most * rows_before:
        return (
            f"Snapshot {name} is quarantined: it has {counts.landed:,} rows, and the one before had {rows_before:,}, so the "
            f"drop is more than CIS_SNAPSHOT_DROP_BLOCK. Land {table} again whole, or set CIS_SNAPSHOT_DROP_BLOCK=1 if the "
            "drop is right, then run again."
        )
    return None


def describe_fault(landed_snapshots: pl.DataFrame, source_table: str) -> str | None:
    """Say why the newest snapshot of a table is not in force, and which one is; None if the newest one is in force."""
    fault = find_fault_of_newest(landed_snapshots.lazy(), source_table)
    if fault is None:
        return None
    in_force = landed_snapshots.filter("in_force", pl.col("source_table") == source_table)
    if in_force.is_empty():
        return f"{fault} No earlier snapshot of {source_table} is in force."
    row = in_force.row(0, named=True)
    return f"{fault} The snapshot {row['snapshot']} of {row['arrived_at']:%Y-%m-%d %H:%M} UTC stays in force."

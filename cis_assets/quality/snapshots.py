"""Verdicts on snapshots: whether one may be in force, what the checks say of it, and the reconciliation of its rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from cis_assets.catalog import Table, bronze, silver
from cis_assets.settings import Settings
from cis_assets.silver.rejection import rows_near_repeats
from cis_assets.silver.snapshot_state import find_fault_of_newest, is_in_force
from cis_assets.silver.snapshots import is_valid, judge_names, names_nobody

IN_FORCE, REJECTED, DROP, KEPT, ACCOUNTED = (
    "newest_snapshots_are_in_force",
    "few_snapshot_rows_are_rejected",
    "snapshots_keep_their_size",
    "customers_in_force_are_in_landing",
    "snapshot_rows_are_accounted_for",
)
CHECKS: Mapping[str, str] = {
    IN_FORCE: "The newest snapshot of each landing table can be read and is not quarantined. Otherwise, the snapshot before "
    "it stays in force.",
    REJECTED: "Share of the rows of a snapshot that did not parse or broke a rule. Warns above CIS_REJECTED_SHARE_WARN; above "
    "CIS_REJECTED_SHARE_BLOCK, the snapshot is quarantined.",
    DROP: "Rows of a snapshot against the one before. Warns if it has fewer by more than the share CIS_SNAPSHOT_DROP_WARN, or "
    "none (but offers); above CIS_SNAPSHOT_DROP_BLOCK, it is quarantined.",
    KEPT: "The customers snapshot in force is still in landing. Warns if it is not: its consents stay in force.",
    ACCOUNTED: "Rows of the snapshots in force = valid rows of silver + rejected rows + duplicate rows + rows of erased "
    "customers.",
}
COUNTS = ("landed", "erased", "typed", "unparsed", "valid", "rejected", "duplicates")
_NEVER = datetime.min.replace(tzinfo=UTC)
# Offers end all the time.
_MAY_BE_EMPTY = (bronze.OFFERS.name, bronze.OFFER_AUDIENCE.name)
_NAMES = {table.name: table for table in (bronze.AISLES, bronze.DEPARTMENTS)}
# Tables, each with the key of its rows.
_JUDGED: Mapping[str, tuple[Table, Sequence[str]]] = {
    table.name: (table, key)
    for table, key in (
        (bronze.AISLES, ["aisle_id"]),
        (bronze.DEPARTMENTS, ["department_id"]),
        (bronze.PRODUCTS, silver.PRODUCTS.key),
        (bronze.CUSTOMERS, silver.CUSTOMERS.key),
        (bronze.OFFERS, silver.OFFERS.key),
        (bronze.OFFER_AUDIENCE, silver.OFFER_AUDIENCE.key),
    )
}


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
    # Only the loss of all offers is taken for a mistake.
    most = policy.drop_block if table not in _MAY_BE_EMPTY or not counts.landed else 1.0
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


def find_remarks(landed_snapshots: pl.DataFrame, policy: SnapshotPolicy) -> dict[str, list[str]]:
    """Find what the checks IN_FORCE, REJECTED and DROP have to say of the snapshots of each table."""
    remarks: dict[str, list[str]] = {IN_FORCE: [], REJECTED: [], DROP: []}
    for (name,), of_table in landed_snapshots.sort("arrived_at", "snapshot").group_by(
        "source_table", maintain_order=True
    ):
        if find_fault_of_newest(of_table.lazy(), str(name)):
            remarks[IN_FORCE].append(f"the newest snapshot of {name}")
        usable = of_table.filter(pl.col("fault").is_null()).rows(named=True)
        if not usable:
            continue
        row = usable[-1]
        judged = row["row_count"] - row["erased_row_count"]
        if row["rejected_row_count"] > policy.rejected_share_warn * judged:
            remarks[REJECTED].append(
                f"{row['snapshot']}: {row['rejected_row_count']:,} of {judged:,} rows were rejected"
            )
        if not row["row_count"] and name not in _MAY_BE_EMPTY:
            remarks[DROP].append(f"{row['snapshot']}: no rows, so there are no {name}")
            continue
        before = usable[-2]["row_count"] if len(usable) > 1 else 0
        if before - row["row_count"] > policy.drop_warn * before:
            remarks[DROP].append(f"{row['snapshot']}: {row['row_count']:,} rows where the one before had {before:,}")
    return remarks


def find_removed_customers(landed_snapshots: pl.DataFrame, arrivals: Collection[datetime]) -> list[str]:
    """Describe the customers snapshot in force if landing has neither it nor a newer one. `arrivals` are those in landing."""
    in_force = landed_snapshots.filter("in_force", pl.col("source_table") == bronze.CUSTOMERS.name)
    return [
        f"{row['snapshot']} of {row['arrived_at']:%Y-%m-%d %H:%M} UTC is no longer in landing, and its consents stay in "
        "force. To end them, land customers again"
        for row in in_force.iter_rows(named=True)
        if max(arrivals, default=_NEVER) < row["arrived_at"]
    ]


@dataclass(frozen=True)
class SnapshotTables:
    """Lazy tables: bronze/landed_snapshots, the rejected rows of bronze and silver, and bronze and silver rows by name."""

    landed_snapshots: pl.LazyFrame
    bronze_rejected: pl.LazyFrame
    silver_rejected: pl.LazyFrame
    bronze: Mapping[str, pl.LazyFrame]
    silver: Mapping[str, pl.LazyFrame]


def reconcile(tables: SnapshotTables) -> pl.DataFrame:
    """One row per snapshot in force: source_table, snapshot and COUNTS.

    Aisles and departments have no silver table, so their valid rows are those that name products. Duplicates are counted in bronze, apart from what silver took for a duplicate.
    """
    rows = []
    for snapshot in tables.landed_snapshots.filter("in_force").sort("source_table").collect().iter_rows(named=True):
        name = snapshot["source_table"]
        typed = tables.bronze[name].filter(is_in_force())
        stored = _valid_names(name, typed) if name in _NAMES else tables.silver[name]
        unparsed = tables.bronze_rejected.filter(
            *(pl.col(column) == snapshot[column] for column in ("source_table", "snapshot", "arrived_at"))
        )
        valid = stored.filter(is_in_force()) if "delisted_at" in stored.collect_schema() else stored
        rejected = tables.silver_rejected.filter(pl.col("source_table") == name)
        counted = pl.collect_all([frame.select(pl.len()) for frame in (typed, unparsed, valid, rejected)])
        typed_count, unparsed_count, valid_count, rejected_count = (frame.item() for frame in counted)
        if name == bronze.OFFER_AUDIENCE.name:
            valid_count += typed.filter(names_nobody()).select(pl.len()).collect().item()
        rows.append(
            (
                *(name, snapshot["snapshot"], snapshot["row_count"], snapshot["erased_row_count"]),
                *(typed_count, unparsed_count, valid_count, rejected_count, _count_duplicates(name, typed)),
            )
        )
    schema = {"source_table": pl.String(), "snapshot": pl.String(), **dict.fromkeys(COUNTS, pl.Int64())}
    return pl.DataFrame(rows, schema=schema, orient="row")


def list_imbalances(counts: pl.DataFrame) -> list[str]:
    """Describe each snapshot whose rows are not accounted for."""
    sentences = []
    for row in counts.iter_rows(named=True):
        landed = row["landed"] - row["erased"] - row["typed"] - row["unparsed"]
        typed = row["typed"] - row["valid"] - row["rejected"] - row["duplicates"]
        for left, of, kind in ((landed, row["landed"], "landed"), (typed, row["typed"], "typed")):
            if left:
                amount = (
                    f"{left:,} of {of:,} {kind} rows are missing" if left > 0 else f"{-left:,} rows are not {kind} rows"
                )
                sentences.append(f"{row['snapshot']}: {amount}")
    return sentences


def _valid_names(name: str, rows: pl.LazyFrame) -> pl.LazyFrame:
    return judge_names(_NAMES[name], rows).filter(is_valid())


def _count_duplicates(name: str, rows: pl.LazyFrame) -> int:
    """Count the rows that landed again under their key, for keys whose rows do not contradict each other."""
    table, key = _JUDGED[name]
    origin = (*key, "source_file", "source_line", "first_seen", "last_seen", "delisted_at")
    content = [column for column in table.dtypes if column not in origin] or list(key)
    repeated = (
        rows_near_repeats(rows.drop_nulls(key), key)
        .group_by(key)
        .agg(repeats=pl.len() - 1, is_same=pl.all_horizontal(pl.col(content).n_unique() == 1))
        .filter("is_same")
    )
    return repeated.select(pl.col("repeats").sum()).collect(engine="streaming").item()

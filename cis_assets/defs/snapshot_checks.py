"""Checks of snapshots: whether the newest ones are in force, their rejected rows and size, and where their rows went."""

from collections.abc import Iterator

import dagster as dg

from cis_assets.catalog import bronze, silver
from cis_assets.defs.resources import LakeResource, LandingResource
from cis_assets.defs.tables import asset_key
from cis_assets.landing.contract import CUSTOMERS
from cis_assets.landing.snapshot_files import list_snapshots
from cis_assets.quality.snapshots import (
    ACCOUNTED,
    CHECKS,
    IN_FORCE,
    KEPT,
    SnapshotPolicy,
    find_remarks,
    find_removed_customers,
    list_imbalances,
)
from cis_assets.settings import Settings
from cis_assets.views.reconciliation import list_landed_snapshots, reconcile_snapshots

_JUDGED = (silver.PRODUCTS, silver.CUSTOMERS, silver.OFFERS, silver.OFFER_AUDIENCE)


def build(settings: Settings) -> dg.Definitions:
    policy = SnapshotPolicy.from_settings(settings)

    @dg.multi_asset_check(
        name="snapshots_are_usable",
        specs=[
            dg.AssetCheckSpec(name, asset=asset_key(bronze.LANDED_SNAPSHOTS), description=description)
            for name, description in CHECKS.items()
            if name != ACCOUNTED
        ],
    )
    def snapshots_are_usable(lake: LakeResource, landing: LandingResource) -> Iterator[dg.AssetCheckResult]:
        landed = list_landed_snapshots(lake.lake())
        arrivals = {snapshot.arrived_at for snapshot in list_snapshots(landing.folder(), CUSTOMERS)}
        found = find_remarks(landed, policy) | {KEPT: find_removed_customers(landed, arrivals)}
        for name, remarks in found.items():
            # The former snapshot stays in force, so orders go on, and the run succeeds.
            yield _result(name, remarks, dg.AssetCheckSeverity.WARN)

    @dg.asset_check(
        name=ACCOUNTED,
        asset=asset_key(silver.REJECTED_SNAPSHOT_ROWS),
        additional_deps=[asset_key(table) for table in (bronze.LANDED_SNAPSHOTS, *_JUDGED)],
        description=CHECKS[ACCOUNTED],
    )
    def snapshot_rows_are_accounted_for(lake: LakeResource) -> dg.AssetCheckResult:
        counts = reconcile_snapshots(lake.lake())
        found = _result(ACCOUNTED, list_imbalances(counts), dg.AssetCheckSeverity.ERROR)
        return found._replace(metadata={row["snapshot"]: _count_words(row) for row in counts.iter_rows(named=True)})

    return dg.Definitions(asset_checks=[snapshots_are_usable, snapshot_rows_are_accounted_for])


def _result(name: str, remarks: list[str], severity: dg.AssetCheckSeverity) -> dg.AssetCheckResult:
    words = {IN_FORCE: "Not in force: ", ACCOUNTED: "Not accounted for: "}.get(name, "")
    return dg.AssetCheckResult(
        passed=not remarks,
        check_name=name,
        severity=severity,
        description=f"{words}{'; '.join(remarks)}." if remarks else "Passed for every snapshot in force.",
    )


def _count_words(row: dict[str, int]) -> str:
    return (
        f"{row['landed']:,} landed: {row['valid']:,} valid, {row['rejected'] + row['unparsed']:,} rejected, "
        f"{row['duplicates']:,} duplicates, {row['erased']:,} of erased customers"
    )

"""Checks of a whole run and of the landing folder: no date of the run is quarantined, and files still arrive.

The verdicts on single dates belong to `defs/quality/assets.py`.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from functools import cache
from zoneinfo import ZoneInfo

import dagster as dg

from cis_assets.catalog import TABLES, bronze, gold, quality, silver
from cis_assets.dates import DateRange
from cis_assets.defs.resources import LakeResource, LandingResource
from cis_assets.defs.tables import asset_key, held_by, landing_key
from cis_assets.lake.quarantine import QuarantinedDatesError, describe_reasons
from cis_assets.landing import contract
from cis_assets.settings import Settings

EVERY_DATE = "every_date_went_through"
_HOLDERS = (bronze.LANDED_FILES, quality.DATE_CHECKS)
# The check runs with any of these tables, after all of them. Other tables are left out, because Dagster records each check
# for each date of a run.
_DATED = (bronze.LANDED_FILES, silver.ORDERS, quality.DATE_CHECKS, gold.CUSTOMER_FEATURES, gold.CUSTOMER_SEGMENTS)


@dg.multi_asset_check(
    name=EVERY_DATE,
    specs=[
        dg.AssetCheckSpec(
            EVERY_DATE,
            asset=asset_key(table),
            additional_deps=[asset_key(other) for other in _DATED if other != table],
            description="Fails the run if one of its dates is quarantined, because its files cannot be read or a check "
            "blocks it. The other dates are written.",
        )
        for table in _DATED
    ],
    can_subset=True,
)
def every_date_went_through(
    context: dg.AssetCheckExecutionContext, lake: LakeResource
) -> Iterator[dg.AssetCheckResult]:
    days = days_of_run(context.run.tags)
    of_run: dict[date, str] = {}
    held_by_these = cache(lambda *holders: lake.quarantined_dates(days, *holders) if days else {})
    for key in sorted(context.selected_asset_check_keys, key=str):
        table = TABLES["/".join(key.asset_key.path)]
        # A table that quarantines dates counts for itself too.
        holders = [holder for holder in _HOLDERS if holder == table or holder in held_by(table)]
        found = held_by_these(*holders)
        of_run |= {day: max(reason, of_run.get(day, ""), key=len) for day, reason in found.items()}
        yield dg.AssetCheckResult(
            passed=not found,
            asset_key=key.asset_key,
            check_name=EVERY_DATE,
            description=describe_reasons(found) or "No date is quarantined.",
            metadata={"dates_quarantined": len(found)},
        )
    if of_run and days:
        raise QuarantinedDatesError(_explain_failure(dict(sorted(of_run.items())), len(days)))


def _explain_failure(quarantined: Mapping[date, str], dates: int) -> str:
    are = "is" if len(quarantined) == 1 else "are"
    return (
        f"{len(quarantined)} of {dates} dates {are} quarantined. {describe_reasons(quarantined)} A date that cannot be read changes "
        "no table, and a date that a check blocks changes no gold table; the other dates are written. "
        "`cis show reconciliation` shows details. Correct the files, then run these dates again."
    )


def days_of_run(tags: Mapping[str, str]) -> DateRange | None:
    """The order dates of a run, by its tags; None for a run without partitions."""
    first = tags.get("dagster/asset_partition_range_start") or tags.get("dagster/partition")
    last = tags.get("dagster/asset_partition_range_end") or first
    return DateRange(date.fromisoformat(first), date.fromisoformat(last)) if first and last else None


def build_checks(settings: Settings) -> list[dg.AssetChecksDefinition]:
    @dg.asset_check(
        name="landing_is_fresh",
        asset=landing_key(contract.KEYED_ORDERS),
        description="Warns if the newest landed order date is older than CIS_LANDING_LATE_AFTER_DAYS.",
    )
    def landing_is_fresh(landing: LandingResource) -> dg.AssetCheckResult:
        today = datetime.now(UTC).astimezone(ZoneInfo(settings.time_zone)).date()
        return freshness(
            max(landing.folder().order_dates(strict=False), default=None), today, settings.landing_late_after_days
        )

    return [every_date_went_through, landing_is_fresh]


def freshness(newest: date | None, today: date, allowed: int) -> dg.AssetCheckResult:
    """Whether the newest landed order date is recent enough for `today`."""
    if newest is None:
        return dg.AssetCheckResult(
            passed=False, severity=dg.AssetCheckSeverity.WARN, description="No order date has landed."
        )
    age = (today - newest).days
    return dg.AssetCheckResult(
        passed=age <= allowed,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"The newest landed order date is {newest}, {age} days before {today}"
        + (f": more than {allowed}." if age > allowed else "."),
        metadata={"days_old": age},
    )

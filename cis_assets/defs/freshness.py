"""Whether orders still arrive. A feed that stops makes no run fail, so these checks fail theirs.

Dagster's freshness policies are badges only: they see when a table was materialized, not which orders it holds.
"""

from collections.abc import Iterator
from datetime import date

import dagster as dg

from cis_assets.catalog import ORDER_DATE, silver
from cis_assets.dates import today
from cis_assets.defs.failing_checks import fail_on_errors
from cis_assets.defs.resources import LakeResource, LandingResource
from cis_assets.defs.tables import landing_key
from cis_assets.errors import OperatorError
from cis_assets.landing import contract
from cis_assets.settings import Settings

# Both checks belong to the landing files, which no run makes: a backfill of old dates must not fail on the age of the feed.
_FEED = landing_key(contract.KEYED_ORDERS)
LANDING_IS_FRESH, ORDERS_ARE_FRESH = (
    dg.AssetCheckKey(_FEED, name) for name in ("landing_is_fresh", "orders_are_fresh")
)
FRESHNESS_CHECKS = dg.AssetSelection.checks(LANDING_IS_FRESH, ORDERS_ARE_FRESH)


def build(settings: Settings) -> dg.Definitions:
    allowed = settings.landing_late_after_days

    @dg.multi_asset_check(
        name="feed_is_fresh",
        specs=[
            dg.AssetCheckSpec(
                LANDING_IS_FRESH.name,
                asset=_FEED,
                description="Fails its run if the newest landed order date is older than CIS_LANDING_LATE_AFTER_DAYS.",
            ),
            dg.AssetCheckSpec(
                ORDERS_ARE_FRESH.name,
                asset=_FEED,
                description="Fails its run if the newest date with orders in silver is older than "
                "CIS_LANDING_LATE_AFTER_DAYS, for example because files arrive empty or are not read.",
            ),
        ],
        can_subset=True,
    )
    def feed_is_fresh(
        context: dg.AssetCheckExecutionContext, lake: LakeResource, landing: LandingResource
    ) -> Iterator[dg.AssetCheckResult]:
        present = today(settings.time_zone)

        def results() -> Iterator[dg.AssetCheckResult]:
            if LANDING_IS_FRESH in context.selected_asset_check_keys:
                landed = [day for day in landing.folder().order_dates(strict=False) if day <= present]
                yield judge_age(LANDING_IS_FRESH, max(landed, default=None), present, allowed)
            if ORDERS_ARE_FRESH in context.selected_asset_check_keys:
                yield _judge_silver(lake, present, allowed)

        yield from fail_on_errors(results())

    return dg.Definitions(asset_checks=[feed_is_fresh])


def _judge_silver(lake: LakeResource, present: date, allowed: int) -> dg.AssetCheckResult:
    try:
        read = [day for day in lake.row_counts(silver.ORDERS)[ORDER_DATE] if day <= present]
    except OperatorError as error:
        return dg.AssetCheckResult(
            passed=False, asset_key=_FEED, check_name=ORDERS_ARE_FRESH.name, description=str(error)
        )
    return judge_age(ORDERS_ARE_FRESH, max(read, default=None), present, allowed)


def judge_age(check: dg.AssetCheckKey, newest: date | None, present: date, allowed: int) -> dg.AssetCheckResult:
    """Judge whether the newest order date, which is no later than `present`, is recent enough."""
    place = "landing files" if check == LANDING_IS_FRESH else "silver/orders"
    if newest is None:
        passed, description, metadata = False, f"There is no order date in {place}.", {}
    else:
        age = (present - newest).days
        passed, metadata = age <= allowed, {"days_old": age}
        limit = (
            "."
            if passed
            else f": more than {allowed} (CIS_LANDING_LATE_AFTER_DAYS). See whether files still arrive and are read."
        )
        description = f"The newest order date in {place} is {newest}, {age} days before {present}{limit}"
    return dg.AssetCheckResult(
        passed=passed, asset_key=check.asset_key, check_name=check.name, description=description, metadata=metadata
    )

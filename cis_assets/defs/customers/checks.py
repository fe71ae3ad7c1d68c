"""A check on customer features: is the share of items that regular customers buy again plausible?

A share near zero or one mostly means that product numbers changed, or that orders were read twice.
"""

import dagster as dg
import polars as pl

from cis_assets.catalog import AS_OF_DATE, gold
from cis_assets.defs.partitions import newest_day
from cis_assets.defs.tables import asset_key
from cis_assets.settings import Settings

# Customers with fewer orders have had little chance to buy anything again.
_REGULAR_ORDERS = 5


def build_checks(settings: Settings) -> list[dg.AssetChecksDefinition]:
    low, high = settings.reorder_share_min, settings.reorder_share_max

    @dg.asset_check(
        name="reorder_share_is_plausible",
        asset=asset_key(gold.CUSTOMER_FEATURES),
        description="Warns if customers with five or more orders buy an implausible share of their items again: on average "
        "less than CIS_REORDER_SHARE_MIN or more than CIS_REORDER_SHARE_MAX in the newest snapshot of the run.",
    )
    def reorder_share_is_plausible(customer_features: pl.LazyFrame) -> dg.AssetCheckResult:
        newest = pl.col(AS_OF_DATE) == newest_day(customer_features)
        regular = customer_features.filter(newest).filter(pl.col("order_count") >= _REGULAR_ORDERS)
        count, share = regular.select(pl.len(), pl.col("reorder_share").mean()).collect(engine="streaming").row(0)
        if share is None:
            return dg.AssetCheckResult(passed=True, description=f"No customer has {_REGULAR_ORDERS} orders yet.")
        return dg.AssetCheckResult(
            passed=low <= share <= high,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"{count} regular customers buy {share:.1%} of their items again; {low:.0%} to {high:.0%} are plausible.",
            metadata={"reorder_share": share, "regular_customers": count},
        )

    return [reorder_share_is_plausible]

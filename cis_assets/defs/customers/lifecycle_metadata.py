"""What Dagster shows of the lifecycle stages of customers, and the check that the stages tell them apart."""

from datetime import timedelta

import dagster as dg
import polars as pl

from cis_assets.catalog import AS_OF_DATE, gold, silver
from cis_assets.dashboard.findings import markdown_table
from cis_assets.dates import DateRange
from cis_assets.defs.partitions import newest_day
from cis_assets.defs.resources import LakeResource
from cis_assets.defs.tables import asset_key
from cis_assets.segmentation.lifecycle import stage_counts
from cis_assets.segmentation.return_rates import LATER_DAYS, find_weak_steps, return_rates

_LATE = ("overdue", "lapsing", "lapsed")


def describe_stages(snapshot: pl.DataFrame) -> str:
    """A snapshot of gold/customer_lifecycle in Markdown: one sentence with the finding, then customers by stage."""
    counted = list(stage_counts(snapshot).iter_rows())
    late = sum(share for stage, _, share in counted if stage in _LATE)
    table = [(stage, f"{customers:,}", f"{share:.0%}") for stage, customers, share in counted]
    finding = f"{late:.0%} of {snapshot.height:,} customers are later than three of four of their own gaps."
    return f"{finding}\n\n{markdown_table(('stage', 'customers', 'share'), table)}"


def build_return_rate_check() -> dg.AssetChecksDefinition:
    @dg.asset_check(
        name="stages_tell_who_orders_again",
        asset=asset_key(gold.CUSTOMER_LIFECYCLE),
        description="Warns if the share of customers who order again within 28 days falls by less than 10 points from overdue to "
        "lapsing, or from lapsing to lapsed. It judges the snapshot 28 days before the newest of the run; a stage with "
        "fewer than 50 customers is not judged.",
    )
    def stages_tell_who_orders_again(lake: LakeResource, customer_lifecycle: pl.LazyFrame) -> dg.AssetCheckResult:
        last = newest_day(customer_lifecycle)
        first = last - timedelta(days=LATER_DAYS)
        tables = lake.lake()
        snapshot = tables.scan(gold.CUSTOMER_LIFECYCLE, DateRange(first, first))
        orders = tables.scan(silver.ORDERS, DateRange(first + timedelta(days=1), last))
        rates = return_rates(snapshot.filter(pl.col(AS_OF_DATE) == first), orders)
        if rates.is_empty():
            return dg.AssetCheckResult(passed=True, description=f"There is no snapshot of {first} to judge.")
        weak = find_weak_steps(rates)
        return dg.AssetCheckResult(
            passed=not weak,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"As of {first}, the share that orders again hardly falls {', '.join(weak)}: "
            "compare the settings CIS_LIFECYCLE_... with the days between orders."
            if weak
            else f"As of {first}, no judged stage is close to the next.",
            metadata={
                "return_rates": dg.MetadataValue.md(
                    markdown_table(
                        ("stage", "customers", "again within 7 days", "within 28 days"),
                        [
                            (stage, f"{customers:,}", f"{soon:.0%}", f"{later:.0%}")
                            for stage, customers, soon, later in rates.iter_rows()
                        ],
                    )
                )
            },
        )

    return stages_tell_who_orders_again

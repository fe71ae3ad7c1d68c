"""Dagster's view of order dates: the daily partitions, and how a day depends on the days before it.

Everything partitioned shares one definition. Assets that read history map a day to the trailing window that ends
with it; assets that need the newest snapshot read all days and pick it.
"""

from collections.abc import Sequence
from datetime import date

import dagster as dg

from cis_assets.settings import settings

ORDER_DATES = dg.DailyPartitionsDefinition(start_date=settings().first_order_date.isoformat(), timezone=settings().time_zone)

TRAILING_WINDOW = dg.TimeWindowPartitionMapping(
    start_offset=-(settings().history_days - 1), allow_nonexistent_upstream_partitions=True
)

# One run for a whole range: every partitioned asset computes its days in one pass.
ONE_RUN = dg.BackfillPolicy.single_run()


def days_of(context: dg.AssetExecutionContext) -> Sequence[date]:
    """The order dates of this run, in order."""
    return [date.fromisoformat(key) for key in context.partition_keys]

"""Dagster's view of order dates: the daily partitions, and how a day depends on the days before it.

Everything partitioned shares one definition. Assets that read history map a day to the trailing window that ends
with it; assets that need the newest snapshot read all days and pick it.
"""

from collections.abc import Sequence
from datetime import date

import dagster as dg
import polars as pl

from cis_assets.catalog import AS_OF_DATE, ORDER_DATE
from cis_assets.dates import DAYS_AT_ONCE, DateRange
from cis_assets.errors import OperatorError
from cis_assets.settings import settings

ORDER_DATES = dg.DailyPartitionsDefinition(
    start_date=settings().first_order_date.isoformat(), timezone=settings().time_zone
)

TRAILING_WINDOW = dg.TimeWindowPartitionMapping(
    start_offset=-(settings().history_days - 1), allow_nonexistent_upstream_partitions=True
)

# For what needs the newest snapshot, whichever day that is.
EVERY_DAY = dg.AllPartitionMapping()


# One run for a whole range: every partitioned asset computes its days in one pass.
ONE_RUN = dg.BackfillPolicy.single_run()


class NoSnapshotError(OperatorError):
    """A table of snapshots is empty where its newest one is needed."""


def days_of(context: dg.AssetExecutionContext) -> Sequence[date]:
    """The order dates of this run, in order."""
    return [date.fromisoformat(key) for key in context.partition_keys]


def chunks_of(context: dg.AssetExecutionContext) -> list[DateRange]:
    """The order dates of this run in ranges of two months, so that a long range needs no more memory than they do."""
    days = days_of(context)
    return DateRange(days[0], days[-1]).chunks(DAYS_AT_ONCE)


def ordered_in(days: DateRange, rows: pl.LazyFrame) -> pl.LazyFrame:
    """Rows whose order_date lies in `days`."""
    return rows.filter(pl.col(ORDER_DATE).is_between(pl.lit(days.first), pl.lit(days.last)))


def in_chunks(days: Sequence[date]) -> list[Sequence[date]]:
    """Single dates in lists of no more than two months' dates."""
    return [days[at : at + DAYS_AT_ONCE] for at in range(0, len(days), DAYS_AT_ONCE)]


def ordered_on(days: Sequence[date], rows: pl.LazyFrame) -> pl.LazyFrame:
    """Rows whose order_date is one of `days`."""
    return rows.filter(pl.col(ORDER_DATE).is_in(list(days)))


def newest_day(snapshots: pl.LazyFrame) -> date:
    """The newest as_of_date that a table of snapshots holds; a sentence if it holds none."""
    newest = snapshots.select(pl.col(AS_OF_DATE).max()).collect().item()
    if newest is None:
        raise NoSnapshotError("There is no snapshot of any day yet: materialize one day of the tables upstream first.")
    return newest

"""Order dates in Dagster: the daily partitions, how a day depends on earlier days, and the days of a run."""

from collections.abc import Sequence
from datetime import date
from functools import cache

import dagster as dg
import polars as pl

from cis_assets.catalog import AS_OF_DATE, ORDER_DATE
from cis_assets.dates import DAYS_AT_ONCE, DateRange
from cis_assets.errors import OperatorError
from cis_assets.settings import Settings

# For assets that need the newest snapshot: they read all days and pick it.
EVERY_DAY = dg.AllPartitionMapping()
# A backfill of a range is one run: every partitioned asset computes its days in one pass.
ONE_RUN = dg.BackfillPolicy.single_run()


class NoSnapshotError(OperatorError):
    """A table of snapshots is empty where its newest snapshot is needed."""


def order_dates(settings: Settings) -> dg.DailyPartitionsDefinition:
    """The daily partitions that all partitioned assets share."""
    return _daily_partitions(settings.first_order_date, settings.time_zone)


# One object per start and zone, because Dagster caches the resolved keys with it.
@cache
def _daily_partitions(first: date, time_zone: str) -> dg.DailyPartitionsDefinition:
    return dg.DailyPartitionsDefinition(start_date=first.isoformat(), timezone=time_zone)


def trailing_window(settings: Settings) -> dg.TimeWindowPartitionMapping:
    """Map a day to the `history_days` days that end with it."""
    return dg.TimeWindowPartitionMapping(
        start_offset=-(settings.history_days - 1), allow_nonexistent_upstream_partitions=True
    )


def days_of(context: dg.AssetExecutionContext) -> Sequence[date]:
    """The order dates of this run, in order."""
    return [date.fromisoformat(key) for key in context.partition_keys]


def chunks_of(context: dg.AssetExecutionContext) -> list[DateRange]:
    """The order dates of this run in ranges of two months, to bound the memory that a long range needs."""
    days = days_of(context)
    return DateRange(days[0], days[-1]).chunks(DAYS_AT_ONCE)


def range_tags(days: DateRange) -> dict[str, str]:
    """The tags of a run of these order dates."""
    return {"dagster/asset_partition_range_start": str(days.first), "dagster/asset_partition_range_end": str(days.last)}


def ordered_in(days: DateRange, rows: pl.LazyFrame) -> pl.LazyFrame:
    """Keep the rows whose order_date lies in `days`."""
    return rows.filter(pl.col(ORDER_DATE).is_between(pl.lit(days.first), pl.lit(days.last)))


def newest_day(snapshots: pl.LazyFrame) -> date:
    """Return the newest as_of_date of a table of snapshots; raise NoSnapshotError if it has none."""
    newest = snapshots.select(pl.col(AS_OF_DATE).max()).collect().item()
    if newest is None:
        raise NoSnapshotError("No snapshot exists yet. Materialize one day of the upstream tables first.")
    return newest

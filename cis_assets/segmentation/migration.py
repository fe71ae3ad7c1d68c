"""Computes gold/segment_migration: how customers moved between the segments of 28 days before and those of a day.

Both days are computed from silver/orders and placed by the version that serves each, so it does not matter which
snapshots exist.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import narwhals as nw
import polars as pl

from cis_assets.catalog import AS_OF_DATE
from cis_assets.catalog.gold import SEGMENT_MIGRATION
from cis_assets.segmentation.assignment import place_customers
from cis_assets.segmentation.habits import daily_habits, groups_of_customers
from cis_assets.segmentation.versions import serving

DAYS_BETWEEN = 28
_BETWEEN = timedelta(days=DAYS_BETWEEN)
STAYED, BEHAVIOR, PROMOTION, ARRIVAL, DEPARTURE = CAUSES = ("stayed", "behavior", "promotion", "arrival", "departure")

_PLACE = ("customer_id", "segment_id", "segment_name")
_FROM, _TO = ("from_segment_id", "from_segment_name"), ("to_segment_id", "to_segment_name")
_KEY = (AS_OF_DATE, *_FROM, *_TO, "cause")


def segment_migration(
    orders: nw.LazyFrame, models: pl.DataFrame, days: Sequence[date], history_days: int, order_rows: int
) -> pl.DataFrame:
    """The rows of gold/segment_migration of `days` (ascending).

    `orders` are rows of silver/orders, at least those up to the last day; later ones change nothing. `models` are all
    rows of gold/segment_model. `order_rows` is the number of orders, which determines how many customers are in memory
    at once. Sorted by day, segments and cause, arrivals and departures last.

    Raises SegmentModelError if no version was promoted.
    """
    counted = [
        moves
        for group in groups_of_customers(orders, order_rows)
        for moves in _moves(group, models, days, history_days)
    ]
    rows = pl.concat([SEGMENT_MIGRATION.empty(), *counted])
    return rows.group_by(_KEY).agg(pl.col("customers").sum()).sort(_KEY, nulls_last=True)


def _moves(
    orders: nw.LazyFrame, models: pl.DataFrame, days: Sequence[date], history_days: int
) -> Iterator[pl.DataFrame]:
    """The moves of some customers, day by day. The places of at most 29 days are in memory."""
    wanted, earlier = set(days), {day - _BETWEEN for day in days}
    every_day = sorted(wanted | earlier)
    kept: dict[date, pl.DataFrame] = {}
    for day, habits in zip(every_day, daily_habits(orders, every_day, history_days), strict=True):
        model = serving(models, day)
        placed = place_customers(habits, model).select(_PLACE)
        if day in wanted:
            former_model = serving(models, day - _BETWEEN)
            by_former_model = placed
            if former_model["version"][0] != model["version"][0]:
                by_former_model = place_customers(habits, former_model).select(_PLACE)
            yield _count_moves(day, kept.pop(day - _BETWEEN), placed, by_former_model)
        if day in earlier:
            kept[day] = placed


def _count_moves(day: date, before: pl.DataFrame, now: pl.DataFrame, by_former_model: pl.DataFrame) -> pl.DataFrame:
    """Customers by segments and cause. `by_former_model` has the customers of `now`, placed by the version of `before`."""
    is_same = pl.col("segment_id_before") == pl.col("segment_id")
    would_move = pl.col("segment_id_before") != pl.col("segment_id_by_former_model")
    cause = (
        pl.when(pl.col("segment_id_before").is_null())
        .then(pl.lit(ARRIVAL))
        .when(pl.col("segment_id").is_null())
        .then(pl.lit(DEPARTURE))
        .when(is_same)
        .then(pl.lit(STAYED))
        .when(would_move)
        .then(pl.lit(BEHAVIOR))
        .otherwise(pl.lit(PROMOTION))
    )
    former = by_former_model.select("customer_id", segment_id_by_former_model="segment_id")
    moves = (
        now.join(former, on="customer_id")
        .join(before, on="customer_id", how="full", coalesce=True, suffix="_before")
        .group_by(
            pl.lit(day).alias(AS_OF_DATE),
            pl.col("segment_id_before", "segment_name_before").name.map(_as_from),
            pl.col("segment_id", "segment_name").name.prefix("to_"),
            cause.alias("cause"),
        )
        .agg(pl.len().alias("customers"))
    )
    return SEGMENT_MIGRATION.conform(moves.lazy()).collect()


def _as_from(column: str) -> str:
    return f"from_{column.removesuffix('_before')}"

"""Aggregates gold frames of one snapshot to the rows of each chart. Layout and colors do not belong here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from cis_assets.catalog import AS_OF_DATE

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
ALL_SEGMENTS = "All segments"
LONGEST_GAP_DAYS = 60
"""Longer gaps are counted as this one."""


@dataclass(frozen=True)
class GoldFrames:
    """The input of the dashboard: frames with the name and the columns of their gold table."""

    customer_segments: pl.DataFrame
    segment_profiles: pl.DataFrame
    order_patterns: pl.DataFrame
    order_frequency: pl.DataFrame

    @property
    def as_of(self) -> date | None:
        """The date of the newest snapshot; None if all frames are empty."""
        days = [day for frame in vars(self).values() if (day := frame[AS_OF_DATE].max()) is not None]
        return max(days, default=None)

    def newest(self) -> GoldFrames:
        """The rows of the newest snapshot of any frame."""
        newest = pl.lit(self.as_of, dtype=pl.Date)
        return GoldFrames(**{name: frame.filter(pl.col(AS_OF_DATE) == newest) for name, frame in vars(self).items()})


def _number(value: float) -> str:
    return f"{value:,.1f}" if abs(value) < 9.95 else f"{value:,.0f}"


def percent(share: float) -> str:
    """Format a share (0 to 1) as whole percent; a small share above 0 is "<1%"."""
    whole = round(100 * share)
    return "<1%" if share > 0 and whole == 0 else f"{whole}%"


MEASURES = (
    ("mean_recency_days", "Days since last order", _number),
    ("mean_order_count", "Orders", _number),
    ("mean_gap_days", "Days between orders", _number),
    ("mean_basket_size", "Products per basket", _number),
    ("mean_reorder_share", "Reordered", percent),
    ("mean_weekend_share", "Weekend orders", percent),
    ("mean_total_spend", "Spend", _number),
)
"""Columns of segment_profiles, their labels with the unit, and the functions that format their values."""


def segment_order(frames: GoldFrames) -> list[str]:
    """The names of the segments by segment id, which is the order of segments and colors in every chart."""
    named = pl.concat([frame.select("segment_id", "segment_name") for frame in vars(frames).values()])
    return named.sort("segment_id", "segment_name")["segment_name"].unique(maintain_order=True).to_list()


def segment_sizes(profiles: pl.DataFrame) -> pl.DataFrame:
    """Columns segment, customers, quiet, share, marks, label ("728 · 24%"), sorted by customers, descending.

    Customers without an order in the last 90 days are quiet: they count neither as customers nor for the share.
    """
    active = pl.col("customer_count") - pl.col("quiet_customers")
    return (
        profiles.with_columns(customers=active)
        .sort("customers", "segment_id", descending=[True, False])
        .select(
            "customers",
            segment="segment_name",
            quiet="quiet_customers",
            share="customer_share",
            marks="segment_marks",
            label=pl.struct("customers", "customer_share").map_elements(
                lambda row: f"{row['customers']:,} · {percent(row['customer_share'])}", return_dtype=pl.String
            ),
        )
    )


def segment_map(profiles: pl.DataFrame) -> pl.DataFrame:
    """Columns segment, gap_days, basket_size, customers, orders. Segments without gaps (single orders) are excluded."""
    return profiles.filter(pl.col("mean_gap_days").is_not_null()).select(
        segment="segment_name",
        gap_days="mean_gap_days",
        basket_size="mean_basket_size",
        customers="customer_count",
        orders="mean_order_count",
    )


def segment_comparison(profiles: pl.DataFrame) -> pl.DataFrame:
    """Compare each segment's means with those of the average customer (segments weighted by customers).

    Columns segment, measure, value (text), average (text), times (segment / average) and doublings: log2 of times,
    clipped to -2 and 2, or 0 if the average is 0. Half and double have the same distance from the average. Missing
    means have no row.
    """
    rows: list[dict[str, object]] = []
    for column, label, text in MEASURES:
        known = profiles.filter(pl.col(column).is_not_null())
        if known.is_empty():
            continue
        weight = pl.col("customer_count") / pl.col("customer_count").sum()
        average: float = known.select((pl.col(column) * weight).sum()).item()
        for row in known.sort("segment_id").iter_rows(named=True):
            value = row[column]
            rows.append(
                {
                    "segment": row["segment_name"],
                    "measure": label,
                    "value": text(value),
                    "average": text(average),
                    "times": value / average if average else 1.0,
                }
            )
    texts = dict.fromkeys(("segment", "measure", "value", "average"), pl.String)
    compared = pl.DataFrame(rows, schema={**texts, "times": pl.Float64})
    return compared.with_columns(doublings=pl.col("times").log(2).clip(-2.0, 2.0))


def gap_histogram(order_frequency: pl.DataFrame) -> pl.DataFrame:
    """Columns gap_days (60 means 60 or more), orders, share of the segment's orders, capped, segment, place (its id).

    `capped` counts the orders whose gap the source caps, so it may be longer.
    """
    return (
        order_frequency.with_columns(pl.col("gap_days").clip(upper_bound=LONGEST_GAP_DAYS))
        .group_by("segment_id", "segment_name", "gap_days")
        .agg(orders=pl.col("order_count").sum(), capped=pl.col("capped_order_count").sum())
        .with_columns(share=pl.col("orders") / pl.col("orders").sum().over("segment_id"))
        .sort("segment_id", "gap_days")
        .select("gap_days", "orders", "share", "capped", segment="segment_name", place="segment_id")
    )


def activity_grid(order_patterns: pl.DataFrame) -> pl.DataFrame:
    """Orders by weekday and hour for each segment and for all segments: 168 rows each, including zeros.

    Columns segment, weekday (name), weekday_number, hour, orders, share of the segment's orders.
    """
    cell = ("order_weekday", "order_hour")
    own = order_patterns.group_by("segment_id", "segment_name", *cell).agg(pl.col("order_count").sum())
    everyone = (
        own.group_by(cell)
        .agg(pl.col("order_count").sum())
        .with_columns(segment_id=-1, segment_name=pl.lit(ALL_SEGMENTS))
    )
    counted = pl.concat([everyone.select(own.columns).cast(own.schema), own])
    hours = [(weekday, hour) for weekday in range(1, 8) for hour in range(24)]
    week = pl.DataFrame(hours, schema=dict.fromkeys(cell, pl.Int32), orient="row")
    grid = counted.select("segment_id", "segment_name").unique().join(week, how="cross")
    return (
        grid.join(counted, on=["segment_id", "segment_name", *cell], how="left")
        .with_columns(orders=pl.col("order_count").fill_null(0))
        .sort("segment_id", *cell)
        .select(
            segment="segment_name",
            weekday=pl.col("order_weekday").replace_strict(dict(enumerate(WEEKDAYS, start=1)), return_dtype=pl.String),
            weekday_number="order_weekday",
            hour="order_hour",
            orders="orders",
            share=pl.col("orders") / pl.col("orders").sum().over("segment_id"),
        )
    )


def rfm_grid(customer_segments: pl.DataFrame) -> pl.DataFrame:
    """Customers by segment and RFM segment: columns segment, rfm_segment, customers, share of the segment, label.

    RFM segments are sorted by the mean of their recency and frequency scores, descending. All pairs of present segments
    and RFM segments have a row; pairs without customers have an empty label.
    """
    engagement = (pl.col("recency_score") + pl.col("frequency_score")).mean().alias("engagement")
    rfm_segments = customer_segments.group_by("rfm_segment").agg(engagement)
    counted = customer_segments.group_by("segment_id", "segment_name", "rfm_segment").agg(
        customers=pl.len().cast(pl.Int64)
    )
    pairs = counted.select("segment_id", "segment_name").unique().join(rfm_segments, how="cross")
    share = pl.col("customers") / pl.col("customers").sum().over("segment_id")
    return (
        pairs.join(counted, on=["segment_id", "segment_name", "rfm_segment"], how="left")
        .with_columns(pl.col("customers").fill_null(0))
        .with_columns(share=share)
        .sort("segment_id", "engagement", "rfm_segment", descending=[False, True, False])
        .select(
            "rfm_segment",
            "customers",
            "share",
            segment="segment_name",
            label=pl.col("share").map_elements(lambda share: percent(share) if share else "", return_dtype=pl.String),
        )
    )

"""Computes gold/cohort_retention: customers by the month of their first order, and how many ordered in later months."""

from collections.abc import Sequence
from datetime import date, timedelta

import narwhals as nw
import polars as pl

from cis_assets.catalog import AS_OF_DATE
from cis_assets.catalog.gold import COHORT_RETENTION
from cis_assets.dates import day_number

_MONTHS = 12


def cohort_retention(orders: nw.LazyFrame, days: Sequence[date]) -> pl.DataFrame:
    """The rows of gold/cohort_retention of `days`, sorted. `orders` are rows of silver/orders; later orders change nothing.

    The orders are read once, however many days there are.
    """
    first_orders = first_orders_by_month(orders.filter(nw.col("day_number") <= day_number(max(days, default=date.min))))
    found = first_orders.collect(backend="polars").to_native()
    return pl.concat([COHORT_RETENTION.empty(), *(_retention(found, day) for day in sorted(days))])


def first_orders_by_month(orders: nw.LazyFrame) -> nw.LazyFrame:
    """Customers by cohort, month and day of their first order in that month: one row for each of these, unsorted.

    Columns: `cohort` and `month` (months since the year 0), `day_number`, and `customers`. Orders up to an earlier day
    give the rows up to that day.
    """
    month = nw.col("order_date").dt.year().cast(nw.Int64) * _MONTHS + nw.col("order_date").dt.month().cast(nw.Int64) - 1
    by_month = (
        orders.select("customer_id", "day_number", month=month)
        .group_by("customer_id", "month")
        .agg(nw.col("day_number").min())
    )
    cohorts = by_month.group_by("customer_id").agg(nw.col("month").min().alias("cohort"))
    return (
        by_month.join(cohorts, on="customer_id", how="inner")
        .group_by("cohort", "month", "day_number")
        .agg(nw.len().alias("customers"))
        .select(nw.col("cohort", "month", "day_number", "customers").cast(nw.Int64))
    )


def _retention(first_orders: pl.DataFrame, day: date) -> pl.DataFrame:
    this_month = day.year * _MONTHS + day.month - 1
    known = first_orders.filter(pl.col("day_number") <= day_number(day))
    retained = known.group_by("cohort", "month").agg(pl.col("customers").sum().alias("retained"))
    sizes = retained.filter(pl.col("month") == pl.col("cohort")).select("cohort", customers="retained")
    months = sizes.with_columns(month=pl.int_ranges("cohort", this_month + 1)).explode("month", empty_as_null=True)
    is_last_day = (day + timedelta(days=1)).day == 1
    rows = (
        months.join(retained, on=["cohort", "month"], how="left")
        .with_columns(pl.col("retained").fill_null(0))
        .select(
            pl.lit(day).alias(AS_OF_DATE),
            pl.date(pl.col("cohort") // _MONTHS, pl.col("cohort") % _MONTHS + 1, 1).alias("cohort_month"),
            (pl.col("month") - pl.col("cohort")).alias("months_since"),
            "customers",
            "retained",
            (pl.col("retained") / pl.col("customers")).alias("share"),
            (pl.lit(not is_last_day) & (pl.col("month") == this_month)).alias("is_incomplete"),
        )
        .sort("cohort_month", "months_since")
    )
    return COHORT_RETENTION.conform(rows.lazy()).collect()

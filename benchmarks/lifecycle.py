"""Prints how often customers order again, by lifecycle stage: `python -m benchmarks.lifecycle ORDERS.parquet`, or a lake's address.

ORDERS has the columns customer_id, day_number, order_of_day and gap_is_minimum, as silver/orders. Stages are computed as of
each of up to 26 weekly days that end 28 days before the last order; it does not see the orders after a day.
"""

import sys
from datetime import timedelta
from pathlib import Path

import narwhals as nw
import polars as pl
from click import echo

from cis_assets.catalog import ORDER_DATE, silver
from cis_assets.dates import EPOCH
from cis_assets.lake.lake import Lake
from cis_assets.segmentation.lifecycle import LifecycleRules, customer_lifecycle
from cis_assets.segmentation.return_rates import LATER_DAYS, find_weak_steps, return_rates

WEEKS = 26
HISTORY_DAYS = 365
# Before a third of the history has passed, hardly any customer has a cadence.
_LEAST_HISTORY = 3


def measure(orders: pl.LazyFrame) -> None:
    """Print the figures for rows of silver/orders."""
    day = pl.col("day_number")
    first, last = orders.select(day.min().alias("first"), day.max().alias("last")).collect().row(0)
    earliest = first + (last - first) // _LEAST_HISTORY
    numbers = [last - LATER_DAYS - 7 * week for week in reversed(range(WEEKS))]
    days = [EPOCH + timedelta(days=number) for number in numbers if number >= earliest]
    stages = customer_lifecycle(nw.from_native(orders), days, HISTORY_DAYS, LifecycleRules())
    dated = orders.with_columns(day.cast(pl.Int32).cast(pl.Date).alias(ORDER_DATE))
    rates = return_rates(stages.lazy(), dated)
    echo(f"{len(days)} days from {days[0]} to {days[-1]}; orders again within 7 / 28 days")
    for stage, customers, soon, later in rates.iter_rows():
        echo(f"{stage:8} {soon:4.0%} / {later:4.0%}   {customers:,} customer-days, {customers / stages.height:.0%}")
    echo(f"falls by less than 10 points: {', '.join(find_weak_steps(rates)) or 'nowhere'}")


if __name__ == "__main__":
    source = sys.argv[1]
    measure(pl.scan_parquet(source) if Path(source).suffix == ".parquet" else Lake(source).scan(silver.ORDERS))

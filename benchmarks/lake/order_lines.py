"""Generates order items with the columns and rules of silver/order_items; equal seeds give equal rows.

Each day depends only on the seed and its own number. A day is one Parquet file. A checksum per day verifies that a
table has exactly these rows.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.lake.workload import PARTITION_COLUMN, Workload
from benchmarks.processes import BenchmarkError
from cis_assets.catalog import silver
from cis_assets.dates import day_number

_PRODUCTS = 50_000
_DEPARTMENTS = 21
_CUSTOMERS = 200_000
_LINES_PER_ORDER = 10
_SHARE_WITHOUT_PRICE = 0.01


def prepare(workload: Workload) -> None:
    """Write the file of each day and the checksums of all; whatever is there already is written anew."""
    Path(workload.day_file(date.min)).parent.mkdir(parents=True, exist_ok=True)
    prices = _prices(workload.seed)
    checksums = []
    for day in workload.all_days():
        lines = order_lines(workload, day, prices)
        lines.write_parquet(workload.day_file(day))
        checksums.append(checksums_per_day(lines.lazy()))
    pl.concat(checksums).sort(PARTITION_COLUMN).write_parquet(workload.checksum_file())


def order_lines(workload: Workload, day: date, prices: np.ndarray) -> pl.DataFrame:
    """The lines of a day, ordered by order and place in the cart."""
    rng = np.random.default_rng([workload.seed, day_number(day)])
    sizes = rng.geometric(1 / _LINES_PER_ORDER, workload.rows)
    order = np.repeat(np.arange(workload.rows), sizes)[: workload.rows]
    orders = int(order[-1]) + 1
    starts = np.concatenate([[0], np.cumsum(sizes[: orders - 1])])
    # Few products are bought often: the square of a uniform number favours the low ones.
    product = (_PRODUCTS * rng.random(workload.rows) ** 2).astype(np.int64)
    has_price = rng.random(workload.rows) >= _SHARE_WITHOUT_PRICE
    lines = pl.DataFrame(
        {
            "order_date": pl.repeat(day, workload.rows, dtype=pl.Date, eager=True),
            "order_id": order + 1,
            "customer_id": rng.integers(1, _CUSTOMERS, orders)[order],
            "product_id": product + 1,
            "department_id": product % _DEPARTMENTS + 1,
            "day_number": pl.repeat(day_number(day), workload.rows, eager=True),
            "order_hour": rng.integers(0, 24, orders)[order],
            "order_of_day": np.ones(workload.rows, dtype=np.int64),
            "add_to_cart_order": np.arange(workload.rows) - starts[order] + 1,
            "quantity": rng.geometric(0.7, workload.rows),
            "unit_price": pl.select(pl.when(pl.Series(has_price)).then(pl.Series(prices[product]))).to_series(),
        }
    )
    return _valid(silver.ORDER_ITEMS.conform(lines.lazy()).collect(), day)


def checksums_per_day(lines: pl.LazyFrame) -> pl.DataFrame:
    """Rows and a checksum of all values of each day, whatever the order of the rows."""
    values = pl.struct(sorted(silver.ORDER_ITEMS.dtypes)).hash(seed=0)
    return (
        lines.group_by(PARTITION_COLUMN)
        .agg(pl.len().cast(pl.Int64).alias("rows"), values.sum().alias("checksum"))
        .sort(PARTITION_COLUMN)
        .collect(engine="streaming")
    )


def refuse_other_lines(workload: Workload, lines: pl.LazyFrame, days: list[date]) -> None:
    """Raise BenchmarkError unless `lines` are exactly those of `days`."""
    expected = pl.read_parquet(workload.checksum_file()).filter(pl.col(PARTITION_COLUMN).is_in(days))
    stored = checksums_per_day(lines)
    different = expected.join(stored, on=expected.columns, how="anti", nulls_equal=True)
    surplus = stored.join(expected, on=PARTITION_COLUMN, how="anti")
    if different.height or surplus.height:
        wrong = sorted({*different[PARTITION_COLUMN], *surplus[PARTITION_COLUMN]})
        raise BenchmarkError(f"{len(wrong)} of {len(days)} days hold other lines than were given, first {wrong[0]}.")


def _prices(seed: int) -> np.ndarray:
    return np.round(np.random.default_rng(seed).gamma(2.0, 2.0, _PRODUCTS) + 0.19, 2)


def _valid(lines: pl.DataFrame, day: date) -> pl.DataFrame:
    broken = lines.select(silver.ORDER_ITEMS.broken_rules().drop_nulls().head(1)).to_series()
    if broken.len():
        raise BenchmarkError(f"The generated lines of {day} break a rule of the catalog: {broken.item()}.")
    return lines

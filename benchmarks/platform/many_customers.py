"""Features and habits of many customers, sampled from the measured ones, for segments at scale."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from benchmarks.platform.workload import Workload
from cis_assets.catalog import gold
from cis_assets.dates import DateRange
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.engines.polars_engine import PolarsEngine
from cis_assets.lake.lake import Lake
from cis_assets.lake.slices import Slice

_AT_ONCE = 500_000
# Shares are at most 1, and habits have least values.
_JITTERED = {
    gold.CUSTOMER_FEATURES: (("mean_gap_days", "mean_basket_size", "reorder_share"), (0.98, 1.0)),
    gold.CUSTOMER_HABITS: (("gap_days", "basket_size"), (1.0, 1.02)),
}
_SEED = 7


def invent(workload: Workload, source: str, target: str, customers: int) -> None:
    """Write both tables for `customers` customers: rows of the source, drawn again, a little shaken."""
    for table, (names, factors) in _JITTERED.items():
        base = Lake(source).snapshot(table).sort("customer_id").collect()
        chunks = (
            _drawn(base, names, factors, first, min(_AT_ONCE, customers - first))
            for first in range(0, customers, _AT_ONCE)
        )
        where = Slice.of_days(table, DateRange(workload.last, workload.last))
        PolarsEngine().replace(table, Lake(target).location(table), where, LazyChunks.of(chunks))


def _drawn(
    base: pl.DataFrame, names: Sequence[str], factors: tuple[float, float], first: int, count: int
) -> pl.LazyFrame:
    random = np.random.default_rng([_SEED, first])
    # Both tables have the same customers, so both draw the same ones.
    rows = base[random.integers(0, base.height, count)]
    shaken = [(pl.col(name) * pl.Series(random.uniform(*factors, count))).alias(name) for name in names]
    numbers = pl.int_range(first + 1, first + count + 1, dtype=pl.Int64, eager=True).alias("customer_id")
    return rows.with_columns(numbers, *shaken).lazy()

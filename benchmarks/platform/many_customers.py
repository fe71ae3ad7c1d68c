"""Features of many customers, sampled from the measured ones, for segments at scale."""

from __future__ import annotations

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
_JITTERED = ("mean_gap_days", "mean_basket_size", "reorder_share")
_JITTER = 0.02
_SEED = 7


def invent(workload: Workload, source: str, target: str, customers: int) -> None:
    """Write gold/customer_features of `customers` customers: rows of the source, drawn again, a little shaken."""
    base = Lake(source).snapshot(gold.CUSTOMER_FEATURES).collect()
    parts = (_drawn(base, first, min(_AT_ONCE, customers - first)) for first in range(0, customers, _AT_ONCE))
    where = Slice.of_days(gold.CUSTOMER_FEATURES, DateRange(workload.last, workload.last))
    PolarsEngine().replace(
        gold.CUSTOMER_FEATURES, Lake(target).location(gold.CUSTOMER_FEATURES), where, LazyChunks.of(parts)
    )


def _drawn(base: pl.DataFrame, first: int, count: int) -> pl.LazyFrame:
    random = np.random.default_rng([_SEED, first])
    shaken = [(pl.col(name) * pl.Series(random.uniform(1 - _JITTER, 1, count))).alias(name) for name in _JITTERED]
    numbers = pl.int_range(first + 1, first + count + 1, dtype=pl.Int64, eager=True).alias("customer_id")
    return base[random.integers(0, base.height, count)].with_columns(numbers, *shaken).lazy()

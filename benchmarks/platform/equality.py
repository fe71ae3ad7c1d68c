"""Compares the results of contenders: the features that all compute, of every customer, and the row counts of the large tables."""

from __future__ import annotations

import polars as pl
from deltalake import DeltaTable
from polars.testing import assert_frame_equal

from benchmarks.platform.workload import FEATURES, table_uri
from benchmarks.processes import BenchmarkError
from cis_assets.catalog import gold

_COUNTED = ("silver/orders", "silver/order_items")
_RELATIVE, _ABSOLUTE = 1e-9, 1e-9
# Features that only the platform computes; the other contenders do that much less.
_ONLY_OURS = {
    *("first_order_date", "cadence_days", "gap_p75_days", "gap_p90_days", "capped_gap_share", "regularity"),
    *("order_trend", "basket_trend", "morning_share", "afternoon_share", "evening_share", "variety", "price_level"),
}


def refuse_other_results(lakes: dict[str, str]) -> int:
    """Raise BenchmarkError unless all lakes hold the same; counts exactly, floats to 1e-9. Returns the customers.

    The first lake is the one that the others are held against.
    """
    first, *others = lakes
    expected = _features(lakes[first])
    for other in others:
        try:
            assert_frame_equal(_features(lakes[other]), expected, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE)
        except AssertionError as error:
            raise BenchmarkError(f"{FEATURES} of {other} differs from that of {first}: {error}") from None
        for path in _COUNTED:
            if not DeltaTable.is_deltatable(table_uri(lakes[other], path)):
                continue
            rows, wanted = (_sums(table_uri(lakes[name], path)) for name in (other, first))
            if rows != wanted:
                raise BenchmarkError(f"{path} of {other} has {rows} (rows, sum of ids), that of {first} {wanted}.")
    return expected.height


def _features(lake: str) -> pl.DataFrame:
    rows = pl.scan_delta(table_uri(lake, FEATURES))
    dtypes = {name: dtype for name, dtype in gold.CUSTOMER_FEATURES.dtypes.items() if name not in _ONLY_OURS}
    conformed = rows.select(pl.col(name).cast(dtype) for name, dtype in dtypes.items())
    return conformed.sort("customer_id").collect()


def _sums(uri: str) -> tuple[int, int]:
    return pl.scan_delta(uri).select(pl.len(), pl.col("order_id").cast(pl.Int64).sum()).collect().row(0)

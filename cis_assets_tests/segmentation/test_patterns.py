from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import narwhals as nw
import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cis_assets.catalog.gold import CUSTOMER_SEGMENTS, ORDER_FREQUENCY, ORDER_PATTERNS
from cis_assets.segmentation.patterns import order_frequency, order_patterns
from cis_assets_tests.segmentation.shoppers import AS_OF, silver_orders

OnEngine = Callable[[pl.DataFrame], nw.LazyFrame]


def members(of: dict[int, int], as_of=AS_OF) -> pl.DataFrame:
    """Rows of gold/customer_segments from customer_id -> segment_id."""
    rows = [
        {
            "as_of_date": as_of,
            "customer_id": customer_id,
            "segment_id": segment_id,
            "segment_name": f"segment {segment_id}",
            "distance": 0.0,
            "recency_score": 3,
            "frequency_score": 3,
            "monetary_score": 3,
            "rfm_segment": "Needs attention",
            "model_version": 1,
        }
        for customer_id, segment_id in of.items()
    ]
    return pl.DataFrame(rows, schema=CUSTOMER_SEGMENTS.dtypes)


def result(frame: nw.LazyFrame) -> pl.DataFrame:
    collected = frame.collect(backend="polars").to_native()
    return collected.sort(pl.all())


def test_orders_are_counted_by_segment_weekday_and_hour(on_engine: OnEngine) -> None:
    # AS_OF is a Sunday.
    orders = silver_orders([(1, 0, 9), (1, 7, 9), (2, 7, 9), (2, 1, 18), (3, 0, 9), (99, 0, 9)])
    counted = result(
        order_patterns(on_engine(orders), on_engine(members({1: 0, 2: 0, 3: 1})), as_of=AS_OF, history_days=30)
    )
    assert dict(counted.schema) == ORDER_PATTERNS.dtypes
    assert counted.drop("as_of_date").rows() == [
        (0, "segment 0", 6, 18, 1),
        (0, "segment 0", 7, 9, 3),
        (1, "segment 1", 7, 9, 1),
    ]
    assert counted["as_of_date"].unique().to_list() == [AS_OF]


def test_gaps_run_between_consecutive_orders_of_a_customer(on_engine: OnEngine) -> None:
    orders = silver_orders([(1, 2, 9), (1, 16, 9), (1, 9, 9), (2, 9, 9), (2, 2, 9), (3, 5, 9), (3, 5, 20)])
    counted = result(
        order_frequency(on_engine(orders), on_engine(members({1: 0, 2: 0, 3: 1})), as_of=AS_OF, history_days=30)
    )
    assert dict(counted.schema) == ORDER_FREQUENCY.dtypes
    assert counted.drop("as_of_date").rows() == [(0, "segment 0", 7, 3, 0), (1, "segment 1", 0, 1, 0)]


def test_gaps_that_the_source_caps_are_counted_apart(on_engine: OnEngine) -> None:
    orders = silver_orders([(1, 60, 9), (1, 30, 9), (1, 0, 9), (2, 30, 9), (2, 0, 9), (3, 30, 9), (3, 0, 9)])
    # The first order of customer 2 has no gap in the window; that of customer 3 is unknown.
    capped = orders.with_columns(gap_is_minimum=pl.Series([None, True, False, True, True, None, None]))
    counted = result(
        order_frequency(on_engine(capped), on_engine(members({1: 0, 2: 0, 3: 0})), as_of=AS_OF, history_days=90)
    )
    assert counted.select("gap_days", "order_count", "capped_order_count").rows() == [(30, 4, 2)]


@pytest.mark.parametrize("count", [order_patterns, order_frequency])
def test_no_order_after_the_day_or_before_the_window_counts(on_engine: OnEngine, count) -> None:
    inside = [(1, 0, 9), (1, 3, 9), (1, 29, 9)]
    outside = [(1, -1, 9), (1, 30, 9), (1, 400, 9)]
    segments = members({1: 0})
    with_all, with_window = (
        result(count(on_engine(silver_orders(rows)), on_engine(segments), as_of=AS_OF, history_days=30))
        for rows in (inside + outside, inside)
    )
    assert_frame_equal(with_all, with_window)
    assert with_all["order_count"].sum() == (3 if count is order_patterns else 2)


@pytest.mark.parametrize("count", [order_patterns, order_frequency])
def test_customers_are_counted_in_the_segment_of_that_day(on_engine: OnEngine, count) -> None:
    segments = pl.concat([members({1: 0}), members({1: 4}, AS_OF + timedelta(days=1))])
    counted = result(
        count(on_engine(silver_orders([(1, 0, 9), (1, 1, 9)])), on_engine(segments), as_of=AS_OF, history_days=30)
    )
    assert counted["segment_id"].unique().to_list() == [0]


def test_polars_and_duckdb_count_alike_on_many_orders() -> None:
    duckdb = pytest.importorskip("duckdb")
    random = np.random.default_rng(4)
    bounds = ((1, 60), (-3, 120), (0, 24))
    rows = list(zip(*(random.integers(low, high, 3000).tolist() for low, high in bounds), strict=True))
    orders, segments = silver_orders(rows), members({customer: customer % 3 for customer in range(1, 60)})
    connection = duckdb.connect()
    for count in (order_patterns, order_frequency):
        polars, duck = (
            result(count(put(orders), put(segments), as_of=AS_OF, history_days=90))
            for put in (
                lambda frame: nw.from_native(frame.lazy()),
                lambda frame: nw.from_native(connection.from_arrow(frame.to_arrow())),
            )
        )
        assert polars.height > 40
        assert_frame_equal(polars, duck, check_exact=True)

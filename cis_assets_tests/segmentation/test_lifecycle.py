from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise

import narwhals as nw
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from cis_assets.catalog.gold import CUSTOMER_LIFECYCLE
from cis_assets.segmentation.cadence import Cadences
from cis_assets.segmentation.customer_features import customer_features
from cis_assets.segmentation.lifecycle import (
    STAGES,
    LifecycleRules,
    customer_lifecycle,
    customer_lifecycle_in_chunks,
    stage_counts,
)
from cis_assets_tests.segmentation.histories import FIRST_DAY, HISTORIES, Order, history
from cis_assets_tests.segmentation.shoppers import AS_OF, silver_orders

RULES = LifecycleRules()
HISTORY_DAYS = 365
Customer = Sequence[int]
"""Days before AS_OF on which a customer ordered."""


def orders(*customers: Customer) -> pl.DataFrame:
    return silver_orders([(number, before, 10) for number, of in enumerate(customers, start=1) for before in of])


def lifecycle(rows: pl.DataFrame, *days: date, rules: LifecycleRules = RULES) -> pl.DataFrame:
    return customer_lifecycle(nw.from_native(rows.lazy()), days or (AS_OF,), HISTORY_DAYS, rules)


def stage(customer: Customer, **rules: float) -> str:
    return lifecycle(orders(customer), rules=LifecycleRules(**rules)).row(0, named=True)["stage"]  # pyright: ignore[reportArgumentType]


def since(customer: Customer) -> int:
    """Days before AS_OF on which the stage began."""
    return (AS_OF - lifecycle(orders(customer)).row(0, named=True)["since"]).days


def weekly(last: int) -> list[int]:
    """Thirty orders a week apart, the last of them `last` days ago: a cadence of a bit over 7 days."""
    return [last + 7 * week for week in reversed(range(30))]


@pytest.mark.parametrize(
    ("customer", "expected", "began"),
    [
        ([0], "new", 0),
        ([42, 41], "new", 42),
        ([43], "tried", 0),
        ([90, 50], "tried", 47),
        # The median of the gaps is 7, shrunk to 7.07; the 75th percentile to 7.65 and the 90th to 8.7. So the customer was
        # active on every day from the third order, 27 weeks before the last, to 7 days after the last.
        (weekly(0), "active", 27 * 7),
        (weekly(7), "active", 28 * 7),
        (weekly(8), "overdue", 0),
        (weekly(13), "overdue", 5),
        (weekly(14), "lapsing", 0),
        (weekly(41), "lapsing", 27),
        (weekly(42), "lapsed", 0),
        (weekly(60), "lapsed", 18),
    ],
)
def test_each_stage_begins_on_its_day(customer: Customer, expected: str, began: int) -> None:
    assert (stage(customer), since(customer)) == (expected, began)


def test_a_stage_between_the_median_and_the_75th_percentile_is_due() -> None:
    gaps = [3, 15] * 12
    before = [10 + sum(gaps[place:]) for place in range(len(gaps))] + [10]
    # Median 9, shrunk to 8.8; the 75th percentile 15, shrunk to 14.6.
    assert (stage(before), since(before)) == ("due", 1)


def test_orders_before_the_customer_is_due_keep_one_spell_of_activity() -> None:
    # 25 days late, then back at 20 days ago and every 5 days since.
    customer = [*(20 + 25 + 7 * week for week in reversed(range(30))), 20, 15, 10, 5, 0]
    assert (stage(customer), since(customer)) == ("active", 20)


def test_the_third_order_begins_the_cycle() -> None:
    assert (stage([50, 4, 2]), since([50, 4, 2])) == ("active", 2)


def test_numbers_are_settings() -> None:
    assert stage([30], new_days=29) == "tried"
    assert stage([9, 0], few_orders=2) == "active"
    assert stage(weekly(14), lapsing_days=20) == "overdue"
    assert stage(weekly(60), lapsed_days=61) == "lapsing"
    assert stage(weekly(60), lapsed_gaps=10) == "lapsing"


def test_a_customer_without_an_order_in_the_window_has_no_row() -> None:
    rows = orders(weekly(0))
    assert lifecycle(rows, AS_OF + timedelta(days=HISTORY_DAYS - 1))["stage"].to_list() == ["lapsed"]
    assert lifecycle(rows, AS_OF + timedelta(days=HISTORY_DAYS)).is_empty()


def test_an_order_older_than_the_window_still_counts_as_the_first() -> None:
    assert stage([500, 3]) == "tried"


def test_a_capped_gap_is_longer_than_measured_ones() -> None:
    rows = orders([7 * 30 + 7 * week for week in range(3)] + [180, 150, 120, 90, 60, 30])
    capped = rows.with_columns(gap_is_minimum=pl.lit(True))
    assert lifecycle(capped)["cadence_days"].to_list() == lifecycle(rows)["cadence_days"].to_list()
    half = rows.with_columns(gap_is_minimum=pl.col("order_id") <= 2)
    assert lifecycle(half)["cadence_days"].item() >= lifecycle(rows)["cadence_days"].item()


_CUSTOMERS = st.lists(st.lists(st.integers(0, 200), min_size=1, max_size=25), min_size=1, max_size=3)
_RULES = st.builds(
    LifecycleRules,
    few_orders=st.integers(2, 5),
    new_days=st.integers(1, 60),
    lapsing_days=st.integers(1, 30),
    lapsed_days=st.integers(30, 90),
    lapsed_gaps=st.sampled_from([1.0, 1.5, 3.0]),
)


def _shifted(customers: list[list[int]]) -> list[list[int]]:
    return [sorted((before + 30 for before in customer), reverse=True) for customer in customers]


@given(_CUSTOMERS, _RULES)
@settings(max_examples=25, deadline=None)
def test_every_customer_has_one_stage_that_began_on_the_day_said(
    customers: list[list[int]], rules: LifecycleRules
) -> None:
    rows = orders(*_shifted(customers))
    # One day after another, from before the first order.
    days = [AS_OF - timedelta(days=before) for before in reversed(range(240))]
    found = lifecycle(rows, *days, rules=rules)
    listed = rows.group_by("customer_id").agg(pl.col("order_date").min().alias("first"))
    assert found.height == sum((AS_OF - first).days + 1 for first in listed["first"])
    assert found.select("as_of_date", "customer_id").is_unique().all()
    assert set(found["stage"]) <= set(STAGES)
    spell = found.sort("customer_id", "as_of_date").with_columns(run=pl.struct("customer_id", "stage").rle_id())
    first_days = spell.with_columns(began=pl.col("as_of_date").min().over("run"))
    assert first_days["since"].to_list() == first_days["began"].to_list()


@given(_CUSTOMERS, st.integers(0, 60))
@settings(max_examples=40, deadline=None)
def test_orders_after_the_day_their_sequence_and_other_customers_change_nothing(
    customers: list[list[int]], back: int
) -> None:
    rows, day = orders(*_shifted(customers)), AS_OF - timedelta(days=back)
    found = lifecycle(rows, day)
    known = rows.filter(pl.col("order_date") <= day)
    assert_frame_equal(lifecycle(known.sample(fraction=1, shuffle=True, seed=1), day), found)
    assert_frame_equal(
        lifecycle(known.filter(pl.col("customer_id") == 1), day), found.filter(pl.col("customer_id") == 1)
    )


@given(_CUSTOMERS)
@settings(max_examples=25, deadline=None)
def test_a_range_of_days_equals_its_days_and_chunks_equal_the_whole(customers: list[list[int]]) -> None:
    rows = orders(*_shifted(customers))
    days = [AS_OF - timedelta(days=before) for before in (60, 31, 7, 0)]
    found = lifecycle(rows, *days)
    assert_frame_equal(found, pl.concat(lifecycle(rows, day) for day in days))
    chunks = customer_lifecycle_in_chunks(nw.from_native(rows.lazy()), days, HISTORY_DAYS, RULES, 3_000_000)
    assert_frame_equal(
        pl.concat(chunk.collect() for chunk in chunks).sort("as_of_date", "customer_id"),
        found.sort("as_of_date", "customer_id"),
    )


@given(st.lists(st.tuples(*[st.floats(0, 60)] * 3), min_size=1), _RULES)
@settings(max_examples=60, deadline=None)
def test_stages_begin_in_their_order_also_where_percentiles_tie(
    values: list[tuple[float, float, float]], rules: LifecycleRules
) -> None:
    quantiles = np.sort(np.array(values), axis=1)
    began = rules.first_days(Cadences(quantiles[:, 0], quantiles[:, 1], quantiles[:, 2]))
    assert all((before <= after).all() for before, after in pairwise(began.T))
    assert (began[:, 0] >= 1).all()


@given(HISTORIES)
@settings(max_examples=15, deadline=None)
def test_the_cadence_is_that_of_the_features_where_the_window_has_all_orders(made: list[Order]) -> None:
    rows, as_of = history(made), FIRST_DAY + timedelta(days=20)
    orders, order_items = (nw.from_native(frame.lazy()) for frame in (rows.orders, rows.order_items))
    families = nw.from_native(pl.LazyFrame(schema={"product_id": pl.Int64, "family_id": pl.Int64}))
    features = (
        customer_features(orders, order_items, families, as_of, HISTORY_DAYS).to_native().collect().sort("customer_id")
    )
    found = lifecycle(rows.orders, as_of).sort("customer_id")
    assert found["cadence_days"].to_numpy() == pytest.approx(features["cadence_days"].to_numpy())
    assert found["days_since_order"].to_list() == features["recency_days"].to_list()


def test_rows_follow_the_catalog() -> None:
    found = lifecycle(orders(weekly(3), [2], [100, 90]))
    assert dict(found.schema) == CUSTOMER_LIFECYCLE.dtypes
    assert found.select(CUSTOMER_LIFECYCLE.broken_rules()).to_series().drop_nulls().is_empty()
    assert_frame_equal(lifecycle(orders([])), CUSTOMER_LIFECYCLE.empty())


def test_all_stages_are_counted_also_those_of_nobody() -> None:
    counted = stage_counts(lifecycle(orders(weekly(3), [2], [100])))
    assert counted["stage"].to_list() == list(STAGES)
    assert dict(counted.select("stage", "customers").iter_rows())["tried"] == 1
    assert counted["share"].sum() == pytest.approx(1)

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import narwhals as nw
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from cis_assets.catalog.gold import SEGMENT_MIGRATION, SEGMENT_MODEL
from cis_assets.segmentation.assignment import place_customers
from cis_assets.segmentation.centers import SegmentModelError
from cis_assets.segmentation.habits import customer_habits
from cis_assets.segmentation.migration import CAUSES, DAYS_BETWEEN, segment_migration
from cis_assets.segmentation.versions import serving
from cis_assets_tests.frames import table_frame
from cis_assets_tests.segmentation.shoppers import AS_OF, silver_orders

HISTORY_DAYS = 365
Rows = Sequence[tuple[int, int]]


def version(number: int, rare_gap: float, serves_from: date) -> pl.DataFrame:
    """A version with segment 1 at a gap of 3 days, and segment 2 at `rare_gap`."""
    shared = {
        "version": number,
        "serves_from": serves_from,
        "feature_names": ["gap_days", "basket_size"],
        "feature_fill": [10.0, 1.0],
        "feature_is_log": [False, False],
        "feature_mean": [0.0, 0.0],
        "feature_scale": [1.0, 1.0],
    }
    centers = ((1, "Often", 3.0), (2, "Rarely", rare_gap))
    return table_frame(
        SEGMENT_MODEL,
        ({**shared, "segment_id": id_, "segment_name": name, "centroid": [gap, 1.0]} for id_, name, gap in centers),
    )


ONE_VERSION = version(1, 30.0, AS_OF - timedelta(days=100))
# Customers with a gap of 7 to 16 days are placed by the second version elsewhere than by the first.
TWO_VERSIONS = pl.concat([ONE_VERSION, version(2, 10.0, AS_OF - timedelta(days=5))])

STEADY = tuple((1, before) for before in range(300, -1, -3))
BETWEEN = tuple((2, before) for before in range(300, -1, -10))
CHANGED = tuple((3, before) for before in (*range(309, 28, -20), *range(27, -1, -3)))
ARRIVED = tuple((4, before) for before in (20, 10, 5))
LEFT = tuple((5, before) for before in (400, 390, 380, 370))
EVERYBODY = (*STEADY, *BETWEEN, *CHANGED, *ARRIVED, *LEFT)


def migration(
    rows: Rows, models: pl.DataFrame, *days: date, history_days: int = HISTORY_DAYS, order_rows: int = 1
) -> pl.DataFrame:
    orders = nw.from_native(silver_orders([(customer, before, 9) for customer, before in rows]).lazy())
    return segment_migration(orders, models, days or (AS_OF,), history_days, order_rows)


def moves(found: pl.DataFrame) -> set[tuple]:
    return set(found.select("from_segment_name", "to_segment_name", "cause", "customers").rows())


def test_each_move_has_its_cause() -> None:
    found = migration(EVERYBODY, TWO_VERSIONS)
    assert dict(found.schema) == SEGMENT_MIGRATION.dtypes
    assert SEGMENT_MIGRATION.schema.is_valid(found)
    assert moves(found) == {
        ("Often", "Often", "stayed", 1),
        ("Often", "Rarely", "promotion", 1),
        ("Rarely", "Often", "behavior", 1),
        (None, "New customers", "arrival", 1),
        ("Often", None, "departure", 1),
    }


def test_without_a_promotion_every_move_is_behavior() -> None:
    found = migration(EVERYBODY, ONE_VERSION).drop_nulls(["from_segment_id", "to_segment_id"])
    assert moves(found) == {("Often", "Often", "stayed", 2), ("Rarely", "Often", "behavior", 1)}


def test_four_weeks_after_a_promotion_no_move_is_due_to_it() -> None:
    serves_from = TWO_VERSIONS["serves_from"].max()
    assert isinstance(serves_from, date)
    days = [serves_from + timedelta(days=offset) for offset in (-1, 0, DAYS_BETWEEN - 1, DAYS_BETWEEN)]
    promoted = migration(BETWEEN, TWO_VERSIONS, *days).filter(pl.col("cause") == "promotion")
    assert promoted["as_of_date"].to_list() == days[1:3]


def test_a_day_before_all_orders_has_no_rows_and_the_first_days_have_arrivals_only() -> None:
    first = AS_OF - timedelta(days=300)
    assert migration(STEADY, ONE_VERSION, first - timedelta(days=1)).is_empty()
    assert moves(migration(STEADY, ONE_VERSION, first)) == {(None, "New customers", "arrival", 1)}


def test_without_a_promoted_version_training_is_asked_for() -> None:
    with pytest.raises(SegmentModelError, match="cis train"):
        migration(STEADY, ONE_VERSION.clear())


HISTORIES = st.lists(st.tuples(st.integers(1, 6), st.integers(-10, 130)), max_size=60)


@settings(max_examples=25, deadline=None)
@given(HISTORIES)
def test_the_rows_add_up_to_the_customers_of_either_day(rows: list[tuple[int, int]]) -> None:
    found = migration(rows, TWO_VERSIONS, history_days=60)
    assert set(found["cause"]) <= set(CAUSES)
    for side, day in (("from", AS_OF - timedelta(days=DAYS_BETWEEN)), ("to", AS_OF)):
        orders = nw.from_native(silver_orders([(customer, before, 9) for customer, before in rows]).lazy())
        placed = place_customers(customer_habits(orders, [day], 60), serving(TWO_VERSIONS, day))
        expected = dict(placed.group_by("segment_id").len().iter_rows())
        by_segment = (
            found.drop_nulls(f"{side}_segment_id").group_by(f"{side}_segment_id").agg(pl.col("customers").sum())
        )
        assert dict(by_segment.iter_rows()) == expected


@settings(max_examples=8, deadline=None)
@given(HISTORIES)
def test_a_range_equals_its_days_and_neither_later_orders_nor_groups_matter(rows: list[tuple[int, int]]) -> None:
    days = [AS_OF - timedelta(days=before) for before in (33, 5, 0)]
    whole = migration(rows, TWO_VERSIONS, *days, history_days=60)
    in_groups = migration(rows, TWO_VERSIONS, *days, history_days=60, order_rows=3_000_000)
    assert_frame_equal(whole, in_groups)
    alone = []
    for day in days:
        known = [(customer, before) for customer, before in rows if before >= (AS_OF - day).days]
        alone.append(migration(known, TWO_VERSIONS, day, history_days=60))
    assert_frame_equal(whole, pl.concat(alone))

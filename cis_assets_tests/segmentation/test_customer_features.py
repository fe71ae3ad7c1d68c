from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict
from datetime import date, timedelta
from itertools import accumulate, pairwise
from typing import Any

import duckdb
import narwhals as nw
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from cis_assets.catalog import gold
from cis_assets.dates import DateRange, trailing_window
from cis_assets.quality.reorders import mark_reorders
from cis_assets.segmentation.customer_features import customer_features, customer_features_in_chunks
from cis_assets.segmentation.order_windows import snapshot_window
from cis_assets_tests.segmentation.histories import (
    FIRST_DAY,
    HISTORIES,
    History,
    Line,
    Order,
    history,
    orders_of_day,
    spend,
)

DAYS = 7
AS_OF = FIRST_DAY + timedelta(days=10)
IN_WINDOW = range(4, 11)
PLAIN = (Line(1),)
# Products 3 and 4 have one name. Product 5 is not in silver/products.
FAMILIES = pl.DataFrame(
    {"product_id": [1, 2, 3, 4], "family_id": [1, 2, 3, 3]}, schema_overrides={"family_id": pl.Int64}
)


def features_of(rows: History, as_of: date = AS_OF, days: int = DAYS) -> pl.DataFrame:
    orders, order_items, families = (
        nw.from_native(frame.lazy()) for frame in (rows.orders, rows.order_items, FAMILIES)
    )
    return customer_features(orders, order_items, families, as_of, days).to_native().collect().sort("customer_id")


def duckdb_features_of(rows: History, as_of: date = AS_OF, days: int = DAYS) -> pl.DataFrame:
    with duckdb.connect() as connection:
        orders, order_items, families = (
            nw.from_native(connection.from_arrow(frame.to_arrow()))
            for frame in (rows.orders, rows.order_items, FAMILIES)
        )
        return customer_features(orders, order_items, families, as_of, days).to_native().pl().sort("customer_id")


def feature(orders: list[Order], name: str) -> Any:
    """A feature of the only customer of some orders."""
    return features_of(history(orders)).select(name).item()


def expected_features(orders: list[Order]) -> list[dict[str, Any]]:
    """The features as the catalog describes them, in plain Python, one customer at a time."""
    numbered = zip(orders, orders_of_day(orders), strict=True)
    by_customer = defaultdict(list)
    for order, _ in sorted(numbered, key=lambda pair: (pair[0].day, pair[1])):
        if order.day in IN_WINDOW:
            by_customer[order.customer_id].append(order)
    return [
        {"as_of_date": AS_OF, "customer_id": customer, **_features(by_customer[customer])}
        for customer in sorted(by_customer)
    ]


def _features(orders: list[Order]) -> dict[str, Any]:
    """Features of one customer's orders of the window, in order."""
    last_day = 10
    days = [order.day for order in orders]
    lines = [line for order in orders for line in order.lines]
    return {
        "recency_days": last_day - days[-1],
        "order_count": len(orders),
        "tenure_days": last_day - days[0],
        **_gaps([later - earlier for earlier, later in pairwise(days)]),
        **_cadence([(later.gap_is_minimum is True, later.day - earlier.day) for earlier, later in pairwise(orders)]),
        "mean_basket_size": len(lines) / len(orders),
        "distinct_product_count": len({line.product_id for line in lines}),
        "reorder_share": _reorder_share(orders),
        "department_count": len({line.department_id for line in lines}),
        "favourite_weekday": _most_frequent(order.date.isoweekday() for order in orders),
        "favourite_hour": _most_frequent(order.hour for order in orders),
        **_favourite_product(orders, last_day),
        "favourite_department_id": _most_frequent(line.department_id for line in lines),
        "weekend_share": sum(order.date.weekday() >= 5 for order in orders) / len(orders),
        **_spending([spend(order) for order in orders], len(lines)),
        "first_order_date": orders[0].date,
        **_trends(orders, last_day),
        "morning_share": statistics.fmean(5 <= order.hour < 12 for order in orders),
        "afternoon_share": statistics.fmean(12 <= order.hour < 17 for order in orders),
        "evening_share": statistics.fmean(17 <= order.hour < 22 for order in orders),
        "variety": 1
        / sum((count / len(lines)) ** 2 for count in Counter(line.department_id for line in lines).values()),
    }


def _gaps(gaps: list[int]) -> dict[str, float | None]:
    return {
        "mean_gap_days": statistics.fmean(gaps) if gaps else None,
        "median_gap_days": float(statistics.median(gaps)) if gaps else None,
        "std_gap_days": statistics.pstdev(gaps) if gaps else None,
        "regularity": statistics.fmean(gaps) / (statistics.fmean(gaps) + statistics.pstdev(gaps))
        if len(gaps) > 1 and any(gaps)
        else None,
    }


def _cadence(gaps: list[tuple[bool, int]]) -> dict[str, float | None]:
    """Gaps as (whether the source caps it, days)."""
    number = len(gaps)
    assert number <= 20
    # A capped gap ranks last, and is at least as long as those before it.
    lengths = list(accumulate((length for _, length in sorted(gaps)), max)) or [0]
    median = statistics.median(lengths)
    p75, p90 = (lengths[max(math.ceil(share * number / 100), 1) - 1] for share in (75, 90))
    shrunk = [(number * own + 3 * prior) / (number + 3) for own, prior in ((median, 7.5), (p75, 12), (p90, 20))]
    return {
        **dict(zip(("cadence_days", "gap_p75_days", "gap_p90_days"), shrunk, strict=True)),
        "capped_gap_share": statistics.fmean(capped for capped, _ in gaps) if gaps else None,
    }


def _trends(orders: list[Order], last_day: int) -> dict[str, float | None]:
    recent_days = math.ceil(DAYS / 4)
    recent = [order for order in orders if order.day > last_day - recent_days]
    earlier = [order for order in orders if order.day <= last_day - recent_days]
    earlier_days = last_day - recent_days - orders[0].day + 1
    if earlier_days < recent_days:
        return {"order_trend": None, "basket_trend": None}
    baskets = [statistics.fmean(len(order.lines) for order in part) if part else 0 for part in (recent, earlier)]
    return {
        "order_trend": (len(recent) / recent_days) / (len(earlier) / earlier_days),
        "basket_trend": baskets[0] / baskets[1] if recent else None,
    }


def _reorder_share(orders: list[Order]) -> float:
    seen: set[int] = set()
    reordered = []
    for order in orders:
        products = {line.product_id for line in order.lines}
        reordered += [product in seen for product in products]
        seen |= products
    return statistics.fmean(reordered)


def _favourite_product(orders: list[Order], last_day: int) -> dict[str, int]:
    family_of = dict(FAMILIES.iter_rows())
    bought = Counter(line.product_id for order in orders for line in order.lines)
    last = {line.product_id: order.day for order in orders for line in order.lines}
    named: dict[int, int] = {}
    for product in sorted(bought, key=lambda product: (-bought[product], -last[product], product)):
        named.setdefault(family_of.get(product, product), product)
    in_orders = [{family_of.get(line.product_id, line.product_id) for line in order.lines} for order in orders]
    held = Counter(family for families in in_orders for family in families)
    recent = {family: order.day for order, families in zip(orders, in_orders, strict=True) for family in families}
    best = min(held, key=lambda family: (-held[family], -recent[family], named[family]))
    return {
        "favourite_product_id": named[best],
        "favourite_product_orders": held[best],
        "favourite_product_recency_days": last_day - recent[best],
    }


def _spending(spent: list[float | None], lines: int) -> dict[str, float | None]:
    priced = [amount for amount in spent if amount is not None]
    if len(priced) < len(spent):
        return {"total_spend": None, "mean_order_spend": None, "price_level": None}
    return {
        "total_spend": sum(priced),
        "mean_order_spend": sum(priced) / len(priced),
        "price_level": sum(priced) / lines,
    }


def _most_frequent(values: Any) -> int:
    counts = Counter(values)
    return min(counts, key=lambda value: (-counts[value], value))


@given(HISTORIES)
@settings(max_examples=120, deadline=None)
def test_every_feature_follows_its_description_in_the_catalog(orders: list[Order]):
    found = features_of(history(orders))
    assert list(found.schema.items()) == list(gold.CUSTOMER_FEATURES.dtypes.items())
    expected = pl.DataFrame(expected_features(orders), schema=gold.CUSTOMER_FEATURES.dtypes)
    assert_frame_equal(found, expected, rel_tol=1e-9, abs_tol=1e-9)


@given(HISTORIES, st.integers(0, 40_000_000))
@settings(max_examples=60, deadline=None)
def test_chunks_of_customers_give_the_same_features(orders: list[Order], lines: int):
    rows = history(orders)
    made, items, families = (nw.from_native(frame.lazy()) for frame in (rows.orders, rows.order_items, FAMILIES))
    lazy = customer_features_in_chunks(made, items, families, AS_OF, DAYS, lines)
    chunks = [chunk.to_native().collect() for chunk in lazy]
    assert_frame_equal(pl.concat(chunks).sort("customer_id"), features_of(rows), check_exact=True)


@given(HISTORIES)
@settings(max_examples=60, deadline=None)
def test_features_satisfy_the_rules_of_the_catalog(orders: list[Order]):
    found = features_of(history(orders))
    assert found.select(gold.CUSTOMER_FEATURES.broken_rules()).to_series().drop_nulls().to_list() == []


@given(HISTORIES)
@settings(max_examples=8, deadline=None)
def test_another_engine_gives_the_same_features(orders: list[Order]):
    rows = history(orders)
    assert_frame_equal(duckdb_features_of(rows), features_of(rows), rel_tol=1e-9, abs_tol=1e-9)


@given(HISTORIES, st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_the_order_of_rows_changes_no_feature(orders: list[Order], seed: int):
    rows = history(orders)
    mixed = History(*(frame.sample(fraction=1.0, shuffle=True, seed=seed) for frame in (rows.orders, rows.order_items)))
    assert features_of(mixed).equals(features_of(rows))


@given(HISTORIES)
@settings(max_examples=30, deadline=None)
def test_the_reorder_share_equals_the_mean_of_marked_reorders(orders: list[Order]):
    rows = history(orders)
    window = snapshot_window(nw.from_native(rows.order_items.lazy()), trailing_window(AS_OF, DAYS))
    pairs = mark_reorders(window).to_native().unique(["order_id", "product_id"])
    expected = (
        pairs.group_by("customer_id").agg(reorder_share=pl.col("is_reorder").mean()).sort("customer_id").collect()
    )
    assert_frame_equal(features_of(rows).select("customer_id", "reorder_share"), expected, rel_tol=1e-12, abs_tol=1e-12)


@given(HISTORIES)
@settings(max_examples=20, deadline=None)
def test_nothing_outside_the_window_matters(orders: list[Order]):
    inside = [order for order in orders if order.day in IN_WINDOW]
    found = features_of(history(orders))
    if inside:
        assert_frame_equal(found, features_of(history(inside)))
    else:
        assert found.height == 0


@pytest.mark.parametrize(("day", "customers"), [(3, 0), (4, 1), (10, 1), (11, 0)])
def test_the_window_begins_and_ends_with_its_first_and_last_day(day: int, customers: int):
    assert features_of(history([Order(1, day, PLAIN)])).height == customers


def test_recency_and_tenure_count_from_the_day_of_the_snapshot():
    orders = [Order(1, 4, PLAIN), Order(1, 9, PLAIN)]
    assert (feature(orders, "recency_days"), feature(orders, "tenure_days")) == (1, 6)


def test_a_single_order_has_no_gaps_and_no_reorders():
    row = features_of(history([Order(1, 5, (Line(1), Line(1), Line(2)))])).row(0, named=True)
    assert [row[f"{name}_gap_days"] for name in ("mean", "median", "std")] == [None, None, None]
    assert (row["reorder_share"], row["mean_basket_size"], row["distinct_product_count"]) == (0.0, 3.0, 2)


def test_no_reorders_give_a_share_of_exactly_zero_for_any_number_of_products():
    # 1 - n * (1 / n) is not 0 for n = 49.
    rows = history([Order(1, 5, tuple(Line(product) for product in range(1, 50)))])
    assert features_of(rows)["reorder_share"].to_list() == [0.0]


def test_two_orders_on_a_day_have_a_gap_of_zero_days():
    orders = [Order(1, 5, PLAIN, hour=9), Order(1, 5, PLAIN, hour=18)]
    assert (feature(orders, "mean_gap_days"), feature(orders, "std_gap_days")) == (0.0, 0.0)


def test_gaps_are_described_by_mean_median_and_population_deviation():
    orders = [Order(1, day, PLAIN) for day in (4, 5, 6, 10)]
    found = [feature(orders, f"{name}_gap_days") for name in ("mean", "median", "std")]
    assert found == pytest.approx([2.0, 1.0, 2**0.5])


def test_gaps_of_one_length_are_perfectly_regular_and_random_ones_are_not():
    steady, mixed = ([Order(1, day, PLAIN) for day in days] for days in ((4, 6, 8, 10), (4, 5, 6, 10)))
    assert feature(steady, "regularity") == pytest.approx(1.0)
    assert feature(mixed, "regularity") == pytest.approx(2 / (2 + 2**0.5))
    assert feature(mixed[:2], "regularity") is None


def test_trends_compare_the_last_quarter_with_the_days_before():
    # Of seven days the last two are recent; there are five before them.
    orders = [Order(1, day, PLAIN) for day in (4, 6)] + [Order(1, day, (Line(1), Line(2))) for day in (9, 10)]
    assert feature(orders, "order_trend") == pytest.approx((2 / 2) / (2 / 5))
    assert feature(orders, "basket_trend") == pytest.approx(2.0)


def test_a_customer_of_a_few_days_has_no_trend():
    orders = [Order(1, day, PLAIN) for day in (8, 9, 10)]
    assert (feature(orders, "order_trend"), feature(orders, "basket_trend")) == (None, None)


def test_departments_bought_evenly_count_in_full():
    even = [Order(1, 5, tuple(Line(product, product) for product in (1, 2, 3)))]
    uneven = [Order(1, 5, (*(Line(1, 1) for _ in range(8)), Line(2, 2), Line(3, 3)))]
    assert feature(even, "variety") == pytest.approx(3.0)
    assert feature(uneven, "variety") == pytest.approx(1 / 0.66)


def test_a_product_twice_in_one_order_is_one_order_of_it():
    orders = [Order(1, 5, (Line(1), Line(1), Line(1), Line(2))), Order(1, 6, (Line(2),))]
    assert (feature(orders, "favourite_product_id"), feature(orders, "favourite_product_orders")) == (2, 2)


def test_an_order_id_used_again_on_another_date_is_another_order():
    rows = history([Order(1, 5, (Line(1), Line(1))), Order(1, 6, (Line(1),))])
    frames = (frame.with_columns(order_id=pl.lit(1, pl.Int64)) for frame in (rows.orders, rows.order_items))
    assert features_of(History(*frames))["favourite_product_orders"].to_list() == [2]


def test_of_products_in_equally_many_orders_the_one_bought_last_is_the_favourite():
    orders = [Order(1, 5, (Line(1),)), Order(1, 6, (Line(3), Line(2)))]
    assert feature(orders, "favourite_product_id") == 2


def test_a_department_counts_by_its_lines_even_where_a_product_changed_departments():
    orders = [Order(1, 5, (Line(1, 7), Line(2, 7))), Order(1, 6, (Line(1, 8), Line(2, 8), Line(3, 8)))]
    assert (feature(orders, "department_count"), feature(orders, "favourite_department_id")) == (2, 8)


def test_of_equally_frequent_weekdays_hours_and_departments_the_smallest_is_the_favourite():
    orders = [Order(1, 6, (Line(1, 9),), hour=20), Order(1, 4, (Line(2, 3),), hour=21)]
    names = ("favourite_weekday", "favourite_hour", "favourite_department_id")
    assert [feature(orders, name) for name in names] == [5, 20, 3]


def test_saturday_and_sunday_are_the_weekend():
    # FIRST_DAY is a Monday, so days 5 and 6 are Saturday and Sunday.
    orders = [Order(1, day, PLAIN) for day in (4, 5, 6, 7)]
    assert feature(orders, "weekend_share") == 0.5


def test_spend_is_unknown_when_a_single_price_is():
    orders = [Order(1, 5, (Line(1, price=2.0),)), Order(1, 6, (Line(1, price=None),))]
    assert (feature(orders, "total_spend"), feature(orders, "mean_order_spend")) == (None, None)


def test_spend_is_to_the_cent():
    orders = [Order(1, day, (Line(1, price=0.1),)) for day in (4, 5, 6)]
    assert feature(orders, "total_spend") == 0.3


def test_a_snapshot_covers_as_many_days_as_asked():
    rows = history([Order(1, day, PLAIN) for day in range(15)])
    assert features_of(rows, days=1)["order_count"].to_list() == [1]
    assert features_of(rows, days=365)["order_count"].to_list() == [11]
    assert len(DateRange(FIRST_DAY, AS_OF)) == 11

"""The comparison of the sample with real shops: what its figures mean, and when the sample misses."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from benchmarks.realism import figures, lies_between, read_source
from cis_assets.sources.sample import SampleOptions, SampleSource

# Customers who are all alike are fewer points than segments.
pytestmark = pytest.mark.filterwarnings("ignore:Number of distinct clusters")


def shop(baskets: list[list[str]], customers: int = 20) -> pl.DataFrame:
    """Customers who order the same baskets, every 7 days at 9."""
    rows = [
        (customer, 20_000 + 7 * place, 1, 9, family)
        for customer in range(customers)
        for place, basket in enumerate(baskets)
        for family in basket
    ]
    schema = {"customer_id": pl.Int64, "day_number": pl.Int32, "order_of_day": pl.Int32, "order_hour": pl.Int32}
    return pl.DataFrame(rows, schema={**schema, "family": pl.String}, orient="row").cast({"family": pl.Categorical})


def test_regular_customers_who_change_nothing_have_no_variation():
    found = figures(shop([["milk", "bread"]] * 12))
    assert found["gap in days, median"] == 7
    assert found["gap, 90th percentile / median"] == 1
    assert found["gap, variation within a customer"] == found["basket, variation within a customer"] == 0
    assert found["orders in the customer's own hour"] == found["precision of personal frequency at 1"] == 1
    assert found["products given up"] == found["products taken up"] == 0
    assert found["reorder share"] == pytest.approx(11 / 12)


def test_products_of_one_half_of_a_history_are_given_up_or_taken_up():
    found = figures(shop([["milk", "tea"]] * 6 + [["milk", "coffee"]] * 6))
    assert found["products given up"] == found["products taken up"] == 0.5


def test_a_source_is_read_with_one_row_per_order_and_family():
    source = SampleSource(SampleOptions(end=date(2025, 6, 30), customers=30, days=20))
    lines = read_source(source)
    landed = list(source.days())
    assert lines.height == sum(day.order_items.height for day in landed)
    orders = lines.select("customer_id", "day_number", "order_of_day").unique()
    assert orders.height == sum(day.orders.height for day in landed)


@pytest.mark.parametrize(("value", "holds"), [(1.6, True), (1.5, False), (3, True), (4.8, True), (4.9, False)])
def test_the_sample_may_be_20_percent_beyond_the_nearer_shop(value: float, holds: bool):
    assert lies_between(value, [4, 2]) is holds

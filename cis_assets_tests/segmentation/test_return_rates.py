from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from cis_assets.catalog.gold import CUSTOMER_LIFECYCLE
from cis_assets.catalog.silver import ORDERS
from cis_assets.segmentation.return_rates import find_weak_steps, return_rates
from cis_assets_tests.frames import table_frame

DAY = date(2026, 3, 1)


def rates(stages: dict[int, str], next_orders: list[tuple[int, int]], capped: tuple[int, ...] = ()) -> pl.DataFrame:
    """The rates of customers with these stages who order as (customer, days after DAY)."""
    rows = [{"as_of_date": DAY, "customer_id": customer, "stage": stage} for customer, stage in stages.items()]
    orders = [
        {"customer_id": customer, "order_date": DAY + timedelta(days=days), "gap_is_minimum": customer in capped}
        for customer, days in next_orders
    ]
    return return_rates(table_frame(CUSTOMER_LIFECYCLE, rows).lazy(), table_frame(ORDERS, orders).lazy())


def test_orders_of_the_next_7_and_28_days_are_returns() -> None:
    found = rates(dict.fromkeys(range(1, 6), "due"), [(1, 7), (2, 8), (3, 28), (4, 29), (5, 0), (9, 1)])
    assert found.rows() == [("due", 5, 0.2, 0.6)]


def test_the_next_order_counts_and_stages_come_in_the_order_of_the_cycle() -> None:
    found = rates({1: "lapsed", 2: "active"}, [(1, 20), (1, 3), (2, 30)])
    assert found.rows() == [("active", 1, 0.0, 0.0), ("lapsed", 1, 1.0, 1.0)]


def test_an_order_after_a_capped_gap_is_no_return() -> None:
    assert rates({1: "due", 2: "due"}, [(1, 3), (2, 3)], capped=(2,)).rows() == [("due", 2, 0.5, 0.5)]


@pytest.mark.parametrize(
    ("shares", "weak"),
    [
        ({"overdue": (90, 0.8), "lapsing": (90, 0.6), "lapsed": (90, 0.4)}, []),
        ({"overdue": (90, 0.8), "lapsing": (90, 0.75), "lapsed": (90, 0.7)}, ["overdue", "lapsing"]),
        ({"overdue": (90, 0.8), "lapsing": (90, 0.6), "lapsed": (49, 0.6)}, []),
        ({"overdue": (90, 0.8)}, []),
    ],
)
def test_a_fall_of_less_than_ten_points_is_weak(shares: dict[str, tuple[int, float]], weak: list[str]) -> None:
    frame = pl.DataFrame(
        [{"stage": stage, "customers": size, "within_28_days": share} for stage, (size, share) in shares.items()]
    )
    assert [step.split()[1] for step in find_weak_steps(frame)] == weak

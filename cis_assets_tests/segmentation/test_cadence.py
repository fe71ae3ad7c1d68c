from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import narwhals as nw
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from cis_assets.segmentation.cadence import LATEST_GAPS, cadences, cadences_of_orders
from cis_assets.segmentation.order_windows import gaps_between_orders

OnEngine = Callable[[pl.DataFrame], nw.LazyFrame]
Gaps = list[tuple[int, bool]]
NAMES = ("cadence_days", "gap_p75_days", "gap_p90_days")


def orders(gaps: Gaps, customer_id: int = 1) -> pl.DataFrame:
    """The orders of a customer with these gaps, each with whether the source caps it."""
    days = np.cumsum([100, *(days for days, _ in gaps)])
    return pl.DataFrame(
        {
            "customer_id": customer_id,
            "day_number": days.astype(np.int32),
            "order_of_day": np.arange(1, len(days) + 1, dtype=np.int32),
            "gap_is_minimum": [None, *(capped for _, capped in gaps)],
        }
    )


def cadence(gaps: Gaps) -> dict[str, float]:
    return cadences(gaps_between_orders(nw.from_native(orders(gaps).lazy()))).to_native().collect().row(0, named=True)


def measured(*days: int) -> Gaps:
    return [(each, False) for each in days]


def test_quantiles_are_shrunk_by_the_weight_of_three_average_gaps() -> None:
    found = cadence(measured(2, 4, 6, 8))
    assert [found[name] for name in NAMES] == pytest.approx([(4 * 5 + 22.5) / 7, (4 * 6 + 36) / 7, (4 * 8 + 60) / 7])


def test_only_the_latest_twenty_gaps_count() -> None:
    assert cadence(measured(*[90] * 30, *[3] * LATEST_GAPS)) == cadence(measured(*[3] * LATEST_GAPS))
    longest = [90, 90, 90]
    assert cadence(measured(*longest, *[3] * (LATEST_GAPS - 3)))["gap_p90_days"] > 80
    assert cadence(measured(*longest, *[3] * (LATEST_GAPS - 2)))["gap_p90_days"] < 10


def test_a_capped_gap_ranks_after_every_measured_one_and_lasts_as_long_at_least() -> None:
    capped, measured_only = cadence([*measured(5, 40), (30, True)]), cadence(measured(5, 40, 30))
    assert capped["cadence_days"] == pytest.approx((3 * 40 + 22.5) / 6)
    assert measured_only["cadence_days"] == pytest.approx((3 * 30 + 22.5) / 6)
    assert capped["gap_p90_days"] == pytest.approx((3 * 40 + 60) / 6)


_GAPS = st.lists(st.tuples(st.integers(0, 60), st.sampled_from([False, False, False, True])), min_size=1, max_size=30)


@given(_GAPS)
@settings(max_examples=60, deadline=None)
def test_percentiles_never_fall(gaps: Gaps) -> None:
    values = [cadence(gaps)[name] for name in NAMES]
    assert all(low <= high for low, high in pairwise(values))


@given(st.lists(_GAPS, min_size=1, max_size=3))
@settings(max_examples=40, deadline=None)
def test_cadences_as_of_each_order_equal_those_of_its_history(customers: list[Gaps]) -> None:
    rows = pl.concat(orders(gaps, number) for number, gaps in enumerate(customers))
    gap = np.concatenate([[0, *(days for days, _ in gaps)] for gaps in customers])
    is_capped = np.concatenate([[False, *(capped for _, capped in gaps)] for gaps in customers])
    place = np.concatenate([np.arange(len(gaps) + 1) for gaps in customers])
    found = cadences_of_orders(gap, is_capped, place)
    last = np.flatnonzero(np.append(place[1:] == 0, True))
    expected = cadences(gaps_between_orders(nw.from_native(rows.lazy()))).to_native().collect().sort("customer_id")
    for name, values in zip(NAMES, found, strict=True):
        assert values[last] == pytest.approx(expected[name].to_numpy(), rel=1e-12)


def test_an_order_without_a_gap_has_the_cadence_of_an_average_customer() -> None:
    found = cadences_of_orders(np.array([0]), np.array([False]), np.array([0]))
    assert [values.item() for values in found] == [7.5, 12.0, 20.0]


def test_engines_agree(on_engine: OnEngine) -> None:
    rows = pl.concat(
        orders([(days * customer % 31, days % 5 == 0) for days in range(3 * customer)], customer)
        for customer in range(1, 12)
    )
    found = cadences(gaps_between_orders(on_engine(rows))).collect(backend="polars").to_native().sort("customer_id")
    expected = cadences(gaps_between_orders(nw.from_native(rows.lazy()))).to_native().collect().sort("customer_id")
    assert_frame_equal(found, expected, rel_tol=1e-12, check_dtypes=False)

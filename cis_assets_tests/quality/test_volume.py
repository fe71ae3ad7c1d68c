"""The usual number of orders: false alarms on quiet data, drops that are found, and what counts as history."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.volume_check import measure
from cis_assets.quality.volume import DAYS_BEFORE, LEAST_DAYS, usual_orders

DAY = date(2026, 1, 5)
RATE = 0.01


def before(*counts: int) -> dict[date, int]:
    """Counts of the days before, newest first."""
    return {DAY - timedelta(days=back): count for back, count in enumerate(counts, start=1)}


def interval(counts: dict[date, int], day: date = DAY, rate: float = RATE) -> tuple[int, int]:
    return usual_orders(counts, [day], rate).select("low", "high").row(0)


@pytest.mark.parametrize("scatter", [0.0, 0.05])
@pytest.mark.parametrize("mean", [1, 3, 10, 100, 10_000])
def test_quiet_data_of_any_size_warn_at_most_at_the_stated_rate(mean: float, scatter: float) -> None:
    """The seeds are fixed; `python -m benchmarks.volume_check` measures more dates."""
    assert measure(mean, scatter, false_alarm_rate=RATE, shops=40, seed=2).false_alarms <= RATE


@pytest.mark.parametrize("mean", [1, 10, 1000])
def test_quiet_data_with_a_short_history_warn_at_most_at_the_stated_rate(mean: float) -> None:
    rates = measure(mean, 0.02, false_alarm_rate=RATE, shops=30, seed=3, days_before=LEAST_DAYS)
    assert rates.false_alarms <= RATE


@pytest.mark.parametrize(
    ("mean", "scatter", "halves", "zeros"), [(10, 0.0, 0.0, 0.9), (100, 0.0, 0.95, 1.0), (10_000, 0.02, 0.9, 1.0)]
)
def test_drops_are_found_with_the_documented_power(mean: float, scatter: float, halves: float, zeros: float) -> None:
    rates = measure(mean, scatter, false_alarm_rate=RATE, shops=20, seed=4)
    assert rates.halves_found >= halves
    assert rates.zeros_found >= zeros


def test_a_lower_rate_gives_a_wider_interval() -> None:
    counts = before(*[100] * DAYS_BEFORE)
    (low, high), (lower, higher) = interval(counts), interval(counts, rate=0.001)
    assert lower < low < 100 < high < higher


def test_a_weekday_is_compared_with_its_own_kind() -> None:
    counts = before(*(300 if back % 7 == 0 else 100 for back in range(1, DAYS_BEFORE + 1)))
    low, high = interval(counts)
    assert 150 < low < 300 < high
    assert interval(counts | {DAY: 300}, DAY + timedelta(days=1))[1] < 200


def test_a_weekday_on_which_the_shop_is_closed_is_usually_empty() -> None:
    counts = before(*(0 if back % 7 == 0 else 100 for back in range(1, DAYS_BEFORE + 1)))
    low, high = interval(counts)
    assert low == 0
    assert high < 20


def test_an_earlier_outage_does_not_hide_the_next_one() -> None:
    usual = [100, 104, 97, 95, 108, 99, 101] * 8
    low, _ = interval(before(*usual))
    usual[3] = usual[10] = 0
    assert interval(before(*usual))[0] == pytest.approx(low, abs=5)


@pytest.mark.parametrize("days", [0, LEAST_DAYS - 1])
def test_few_earlier_days_give_no_interval(days: int) -> None:
    assert usual_orders(before(*[100] * days), [DAY], RATE).row(0) == (DAY, days, None, None, None)


def test_a_weekday_that_was_never_read_gives_no_interval() -> None:
    counts = {day: count for day, count in before(*[100] * DAYS_BEFORE).items() if day.weekday() != DAY.weekday()}
    assert interval(counts) == (None, None)


def test_no_dates_give_no_rows() -> None:
    assert usual_orders({}, [], RATE).height == 0


@given(
    st.lists(st.integers(0, 200), min_size=70, max_size=70),
    st.lists(st.integers(0, 5000), min_size=30, max_size=30),
    st.randoms(use_true_random=False),
)
@settings(max_examples=15, deadline=None)
def test_only_earlier_dates_count_and_neither_order_nor_company_matters(counts, later, random) -> None:
    first = DAY - timedelta(days=len(counts))
    known = {first + timedelta(days=number): count for number, count in enumerate(counts)}
    days = [DAY - timedelta(days=back) for back in range(10)]
    alone = [usual_orders({d: c for d, c in known.items() if d < day}, [day], RATE).row(0) for day in days]
    after = {DAY + timedelta(days=number): count for number, count in enumerate(later, start=1)}
    shuffled = list((known | after).items())
    random.shuffle(shuffled)
    together = usual_orders(dict(shuffled), days, RATE)
    for row, (day, seen, usual, low, high) in zip(together.rows(), alone, strict=True):
        assert (row[0], row[1], row[3], row[4]) == (day, seen, low, high)
        assert row[2] == pytest.approx(usual)


@given(st.lists(st.integers(0, 10**9), min_size=DAYS_BEFORE, max_size=DAYS_BEFORE))
@settings(max_examples=40, deadline=None)
def test_any_history_gives_an_interval(counts: list[int]) -> None:
    low, high = interval(before(*counts))
    assert 0 <= low <= high

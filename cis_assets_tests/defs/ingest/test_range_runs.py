"""Ranges of due dates: each date once, others only where too many ranges would be needed."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cis_assets.dates import DateRange, neighbouring_ranges
from cis_assets.defs.ingest.range_runs import covering_ranges

START = date(2025, 1, 1)


def calendar(kinds: str) -> dict[str, set[date]]:
    """Dates by kind, from a letter per day: d(ue), u(nchanged), b(arred), anything else absent."""
    days = {name: set() for name in ("due", "unchanged", "barred")}
    for number, letter in enumerate(kinds):
        for name, found in days.items():
            if name[0] == letter:
                found.add(START + timedelta(days=number))
    return days


def ranges(kinds: str, most: int) -> list[str]:
    """The ranges as slices of the letters."""
    covering = covering_ranges(**calendar(kinds), most=most)
    return [kinds[(span.first - START).days : (span.last - START).days + 1] for span in covering]


def test_few_ranges_hold_the_due_dates_alone():
    assert ranges("dd-d--ud", most=3) == ["dd", "d", "d"]


def test_too_many_ranges_are_joined_over_dates_that_never_landed_shortest_gap_first():
    assert ranges("d--d-d---d", most=3) == ["d", "d-d", "d"]
    assert ranges("d--d-d---d", most=2) == ["d--d-d", "d"]


def test_all_gaps_of_one_size_are_closed_together():
    assert ranges("d-d-d--d", most=3) == ["d-d-d", "d"]


def test_dates_that_did_not_change_are_run_again_only_when_nothing_else_helps():
    assert ranges("dud-----d", most=2) == ["d", "d-----d"]
    assert ranges("dud-----d", most=1) == ["dud-----d"]


def test_the_gap_with_the_fewest_unchanged_dates_goes_first():
    assert ranges("duududuuud", most=3) == ["d", "dud", "d"]


def test_a_barred_date_is_covered_by_no_range_even_if_there_are_too_many():
    assert ranges("dbdbd-d", most=1) == ["d", "d", "d-d"]


def test_nothing_due_needs_no_range():
    assert ranges("uu-b", most=1) == []


def test_a_thousand_trading_days_are_one_range():
    days = [START + timedelta(days=number) for number in range(1167)]
    open_days = [day for day in days if day.isoweekday() != 7][:1000]
    assert covering_ranges(open_days, unchanged=set(), barred=set(), most=10) == [
        DateRange(open_days[0], open_days[-1])
    ]


@given(st.text(alphabet="dub-", max_size=60), st.integers(1, 6))
def test_every_due_date_is_covered_once_and_others_only_of_need(kinds: str, most: int):
    days = calendar(kinds)
    covering = covering_ranges(**days, most=most)
    covered = [day for span in covering for day in span]
    assert len(covered) == len(set(covered))
    assert covered == sorted(covered)
    assert days["due"] <= set(covered)
    assert not days["barred"] & set(covered)
    alone = neighbouring_ranges(days["due"])
    if len(alone) <= most:
        assert covering == alone
    else:
        # Within the limit, unless a barred date lies in every gap that is left.
        assert len(covering) <= most or all(
            any(before.last < day < after.first for day in days["barred"]) for before, after in pairwise(covering)
        )
    joined_over_none = covering_ranges(
        days["due"], unchanged=set(), barred=days["barred"] | days["unchanged"], most=most
    )
    if len(joined_over_none) <= most:
        assert not days["unchanged"] & set(covered)

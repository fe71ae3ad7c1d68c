"""Which ranges of order dates cover the dates that are due.

Belongs here: arithmetic on sets of dates. Does not belong here: why a date is due, and how it is run.

A range costs a run, so there are never many: up to `most`, ranges hold the due dates alone. With more, gaps between
them are closed, all gaps of one size together: first gaps that hold no date that was run before, shortest first; then
gaps with such dates, fewest first. A gap with a barred date stays open, whatever the number of ranges.
"""

from __future__ import annotations

from collections.abc import Collection, Set
from datetime import date, timedelta
from itertools import pairwise

from cis_assets.dates import DateRange, neighbouring_ranges

MOST_RANGES = 10


def covering_ranges(
    due: Collection[date], *, unchanged: Set[date], barred: Set[date], most: int = MOST_RANGES
) -> list[DateRange]:
    """Ranges that cover each due date once, in order: at most `most`, or as few as `barred` allows.

    `unchanged` are dates that were run before and need not be run again, `barred` those that no range may cover.
    """
    ranges = neighbouring_ranges(due)
    prices = [
        _price(DateRange(before.last + timedelta(days=1), after.first - timedelta(days=1)), unchanged, barred)
        for before, after in pairwise(ranges)
    ]
    limit = _limit([price for price in prices if price is not None], len(ranges) - most)
    covering = ranges[:1]
    for after, price in zip(ranges[1:], prices, strict=True):
        if price is not None and limit is not None and price <= limit:
            covering[-1] = DateRange(covering[-1].first, after.last)
        else:
            covering.append(after)
    return covering


def _price(gap: DateRange, unchanged: Set[date], barred: Set[date]) -> tuple[int, int] | None:
    """What closing a gap costs: dates run again for nothing, then dates in all; None if it must stay open."""
    days = set(gap)
    return None if days & barred else (len(days & unchanged), len(gap))


def _limit(prices: list[tuple[int, int]], surplus: int) -> tuple[int, int] | None:
    """The price up to which gaps are closed, so that there are `surplus` fewer; None if none needs to be closed."""
    return sorted(prices)[min(surplus, len(prices)) - 1] if surplus > 0 and prices else None

"""Choose the ranges of order dates that cover the due dates.

Each range costs a run. With up to `most` ranges, they hold the due dates alone. Otherwise gaps between them are closed:
first gaps without unchanged dates, shortest first; then gaps with the fewest unchanged dates. Gaps of the same cost are
closed together. A gap with a barred date is never closed.
"""

from collections.abc import Collection, Set
from datetime import date, timedelta
from itertools import pairwise

from cis_assets.dates import DateRange, neighbouring_ranges


def covering_ranges(due: Collection[date], *, unchanged: Set[date], barred: Set[date], most: int) -> list[DateRange]:
    """Cover each due date once, in order, with at most `most` ranges, or with as few as `barred` allows.

    A range may cover `unchanged` dates, which then run again needlessly. It must not cover `barred` dates.
    """
    ranges = neighbouring_ranges(due)
    costs = [
        _closing_cost(DateRange(before.last + timedelta(days=1), after.first - timedelta(days=1)), unchanged, barred)
        for before, after in pairwise(ranges)
    ]
    closable = sorted(cost for cost in costs if cost is not None)
    surplus = min(len(ranges) - most, len(closable))
    limit = closable[surplus - 1] if surplus > 0 else (-1, -1)
    covering = ranges[:1]
    for after, cost in zip(ranges[1:], costs, strict=True):
        if cost is not None and cost <= limit:
            covering[-1] = DateRange(covering[-1].first, after.last)
        else:
            covering.append(after)
    return covering


def _closing_cost(gap: DateRange, unchanged: Set[date], barred: Set[date]) -> tuple[int, int] | None:
    """Count the unchanged dates and all dates of a gap; None if it must stay open."""
    days = set(gap)
    return None if days & barred else (len(days & unchanged), len(gap))

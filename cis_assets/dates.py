"""Order dates as plain values: parsing, listing and grouping days.

Belongs here: arithmetic on dates that every floor may need. Does not belong here: Dagster's partition
definitions and mappings (see `defs/partitions.py`) and anything that looks at storage.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

EPOCH = date(1970, 1, 1)
DAYS_AT_ONCE = 61
"""How many days of orders are computed together: a range of any length then needs no more memory than two months."""

_RANGES_NAMED = 5
_FOLDER = re.compile(r"order_date=(\d{4}-\d{2}-\d{2})")


@dataclass(frozen=True, order=True)
class DateRange:
    """Consecutive days, both ends included."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError(f"The date range {self.first} to {self.last} ends before it begins.")

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first} to {self.last}"

    def __iter__(self) -> Iterator[date]:
        for offset in range(len(self)):
            yield self.first + timedelta(days=offset)

    def __len__(self) -> int:
        return (self.last - self.first).days + 1

    def chunks(self, days: int) -> list[DateRange]:
        """The range cut into ranges of `days` days, the last one perhaps shorter."""
        firsts = (self.first + timedelta(days=offset) for offset in range(0, len(self), days))
        return [DateRange(first, min(first + timedelta(days=days - 1), self.last)) for first in firsts]

    def __contains__(self, day: object) -> bool:
        return isinstance(day, date) and self.first <= day <= self.last


def day_number(day: date) -> int:
    """Days since 1970-01-01, the integer that tables carry for engine-neutral day arithmetic."""
    return (day - EPOCH).days


def trailing_window(last: date, days: int) -> DateRange:
    """The `days` days that end with `last`."""
    return DateRange(last - timedelta(days=days - 1), last)


def neighbouring_ranges(days: Iterable[date]) -> list[DateRange]:
    """Group days into the fewest ranges of consecutive days, in order; duplicates count once."""
    ranges: list[DateRange] = []
    for day in sorted(set(days)):
        if ranges and ranges[-1].last + timedelta(days=1) == day:
            ranges[-1] = DateRange(ranges[-1].first, day)
        else:
            ranges.append(DateRange(day, day))
    return ranges


def days_in_words(days: Iterable[date]) -> str:
    """Days as their ranges in words, the first few of them."""
    ranges = [str(span) for span in neighbouring_ranges(days)]
    further = f" and {len(ranges) - _RANGES_NAMED} more" if len(ranges) > _RANGES_NAMED else ""
    return ", ".join(ranges[:_RANGES_NAMED]) + further


def parse_date_folder(name: str) -> date | None:
    """The date that a folder name such as `order_date=2026-03-01` carries, or None if it is no such name."""
    match = _FOLDER.fullmatch(name)
    if match is None:
        return None
    try:
        return date.fromisoformat(match.group(1))
    except ValueError:
        return None

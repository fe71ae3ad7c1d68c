"""Parsing, listing and grouping of order dates. Dagster's partitions are in `defs/partitions.py`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

EPOCH = date(1970, 1, 1)
DAYS_AT_ONCE = 61
"""Number of days of orders that are computed together, which limits the memory of long ranges."""

_RANGES_NAMED = 5
_FOLDER = re.compile(r"order_date=(\d{4}-\d{2}-\d{2})")


@dataclass(frozen=True, order=True)
class DateRange:
    """Consecutive days, including both ends. Raises ValueError if the last day is before the first."""

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
        """Split the range into ranges of `days` days; the last one may be shorter."""
        firsts = (self.first + timedelta(days=offset) for offset in range(0, len(self), days))
        return [DateRange(first, min(first + timedelta(days=days - 1), self.last)) for first in firsts]

    def __contains__(self, day: object) -> bool:
        return isinstance(day, date) and self.first <= day <= self.last


def today(time_zone: str) -> date:
    """Read the clock: the present day in an IANA time zone. Only commands and checks call it, because tables have no clock."""
    return datetime.now(ZoneInfo(time_zone)).date()


def day_number(day: date) -> int:
    """Days since 1970-01-01, which tables store for day arithmetic on any engine."""
    return (day - EPOCH).days


def trailing_window(last: date, days: int) -> DateRange:
    """The `days` days that end with `last`."""
    return DateRange(last - timedelta(days=days - 1), last)


def neighbouring_ranges(days: Iterable[date]) -> list[DateRange]:
    """Group days into the fewest ranges of consecutive days, ascending; duplicates count once."""
    ranges: list[DateRange] = []
    for day in sorted(set(days)):
        if ranges and ranges[-1].last + timedelta(days=1) == day:
            ranges[-1] = DateRange(ranges[-1].first, day)
        else:
            ranges.append(DateRange(day, day))
    return ranges


def days_in_words(days: Iterable[date]) -> str:
    """Format days as text: the first five ranges, and the number of further ones."""
    ranges = [str(span) for span in neighbouring_ranges(days)]
    further = f" and {len(ranges) - _RANGES_NAMED} more" if len(ranges) > _RANGES_NAMED else ""
    return ", ".join(ranges[:_RANGES_NAMED]) + further


def parse_date_folder(name: str) -> date | None:
    """The date in a folder name such as `order_date=2026-03-01`; None for any other name."""
    match = _FOLDER.fullmatch(name)
    try:
        return date.fromisoformat(match.group(1)) if match else None
    except ValueError:
        return None

"""The workload: the days of the benchmark, their files, and the tables written from them.

Plain values without heavy imports, for the parent process and the measured processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

FIRST_DAY = date(2024, 1, 1)
TABLE = ("silver", "order_items")
PARTITION_COLUMN = "order_date"


@dataclass(frozen=True)
class Workload:
    """`days` days of `rows` order lines each that make up the table, and `further` days to add to it one by one."""

    folder: str
    days: int
    rows: int
    further: int
    seed: int = 7

    def table_days(self) -> list[date]:
        return [FIRST_DAY + timedelta(days=number) for number in range(self.days)]

    def further_days(self) -> list[date]:
        return [FIRST_DAY + timedelta(days=self.days + number) for number in range(self.further)]

    def all_days(self) -> list[date]:
        return self.table_days() + self.further_days()

    def day_file(self, day: date) -> str:
        return str(Path(self.folder, "order_lines", f"{day}.parquet"))

    def checksum_file(self) -> str:
        return str(Path(self.folder, "checksums.parquet"))

    def lake(self, contender: str) -> str:
        """Root of the lake that a contender writes."""
        return str(Path(self.folder, "lakes", contender))

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def table_uri(lake: str) -> str:
    """The address of the table in a lake; all contenders use the same layout."""
    return str(Path(lake, *TABLE))


def files_of(workload: Workload, days: Sequence[date]) -> list[str]:
    return [workload.day_file(day) for day in days]

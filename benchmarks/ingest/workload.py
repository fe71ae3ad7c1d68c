"""What is read and written: the order dates, their landing files, and the lakes.

Plain values without heavy imports, for the parent process as for the measured ones.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

FIRST_DAY = date(2025, 10, 1)
PARTITION_COLUMN = "order_date"
# What a script would keep of an order date; the other tables of bronze and silver hold no rows of clean files.
COMPARED = ("bronze/orders", "bronze/order_items", "silver/orders", "silver/order_items")


@dataclass(frozen=True)
class Workload:
    """`days` order dates of `rows` order lines each."""

    folder: str
    days: int
    rows: int
    seed: int = 7

    def order_dates(self) -> list[date]:
        return [FIRST_DAY + timedelta(days=number) for number in range(self.days)]

    @property
    def landing(self) -> str:
        return str(Path(self.folder, "landing"))

    def landing_path(self, table: str, day: date) -> str:
        """Where a file of a date lands, below the landing folder."""
        return f"{table}/order_date={day}/{table}.csv"

    def landing_file(self, table: str, day: date) -> str:
        return str(Path(self.landing, self.landing_path(table, day)))

    def products_file(self) -> str:
        return str(Path(self.landing, "products", "products.csv"))

    def lake(self, contender: str) -> str:
        """Root of the lake that a contender writes."""
        return str(Path(self.folder, "lakes", contender))

    def home(self, contender: str) -> str:
        """DAGSTER_HOME beside that lake."""
        return str(Path(self.folder, "homes", contender))

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def table_uri(lake: str, path: str) -> str:
    return str(Path(lake, path))

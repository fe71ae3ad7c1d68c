"""The workload: order dates, landing files and lakes, as plain values without heavy imports."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

# The trailing window of the features, in the platform and in the scripts alike.
HISTORY_DAYS = 365
FEATURES = "gold/customer_features"


@dataclass(frozen=True)
class Workload:
    """Orders of `customers` invented customers on the `days` order dates that end with `end` (ISO 8601).

    `landed` names landing files of that size that are there already; they are read, never written.
    """

    folder: str
    customers: int
    days: int
    end: str
    landed: str | None = None

    @property
    def last(self) -> date:
        return date.fromisoformat(self.end)

    @property
    def first(self) -> date:
        return self.last - timedelta(days=self.days - 1)

    @property
    def window_first(self) -> date:
        """First day of the features' trailing window."""
        return self.last - timedelta(days=HISTORY_DAYS - 1)

    @property
    def landing(self) -> str:
        return self.landed or str(Path(self.folder, f"landing-{self.customers}"))

    def lake(self, name: str) -> str:
        """Root of the lake that is called `name`: a contender, or a history that is cut from the platform's."""
        return str(Path(self.folder, f"lakes-{self.customers}", name))

    def home(self, name: str) -> str:
        """DAGSTER_HOME beside that lake."""
        return str(Path(self.folder, f"homes-{self.customers}", name))

    def share(self, divisor: int) -> Workload:
        """The same dates with 1/divisor of the customers, from landing files of its own."""
        return self if divisor == 1 else replace(self, customers=self.customers // divisor, landed=None)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def table_uri(lake: str, path: str) -> str:
    return str(Path(lake, path))

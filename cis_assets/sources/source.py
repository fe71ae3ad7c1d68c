"""The interface of a source of landing files: snapshots, and order dates with their rows.

Does not belong here: folders and storage (`landing_writer.py`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

import polars as pl


@dataclass(frozen=True)
class LandedDay:
    """The landing rows of one order date, with the columns of the contract.

    `dirty_orders` and `dirty_order_items` are lines of CSV text that a source adds on purpose, for the
    reader to reject. A source of real data has none.
    """

    order_date: date
    orders: pl.DataFrame
    order_items: pl.DataFrame
    dirty_orders: tuple[str, ...] = field(default=())
    dirty_order_items: tuple[str, ...] = field(default=())


class LandingSource(Protocol):
    """A writer of landing files: the sample generator, the Instacart release."""

    @property
    def name(self) -> str:
        """The name of the source in `cis land NAME`. Files of different sources never mix."""
        ...

    def snapshots(self) -> Mapping[str, pl.DataFrame]:
        """Build the snapshots by landing table name (products, aisles, departments, customers, offers)."""
        ...

    def days(self) -> Iterator[LandedDay]:
        """Yield the order dates, each once, in any order."""
        ...

    @property
    def day_count(self) -> int:
        """The number of dates that `days` yields, for a progress bar."""
        ...

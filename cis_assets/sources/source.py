"""What every source of landing files hands over: snapshots once, then days of orders in any order.

A source knows nothing of folders or storage; `landing/writer.py` puts what it yields where the contract says.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

import polars as pl


@dataclass(frozen=True)
class LandedDay:
    """The landing rows of one order date, with the columns of the contract.

    `dirty_orders` and `dirty_order_items` are lines of CSV text that a source adds on purpose, to be set aside
    by the reader (a source of real data has none).
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
        """What the source is called in `cis land NAME`; files of one source never mix with another's."""
        ...

    def snapshots(self) -> Mapping[str, pl.DataFrame]:
        """Dimension frames by landing table name (products, aisles, departments, customers, offers)."""
        ...

    def days(self) -> Iterator[LandedDay]:
        """The order dates, each once."""
        ...

    @property
    def day_count(self) -> int:
        """How many days `days` yields, for a progress bar."""
        ...

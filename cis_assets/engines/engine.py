"""The interface of an engine, and the plain values that name a table and a slice of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import narwhals as nw

from cis_assets.catalog import Table
from cis_assets.engines.parts import LazyParts
from cis_assets.errors import OperatorError
from cis_assets.partitions import DateRange


@dataclass(frozen=True)
class TableLocation:
    """Where a Delta table lives, with the options of its store (they may hold secrets, so they are not shown)."""

    uri: str
    storage_options: Mapping[str, str] = field(default_factory=dict, repr=False)


class EmptySliceError(OperatorError):
    """A slice was about to be replaced by no rows although the catalog says the table is never empty."""


class OutsideSliceError(OperatorError):
    """A frame holds rows whose date lies outside the slice that it was to replace."""


class TableAbsentError(OperatorError):
    """There is no Delta table at a location that is to be read."""


class Engine(Protocol):
    """Scans and replaces slices of Delta tables."""

    def scan(
        self, table: Table, location: TableLocation, days: DateRange | None, columns: Sequence[str] | None = None
    ) -> nw.LazyFrame:
        """Rows of `table` whose partition date lies in `days` (None: all rows), lazily, with `columns` or all.

        Raises TableAbsentError if no table exists there; every other fault of the store is raised as it is.
        """
        ...

    def replace(self, table: Table, location: TableLocation, days: DateRange | None, parts: LazyParts) -> int:
        """Replace the rows of `days` (None: the whole unpartitioned table) in one commit; return the row count.

        The parts have the catalog's columns and types and are computed one after another. Raises EmptySliceError or
        OutsideSliceError and leaves the table as it was.
        """
        ...

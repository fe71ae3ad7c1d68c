"""The interface of an engine, and the plain values that name a table and what was written to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import narwhals as nw
from deltalake import DeltaTable

from cis_assets.catalog import Table
from cis_assets.errors import OperatorError
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.slices import Slice


@dataclass(frozen=True)
class TableLocation:
    """Where a Delta table lives, with the options of its store (they may hold secrets, so they are not shown).

    `storage_options` are delta-rs', `polars_options` the same in polars' types.
    """

    uri: str
    storage_options: Mapping[str, str] = field(default_factory=dict, repr=False)
    polars_options: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Written:
    """What a write did: the rows it brought, and the table as it was after the write's own commit."""

    rows: int
    table: DeltaTable


class EmptySliceError(OperatorError):
    """A slice was about to be replaced by no rows although the catalog says the table is never empty."""


class OutsideSliceError(OperatorError):
    """A frame holds a row outside the slice that it was to be written to."""


class BrokenRuleError(OperatorError):
    """A row to be written breaks a rule that the catalog states for its columns."""


class DuplicateKeyError(OperatorError):
    """Rows to be merged by key lack a key or share one."""


class TableAbsentError(OperatorError):
    """There is no Delta table at a location that is to be read."""


class Engine(Protocol):
    """Scans and writes slices of Delta tables.

    Each write is one commit: when it returns, the table is the new one; when it raises, it is the old one (or, if the
    store stopped answering at the very moment of the commit, an UnsettledCommitError says that this is not known).
    The parts have the catalog's columns and types and are computed one after another.
    """

    def scan(
        self, table: Table, location: TableLocation, where: Slice, columns: Sequence[str] | None = None
    ) -> nw.LazyFrame:
        """Rows of `table` in a slice, lazily, with `columns` or all, as the table is now.

        Raises TableAbsentError if no table exists there; every other fault of the store is raised as it is.
        """
        ...

    def replace(self, table: Table, location: TableLocation, where: Slice, parts: LazyChunks) -> Written:
        """Replace the rows of a slice. Raises EmptySliceError or OutsideSliceError."""
        ...

    def append(
        self, table: Table, location: TableLocation, where: Slice, batches: Mapping[str, Slice], parts: LazyChunks
    ) -> Written:
        """Add the rows of a slice that belong to batches which were not added before, each batch exactly once.

        `batches` names each batch for good (the name is kept in the table's log) and says which rows belong to it;
        together they make up the slice. Raises OutsideSliceError.
        """
        ...

    def merge(self, table: Table, location: TableLocation, where: Slice, parts: LazyChunks) -> Written:
        """Update the rows of a slice that have the same key and add the others; rows that are not named stay.

        Raises OutsideSliceError, or DuplicateKeyError if a key is missing or comes twice.
        """
        ...

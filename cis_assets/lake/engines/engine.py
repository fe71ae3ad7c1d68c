"""The interface of an engine, and the values that say where a table is and what was written to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import narwhals as nw
from deltalake import DeltaTable

from cis_assets.catalog import Table
from cis_assets.errors import OperatorError
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.slices import Slice
from cis_assets.storage.durability import Sync, sync_paths
from cis_assets.storage.timeouts import Timeouts


@dataclass(frozen=True)
class TableLocation:
    """The address of a Delta table and the options to connect to it, which may hold secrets and are not shown.

    `storage_options` are for delta-rs, `polars_options` are the same for polars.
    `timeouts` are for obstore (by default those of the process). The lake at `lake_uri` remembers the table's last version;
    without it, nothing does. `sync` makes writes to a local disk durable.
    """

    uri: str
    storage_options: Mapping[str, str] = field(default_factory=dict, repr=False)
    polars_options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    timeouts: Timeouts | None = None
    lake_uri: str = ""
    sync: Sync = field(default=sync_paths, repr=False)

    @property
    def name(self) -> str:
        """The table's path in the lake, or its address if the lake is unknown."""
        return self.uri.removeprefix(self.lake_uri).strip("/") if self.lake_uri else self.uri


@dataclass(frozen=True)
class Written:
    """The result of a write: the number of its rows, and the table after its commit."""

    rows: int
    table: DeltaTable


class EmptySliceError(OperatorError):
    """A slice would become empty although the catalog says that the table is never empty."""


class OutsideSliceError(OperatorError):
    """A frame has a row outside the slice that it is written to."""


class BrokenRuleError(OperatorError):
    """A row breaks a rule of the catalog."""


class DuplicateKeyError(OperatorError):
    """Rows that are merged by key lack a key or share one."""


class TableAbsentError(OperatorError):
    """There is no Delta table to read at a location."""


class Engine(Protocol):
    """Scans and writes slices of Delta tables.

    Each write is one commit: when it returns, the table has the new rows; when it raises, it has the old ones. If the
    storage stops answering during the commit, UnsettledCommitError says that the outcome is unknown. The chunks have the
    catalog's columns and types and are computed one after another.
    """

    def scan(
        self, table: Table, location: TableLocation, where: Slice, columns: Sequence[str] | None = None
    ) -> nw.LazyFrame:
        """Read a slice of the table's newest version lazily, with `columns` or all columns.

        Raises TableAbsentError if there is no table, and StorageError if the storage fails.
        """
        ...

    def empty(self, table: Table) -> nw.LazyFrame:
        """Make a frame of the table's columns without rows."""
        ...

    def replace(self, table: Table, location: TableLocation, where: Slice, chunks: LazyChunks) -> Written:
        """Replace the rows of a slice. Raises EmptySliceError, OutsideSliceError or BrokenRuleError."""
        ...

    def append(
        self, table: Table, location: TableLocation, where: Slice, batches: Mapping[str, Slice], chunks: LazyChunks
    ) -> Written:
        """Add the rows of those batches that were not added before, each batch exactly once.

        `batches` gives each batch a permanent name, which the table's log keeps, and says which rows belong to it. The
        batches together make up the slice. Raises OutsideSliceError or BrokenRuleError.
        """
        ...

    def merge(self, table: Table, location: TableLocation, where: Slice, chunks: LazyChunks) -> Written:
        """Update the rows of a slice that have the same key and add the others. All other rows stay.

        Raises OutsideSliceError, or DuplicateKeyError if a key is null or not unique.
        """
        ...

"""Stored Delta tables as the catalog describes them: open, create, and add new columns and constraints.

A new table gets the catalog's columns, comments, NOT NULL and CHECK constraints, partitioning and properties. An existing
one is compared with the catalog before each write (`stored_schema.py`): new nullable columns and new rules are added here,
and the write path converts stored rows to new types. Any other difference is refused. An error of the storage never counts
as the absence of a table.
"""

import re
from typing import Any
from urllib.parse import unquote

import narwhals as nw
import polars as pl
from deltalake import DeltaTable, PostCommitHookProperties, Schema
from deltalake.exceptions import DeltaError, TableNotFoundError

from cis_assets.catalog import SchemaMismatchError, Table
from cis_assets.lake.damage import refuse_damaged_log, refuse_damaged_slice, refuse_lost_log
from cis_assets.lake.engines.engine import TableAbsentError, TableLocation
from cis_assets.lake.slices import WHOLE, Slice, rows_in
from cis_assets.lake.stored_schema import catalog_fields, compare
from cis_assets.lake.table_versions import (
    prepare_to_write,
    read_known_version,
    refuse_damage,
    refuse_damaged_files,
    refuse_shorter,
    settle,
)
from cis_assets.storage.addresses import is_local
from cis_assets.storage.errors import storage_errors

# Only maintenance and erasure remove old commits, after the checkpoint that replaces them is on the disk.
KEEP_LOG = PostCommitHookProperties(cleanup_expired_logs=False)
_CONSTRAINT = "delta.constraints."
# delta-rs drops the cast, and without it writes the limit of a decimal as a literal that other engines do not know.
_WHOLE_LIMIT = re.compile(r"([<>]=?) (-?[0-9]{1,9})$")
_BROKEN_BY_STORED_ROWS = "failed validation check"


class _LocalTable(DeltaTable):
    """A table in a local folder. delta-rs percent-encodes the folder, and polars opens paths as they are spelled.

    Below the folder, delta-rs already spells a path as the disk does.
    """

    @property
    def table_uri(self) -> str:
        return unquote(super().table_uri)

    def file_uris(self, *arguments: Any, **options: Any) -> list[str]:
        encoded = super().table_uri.removeprefix("file://")
        folder = unquote(encoded)
        uris = [uri.removeprefix("file://") for uri in super().file_uris(*arguments, **options)]
        return [folder + uri.removeprefix(encoded) for uri in uris]


def connect(location: TableLocation) -> DeltaTable:
    """Open the newest version of a table; TableNotFoundError, OSError or DeltaError from delta-rs if that fails."""
    opened = _LocalTable if is_local(location.uri) else DeltaTable
    return opened(location.uri, storage_options=dict(location.storage_options))


def exists(location: TableLocation) -> bool:
    """Whether there is a table; storage that does not answer raises its own error."""
    with storage_errors(f"Reading {location.name} at {location.uri}"):
        return _open_if_exists(location) is not None


def open_table(table: Table, location: TableLocation) -> DeltaTable:
    """Open the newest version of a table. Raises TableAbsentError if there is none, StorageError if that is unknown."""
    with storage_errors(f"Reading {table.path} at {location.uri}"):
        stored = _open_if_exists(location)
    if stored is None:
        raise TableAbsentError(f"There is no table {table.path} at {location.uri} yet: materialize it first.")
    return stored


def scan_stored(stored: DeltaTable, location: TableLocation, where: Slice = WHOLE) -> pl.LazyFrame:
    """Read a slice of an opened table lazily, with the stored columns. TableDamagedError if a local file was lost."""
    refuse_damaged_slice(location, stored, where)
    frame = pl.scan_delta(stored, storage_options=dict(location.polars_options) or None)
    return rows_in(nw.from_native(frame), where).to_native()


def count_logged_rows(stored: DeltaTable, where: Slice = WHOLE) -> int | None:
    """Count the rows of a slice from the table's log; None if a file of another writer has no row count."""
    files = pl.DataFrame(stored.get_add_actions(flatten=True))
    wanted = [pl.col(f"partition.{column}").is_in(list(values)) for column, values in where.conditions]
    rows = files.filter(pl.all_horizontal(True, *wanted))["num_records"].to_list()
    return None if None in rows else sum(rows)


def _open_if_exists(location: TableLocation) -> DeltaTable | None:
    # Read before the table: a version that another writer remembers meanwhile is not one that the table lost.
    known = read_known_version(location)
    # `DeltaTable.is_deltatable` would ask too, but blocks all threads of the process for as long as the storage hangs.
    if not is_local(location.uri) or refuse_damage(location):
        try:
            return connect(location)
        except TableNotFoundError:
            refuse_shorter(location, known, None)
        except DeltaError:
            refuse_damaged_log(location)
            raise
    refuse_lost_log(location)
    return None


def open_or_create(table: Table, location: TableLocation) -> DeltaTable:
    """Open a table for writing, as the catalog describes it; losing a race to create it is no error.

    A table whose stored rows must be converted first is returned as it is stored. Raises SchemaMismatchError if stored rows
    cannot become rows of the catalog, and CommitFailedError of delta-rs if another process changed the table's description
    at the same moment.
    """
    prepare_to_write(location)
    known = read_known_version(location)
    stored = _open_if_exists(location)
    if stored is None:
        DeltaTable.create(
            location.uri,
            schema=Schema(list(catalog_fields(table).values())),
            mode="ignore",
            partition_by=list(table.partition_by) or None,
            name=table.path,
            description=table.description,
            configuration=dict(table.properties),
            storage_options=dict(location.storage_options),
        )
        stored = connect(location)
    refuse_damaged_files(location, stored)
    if stored.version() == 0 or known is None:
        # Without a known version, nothing would tell a torn commit that follows from a lost one.
        settle(location)
    elif not is_local(location.uri):
        refuse_shorter(location, known, stored.version())
    differences = compare(table, stored)
    differences.refuse(table, stored)
    if differences.converted:
        return stored
    if differences.added:
        stored.alter.add_columns(differences.added, post_commithook_properties=KEEP_LOG)
    _constrain(table, stored)
    return stored


def _constrain(table: Table, stored: DeltaTable) -> None:
    """Add the catalog's CHECK constraints to the table and drop those that the catalog no longer has.

    Raises SchemaMismatchError if stored rows break a new constraint.
    """
    configuration = stored.metadata().configuration
    for name in table.former_checks:
        if _CONSTRAINT + name in configuration:
            stored.alter.drop_constraint(name, post_commithook_properties=KEEP_LOG)
    missing = {}
    for name, condition in table.checks.items():
        present = configuration.get(_CONSTRAINT + name)
        if present == condition:
            continue
        if present is not None:
            stored.alter.drop_constraint(name, post_commithook_properties=KEEP_LOG)
        missing[name] = condition
    if not missing:
        return
    spelled = {name: _WHOLE_LIMIT.sub(r"\1 CAST(\2 AS INT)", condition) for name, condition in missing.items()}
    try:
        stored.alter.add_constraint(spelled, post_commithook_properties=KEEP_LOG)
    except DeltaError as error:
        if _BROKEN_BY_STORED_ROWS not in str(error):
            raise
        raise SchemaMismatchError(
            f"Nothing was written to {table.path}: stored rows break a rule that is new in the catalog "
            f"({'; '.join(missing.values())}). Move the table at {stored.table_uri} aside, run "
            f"`cis doctor --accept {table.path}`, and materialize all its partitions again."
        ) from None

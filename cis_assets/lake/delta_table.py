"""Stored Delta tables as the catalog describes them: opening, creating, and growing by new columns.

A table is created with the catalog's columns, comments, NOT NULL and CHECK constraints, partitioning and properties. One
that exists is compared with the catalog before it is written to: a new column that may be missing is added, a rule that
is not there yet becomes a constraint, and any other difference is refused. An error of the store is never taken for the
absence of a table.
"""

from __future__ import annotations

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable, Field, Schema
from deltalake.exceptions import DeltaError, TableNotFoundError

from cis_assets.catalog import SchemaMismatchError, Table
from cis_assets.lake.engines.engine import TableAbsentError, TableLocation
from cis_assets.storage.errors import storage_errors

# Older Arrow types on the way out: Delta has one string type, and delta-rs then need not cast string views.
COMPAT = pl.CompatLevel.oldest()
_CONSTRAINT = "delta.constraints."
_BROKEN_BY_STORED_ROWS = "failed validation check"


def exists(location: TableLocation) -> bool:
    """Whether there is a table; a store that cannot be asked raises its own error."""
    return _opened(location) is not None


def open_table(table: Table, location: TableLocation) -> DeltaTable:
    """Open a table as it is now; TableAbsentError if there is none."""
    with storage_errors(f"Reading {table.path} at {location.uri}"):
        stored = _opened(location)
    if stored is None:
        raise TableAbsentError(f"There is no table {table.path} at {location.uri} yet: materialize it first.")
    return stored


def _opened(location: TableLocation) -> DeltaTable | None:
    """The table, or None if the store says that there is none, and nothing else is wrong."""
    # `DeltaTable.is_deltatable` would ask too, but halts all threads of the process for as long as a store hangs.
    try:
        return DeltaTable(location.uri, storage_options=dict(location.storage_options))
    except TableNotFoundError:
        return None


def open_or_create(table: Table, location: TableLocation) -> DeltaTable:
    """Open a table for writing, as the catalog describes it; a lost race to create it is no error.

    Raises SchemaMismatchError for a stored table that differs in more than new nullable columns, and delta-rs' own
    CommitFailedError if another process changed the table's description at the same moment.
    """
    stored = _opened(location)
    if stored is None:
        DeltaTable.create(
            location.uri,
            schema=Schema(list(_fields(table).values())),
            mode="ignore",
            partition_by=list(table.partition_by) or None,
            name=table.path,
            description=table.description,
            configuration=dict(table.properties),
            storage_options=dict(location.storage_options),
        )
        stored = DeltaTable(location.uri, storage_options=dict(location.storage_options))
    _refuse_other_table(table, stored)
    names = {field.name for field in stored.schema().fields}
    added = [field for name, field in _fields(table).items() if name not in names]
    if added:
        stored.alter.add_columns(added)
    _constrain(table, stored)
    return stored


def _fields(table: Table) -> dict[str, Field]:
    arrow = Schema.from_arrow(table.empty().to_arrow(compat_level=COMPAT).schema)
    return {
        field.name: Field(
            field.name,
            field.type,
            nullable=table.columns[field.name].nullable,
            metadata={"comment": table.column_description(field.name)},
        )
        for field in arrow.fields
    }


def arrow_schema(table: Table) -> pa.Schema:
    """The table's columns as Delta's own types in Arrow, which every reader of its files knows; polars' are wider."""
    fields = pa.schema(Schema(list(_fields(table).values())).to_arrow())
    return pa.schema([field.with_nullable(True).remove_metadata() for field in fields])


def _refuse_other_table(table: Table, stored: DeltaTable) -> None:
    """Raise SchemaMismatchError unless the stored table is the catalog's, or lacks only columns that may be missing."""
    expected = _fields(table)
    found = {field.name: field for field in stored.schema().fields}
    problems = [f"column {name!r} is stored and not in the catalog" for name in found if name not in expected]
    for name, field in expected.items():
        if name not in found:
            if not field.nullable:
                problems.append(
                    f"column {name!r} ({_words(field)}) is not stored, and only a nullable one can be added"
                )
        elif (_words(found[name])) != _words(field):
            problems.append(
                f"column {name!r} is stored as {_words(found[name])} where the catalog says {_words(field)}"
            )
    partitioned_by = tuple(stored.metadata().partition_columns)
    if partitioned_by != table.partition_by:
        problems.append(
            f"it is partitioned by {_listed(partitioned_by)} where the catalog says {_listed(table.partition_by)}"
        )
    if problems:
        raise SchemaMismatchError(
            f"Nothing was written to {table.path}: {'; '.join(problems)}. Bring the catalog back to what is stored, or "
            f"move the table at {stored.table_uri} aside and materialize all its partitions again."
        )


def _words(field: Field) -> str:
    """A column's type as the log spells it, and whether it may be missing."""
    kind = field.type
    # A nested type has no short name; its nullability is that of what polars writes and not the catalog's to choose.
    shown = getattr(kind, "type", None) if not hasattr(kind, "element_type") else f"array of {_element(kind)}"
    return f"{shown} {'nullable' if field.nullable else 'NOT NULL'}"


def _element(kind: object) -> str:
    element = kind.element_type  # pyright: ignore[reportAttributeAccessIssue]
    return f"array of {_element(element)}" if hasattr(element, "element_type") else element.type


def _listed(columns: tuple[str, ...]) -> str:
    return ", ".join(columns) or "nothing"


def _constrain(table: Table, stored: DeltaTable) -> None:
    """Give the table the catalog's CHECK constraints, and take those from it that the catalog has no longer.

    Raises SchemaMismatchError if rows that are stored break a constraint that is new.
    """
    configuration = stored.metadata().configuration
    for name in table.former_checks:
        if _CONSTRAINT + name in configuration:
            stored.alter.drop_constraint(name)
    missing = {}
    for name, condition in table.checks.items():
        present = configuration.get(_CONSTRAINT + name)
        if present == condition:
            continue
        if present is not None:
            stored.alter.drop_constraint(name)
        missing[name] = condition
    if not missing:
        return
    try:
        stored.alter.add_constraint(missing)
    except DeltaError as error:
        if _BROKEN_BY_STORED_ROWS not in str(error):
            raise
        raise SchemaMismatchError(
            f"Nothing was written to {table.path}: rows that are stored break a rule which is new in the catalog "
            f"({'; '.join(missing.values())}). Move the table at {stored.table_uri} aside and materialize all its "
            "partitions again."
        ) from None

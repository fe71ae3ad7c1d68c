"""The columns of a stored table beside those of the catalog, and how stored rows become rows of the catalog without loss.

A nullable column can be added. A wider number type, a column that may be missing now, and a new column with a value for
stored rows (`Table.fills`) need a conversion: readers convert on the way, and the next write rewrites the table first
(`write_path.py`). Every other difference is refused.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable, Field, Schema

from cis_assets.catalog import SchemaMismatchError, Table

# Delta has one string type; with older Arrow types delta-rs need not cast string views.
COMPAT = pl.CompatLevel.oldest()
_INTEGERS = ("byte", "short", "integer", "long")
_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)")


@dataclass
class Differences:
    """`added` columns are nullable. `converted` says what to convert, `refused` what cannot be converted."""

    added: list[Field] = field(default_factory=list)
    converted: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def refuse(self, table: Table, stored: DeltaTable) -> None:
        """Raise SchemaMismatchError if there is a difference that cannot be converted."""
        if self.refused:
            raise SchemaMismatchError(
                f"Nothing was written to {table.path}: {'; '.join(self.refused)}. Bring the catalog back to what is "
                f"stored, or move the table at {stored.table_uri} aside, run `cis doctor --accept {table.path}`, and "
                "materialize all its partitions again."
            )


def compare(table: Table, stored: DeltaTable) -> Differences:
    """Compare the columns and the partitioning of a stored table with the catalog."""
    expected, differences = catalog_fields(table), Differences()
    found = {field.name: field for field in stored.schema().fields}
    differences.refused += [
        f"column {name!r} is stored and not in the catalog" for name in found if name not in expected
    ]
    for name, wanted in expected.items():
        if name not in found:
            _compare_new(table, wanted, differences)
        elif _describe(found[name]) != _describe(wanted):
            change = f"column {name!r} is stored as {_describe(found[name])} where the catalog says {_describe(wanted)}"
            keeps_rows = wanted.nullable or not found[name].nullable
            is_convertible = keeps_rows and _converts(_describe_type(found[name]), _describe_type(wanted))
            (differences.converted if is_convertible else differences.refused).append(change)
    partitioned_by = tuple(stored.metadata().partition_columns)
    if partitioned_by != table.partition_by:
        differences.refused.append(
            f"it is partitioned by {_join_names(partitioned_by)} where the catalog says {_join_names(table.partition_by)}"
        )
    return differences


def _compare_new(table: Table, wanted: Field, differences: Differences) -> None:
    if wanted.name in table.fills:
        differences.converted.append(f"column {wanted.name!r} is new, with {table.fills[wanted.name]!r} in stored rows")
    elif wanted.nullable:
        differences.added.append(wanted)
    else:
        differences.refused.append(
            f"column {wanted.name!r} ({_describe(wanted)}) is not stored, and only a nullable one can be added"
        )


def convert_columns(
    table: Table, stored: DeltaTable, cast: Callable[[str], Any], fill: Callable[[str, Any], Any]
) -> dict[str, Any]:
    """Express the columns of the catalog that are stored in another form, in the expressions of an engine.

    `cast` gives a stored column the catalog's type. `fill` gives a column that no write has added yet its value.

    Raises SchemaMismatchError if stored rows have no value for a column.
    """
    expected = catalog_fields(table)
    found = {field.name: field for field in stored.schema().fields}
    unknown = [name for name in expected if name not in found and not _is_readable_without(table, name, found)]
    if unknown:
        raise SchemaMismatchError(
            f"{table.path} at {stored.table_uri} is in an older form, without {_join_names(tuple(unknown))}. "
            f"Move that folder aside, run `cis doctor --accept {table.path}`, and materialize the table again."
        )
    return {
        **{name: fill(name, table.fills.get(name)) for name in expected if _is_readable_without(table, name, found)},
        **{
            name: cast(name)
            for name in expected
            if name in found and _widens(_describe_type(found[name]), _describe_type(expected[name]))
        },
    }


def convert_rows(table: Table, stored: DeltaTable) -> list[pl.Expr]:
    """Express the columns that `convert_columns` names for polars."""
    columns = convert_columns(
        table,
        stored,
        cast=lambda name: pl.col(name).cast(table.dtypes[name]),
        fill=lambda name, value: pl.lit(value, table.dtypes[name]),
    )
    return [expression.alias(name) for name, expression in columns.items()]


def _is_readable_without(table: Table, name: str, found: Mapping[str, Field]) -> bool:
    return name not in found and (table.columns[name].nullable or name in table.fills)


def _converts(found: str, wanted: str) -> bool:
    return found == wanted or _widens(found, wanted)


def _widens(found: str, wanted: str) -> bool:
    """Whether a number type holds all values of another one, or refuses those that it cannot hold."""
    if found in _INTEGERS:
        wider = wanted in _INTEGERS and _INTEGERS.index(wanted) > _INTEGERS.index(found)
        return wider or (wanted == "double" and found != "long") or _DECIMAL.fullmatch(wanted) is not None
    old, new = _DECIMAL.fullmatch(found), _DECIMAL.fullmatch(wanted)
    if old and new and found != wanted:
        (digits, places), (new_digits, new_places) = (tuple(map(int, match.groups())) for match in (old, new))
        return new_places >= places and new_digits - new_places >= digits - places
    return (found, wanted) == ("float", "double")


def catalog_fields(table: Table) -> dict[str, Field]:
    """Return the fields of the catalog's columns in the types of Delta, with what may be missing and comments."""
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


def described_arrow_schema(table: Table) -> pa.Schema:
    """Return the catalog's columns with the Arrow types of Delta, what may be missing, and comments."""
    return pa.schema(Schema(list(catalog_fields(table).values())).to_arrow())


def arrow_schema(table: Table) -> pa.Schema:
    """Return the table's columns with the Arrow types of Delta, which every reader knows; those of polars are wider."""
    return pa.schema([field.with_nullable(True).remove_metadata() for field in described_arrow_schema(table)])


def _describe(field: Field) -> str:
    """Name a column's type as the log spells it, and whether it is nullable."""
    return f"{_describe_type(field)} {'nullable' if field.nullable else 'NOT NULL'}"


def _describe_type(field: Field) -> str:
    kind = field.type
    # A nested type has no short name. Polars chooses its nullability, not the catalog.
    return f"array of {_element_type(kind)}" if hasattr(kind, "element_type") else str(getattr(kind, "type", None))


def _element_type(kind: object) -> str:
    element = kind.element_type  # pyright: ignore[reportAttributeAccessIssue]
    return f"array of {_element_type(element)}" if hasattr(element, "element_type") else element.type


def _join_names(columns: tuple[str, ...]) -> str:
    return ", ".join(columns) or "nothing"

"""What a table of the lake is: its place, its columns with types, rules and descriptions, its key.

Belongs here: the description itself and what can be derived from it alone (an empty frame, the rule
expressions of a row, a schema comparison). Does not belong here: how tables are stored or computed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import dataframely as dy
import polars as pl

from cis_assets.errors import OperatorError

ORDER_DATE = "order_date"
AS_OF_DATE = "as_of_date"

_LIMITS = {"min": "below", "min_exclusive": "not above", "max": "above", "max_exclusive": "not below"}
_FAULTS = {"nullability": "is missing", "nan": "is not a number", "inf": "is infinite"}


class SchemaMismatchError(OperatorError):
    """A frame's columns or types differ from the catalog's; the message names table, columns and types."""


@dataclass(frozen=True)
class Table:
    """One Delta table, `<lake>/<layer>/<name>`.

    `grain` says what one row is; `key` names the columns that are unique together (empty: no key);
    `partition_by` is the date column that slices are replaced by (None: the table is replaced whole);
    `may_be_empty` says whether replacing a slice by no rows at all is legal.
    """

    layer: str
    name: str
    schema: type[dy.Schema]
    grain: str
    key: tuple[str, ...] = ()
    partition_by: str | None = None
    may_be_empty: bool = False

    @property
    def path(self) -> str:
        return f"{self.layer}/{self.name}"

    @property
    def description(self) -> str:
        """The schema's docstring as one paragraph."""
        return " ".join((self.schema.__doc__ or "").split())

    @property
    def columns(self) -> Mapping[str, dy.Column]:
        return self.schema.columns()

    @property
    def dtypes(self) -> dict[str, pl.DataType]:
        return {name: column.dtype for name, column in self.columns.items()}

    def column_description(self, column: str) -> str:
        return self.columns[column].description or ""

    def empty(self) -> pl.DataFrame:
        return pl.DataFrame(schema=self.dtypes)

    def conform(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        """Select the table's columns in catalog order, cast to the catalog's types (an impossible cast fails)."""
        return frame.select(pl.col(name).cast(dtype) for name, dtype in self.dtypes.items())

    def refuse_other_schema(self, schema: Mapping[str, Any]) -> None:
        """Raise SchemaMismatchError unless `schema` (name to polars dtype) is the catalog's, in any column order."""
        expected = self.dtypes
        problems = [f"column {name!r} is missing" for name in expected if name not in schema]
        problems += [f"column {name!r} is not in the catalog" for name in schema if name not in expected]
        problems += [
            f"column {name!r} is {schema[name]} where the catalog says {dtype}"
            for name, dtype in expected.items()
            if name in schema and schema[name] != dtype
        ]
        if problems:
            raise SchemaMismatchError(f"Nothing was written to {self.path}: {'; '.join(problems)}.")

    def broken_rules(self, columns: Collection[str] | None = None) -> pl.Expr:
        """The rules that a row breaks in `columns` (default: all), one part of a sentence each, joined by '; ' (null: none).

        Keys are not looked at, since uniqueness is a property of many rows. Raises KeyError for a name that is no column.
        """
        described = self.columns
        reasons = [
            pl.when(~kept.fill_null(True)).then(pl.lit(_reason(name, described[name], rule)))
            for name in (described if columns is None else columns)
            for rule, kept in described[name].validation_rules(pl.col(name)).items()
        ]
        if not reasons:
            return pl.lit(None, pl.String)
        joined = pl.concat_str(reasons, separator="; ", ignore_nulls=True)
        return pl.when(joined != "").then(joined)


def _reason(name: str, column: dy.Column, rule: str) -> str:
    """How a row that breaks a rule of dataframely is described, e.g. `quantity is below 1`."""
    if rule in _LIMITS:
        limit = getattr(column, rule)
        shown = int(limit) if isinstance(limit, float) and limit.is_integer() else limit
        return f"{name} is {_LIMITS[rule]} {shown}"
    if rule == "min_length" and getattr(column, rule) == 1:
        return f"{name} is empty"
    return f"{name} {_FAULTS.get(rule, f'breaks the rule {rule}')}"

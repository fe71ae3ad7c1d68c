"""The description of a lake table: its place, columns, types, rules and key, and what follows from them alone.

How tables are stored or computed does not belong here.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from types import MappingProxyType
from typing import Any

import dataframely as dy
import polars as pl

from cis_assets.errors import OperatorError

ORDER_DATE = "order_date"
AS_OF_DATE = "as_of_date"
QUANTITY = (15, 3)
"""Digits and decimal places of quantities. Fixed-point numbers add up exactly, in any order."""

# Frequent checkpoints, so that opening a table reads few log files; the other values are Delta's defaults.
_PROPERTIES = {
    "delta.checkpointInterval": "10",
    "delta.logRetentionDuration": "interval 30 days",
    "delta.deletedFileRetentionDuration": "interval 7 days",
}

_OPERATORS = {"min": ">=", "min_exclusive": ">", "max": "<=", "max_exclusive": "<"}
_LIMITS = {"min": "below", "min_exclusive": "not above", "max": "above", "max_exclusive": "not below"}
_FAULTS = {"nullability": "is missing", "nan": "is not a number", "inf": "is infinite"}


class SchemaMismatchError(OperatorError):
    """The columns or types of a frame differ from the catalog. The message names table, columns and types."""


@dataclass(frozen=True)
class Table:
    """One Delta table, `<lake>/<layer>/<name>`.

    `grain` says what one row is. `key` names the columns that are unique together (empty: no key). `partition_by` names
    the columns that divide the table into partitions (empty: a write replaces the whole table). `may_be_empty` allows a
    write to replace a slice by no rows. `properties` are Delta table properties. `fills` gives columns that joined the
    catalog later the value of rows that were stored before.
    """

    layer: str
    name: str
    schema: type[dy.Schema]
    grain: str
    key: tuple[str, ...] = ()
    partition_by: tuple[str, ...] = ()
    may_be_empty: bool = False
    properties: Mapping[str, str] = field(default_factory=lambda: dict(_PROPERTIES), hash=False)
    fills: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def path(self) -> str:
        return f"{self.layer}/{self.name}"

    @property
    def description(self) -> str:
        """The schema's docstring as one paragraph."""
        return " ".join((self.schema.__doc__ or "").split())

    @cached_property
    def partition_date(self) -> str | None:
        """The partition column with a date. Days are read and replaced by it."""
        return next((name for name in self.partition_by if self.dtypes[name] == pl.Date), None)

    @cached_property
    def columns(self) -> Mapping[str, dy.Column]:
        return MappingProxyType(self.schema.columns())

    @cached_property
    def dtypes(self) -> Mapping[str, pl.DataType]:
        return MappingProxyType({name: column.dtype for name, column in self.columns.items()})

    def column_description(self, column: str) -> str:
        return self.columns[column].description or ""

    @cached_property
    def checks(self) -> Mapping[str, str]:
        """SQL conditions by name (`quantity_min`): the bounds of numbers, and the rule that a text is not empty.

        They protect the stored table from every writer, also outside this platform. A missing value passes a bound.
        """
        return MappingProxyType(
            {
                f"{name}_{rule}": f"{name} IS NULL OR {condition}" if column.nullable else condition
                for name, column in self.columns.items()
                for rule in column.validation_rules(pl.col(name))
                if (condition := _sql(name, column, rule))
            }
        )

    @property
    def former_checks(self) -> list[str]:
        """Names of possible checks of these columns that the catalog does not have, because a former catalog may have had them."""
        possible = [f"{name}_{rule}" for name in self.columns for rule in (*_OPERATORS, "min_length")]
        return [name for name in possible if name not in self.checks]

    def empty(self) -> pl.DataFrame:
        return self.schema.create_empty()

    def conform(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        """Select the table's columns in catalog order and cast them to the catalog's types; an impossible cast fails."""
        return self.schema.cast(frame)

    def refuse_other_schema(self, schema: Mapping[str, Any]) -> None:
        """Raise SchemaMismatchError unless `schema` (name to polars dtype) equals the catalog's, in any column order."""
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
        """The rules that a row breaks in `columns` (default: all), in words, joined by '; ' (null: none).

        Keys are not checked, because uniqueness is a property of many rows. Raises KeyError for an unknown column.
        """
        described = self.columns
        reasons = [
            pl.when(~kept.fill_null(True)).then(pl.lit(_reason(name, described[name], rule)))
            for name in (described if columns is None else columns)
            for rule, kept in described[name].validation_rules(pl.col(name)).items()
        ]
        return join_reasons(*reasons) if reasons else pl.lit(None, pl.String)


def join_reasons(*reasons: pl.Expr) -> pl.Expr:
    """Join reasons (null where a row keeps the rule) by '; '; null where there is none."""
    joined = pl.concat_str(reasons, separator="; ", ignore_nulls=True)
    return pl.when(joined != "").then(joined)


def describe_key(columns: Sequence[str]) -> pl.Expr:
    """The values of these columns in words, for example `order_id=7, add_to_cart_order=missing`."""
    # Not `pl.format`: polars at times panics where it joins a literal with a column of no rows.
    values = [pl.lit(f"{name}=") + pl.col(name).cast(pl.String).fill_null("missing") for name in columns]
    return pl.concat_str(values, separator=", ")


def _sql(name: str, column: dy.Column, rule: str) -> str | None:
    """A rule of dataframely as SQL in the spelling of delta-rs; None if it has no simple SQL."""
    if rule == "min_length" and column.min_length == 1:  # pyright: ignore[reportAttributeAccessIssue]
        return f"{name} != ''"
    limit = getattr(column, rule, None)
    if rule in _OPERATORS and isinstance(limit, int | float | Decimal):
        return f"{name} {_OPERATORS[rule]} {_plain(limit)}"
    return None


def _reason(name: str, column: dy.Column, rule: str) -> str:
    """The words for a broken rule of dataframely, for example `quantity is below 1`."""
    if rule in _LIMITS:
        limit = getattr(column, rule)
        return f"{name} is {_LIMITS[rule]} {_plain(limit)}"
    if rule == "min_length" and getattr(column, rule) == 1:
        return f"{name} is empty"
    return f"{name} {_FAULTS.get(rule, f'breaks the rule {rule}')}"


def _plain(limit: float | Decimal) -> float | Decimal:
    return int(limit) if not isinstance(limit, int) and limit == int(limit) else limit

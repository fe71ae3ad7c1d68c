"""Slices of tables: conditions on partition columns, as a narwhals expression and as a SQL predicate for Delta.

`partition_slices.py` decides which slice a run of Dagster means.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TypeVar

import narwhals as nw

from cis_assets.catalog import Table
from cis_assets.dates import DateRange

Value = date | str | int
_Frame = TypeVar("_Frame", nw.LazyFrame, nw.DataFrame)


@dataclass(frozen=True)
class Slice:
    """The rows that meet every condition: a column in a range of days, or among values. Without a condition: all rows."""

    conditions: tuple[tuple[str, DateRange | tuple[Value, ...]], ...] = ()

    @classmethod
    def of(cls, **conditions: DateRange | tuple[Value, ...]) -> Slice:
        return cls(tuple(conditions.items()))

    @classmethod
    def of_days(cls, table: Table, days: DateRange | None) -> Slice:
        """Select days of a table that is partitioned by a date, or the whole table for None."""
        if days is None:
            return WHOLE
        if table.partition_date is None:
            raise ValueError(f"{table.path} is not partitioned by days, so {days} names none of its rows.")
        return cls(((table.partition_date, days),))

    def __str__(self) -> str:
        shown = [
            str(wanted) if isinstance(wanted, DateRange) else f"{column} {', '.join(str(value) for value in wanted)}"
            for column, wanted in self.conditions
        ]
        return ", ".join(shown) or "the whole table"

    def expression(self) -> nw.Expr:
        """Express whether a row is in the slice, which must have conditions. A null is in no slice."""
        inside = [
            nw.col(column).is_between(wanted.first, wanted.last)
            if isinstance(wanted, DateRange)
            else nw.col(column).is_in(list(wanted))
            for column, wanted in self.conditions
        ]
        return nw.all_horizontal(*inside, ignore_nulls=False)

    def sql(self, alias: str = "") -> str | None:
        """Render the slice as a Delta predicate, with columns prefixed by `alias`; None for the whole table.

        Raises ValueError for a condition without values, since a write of nothing has no meaning.
        """
        prefix = f"{alias}." if alias else ""
        return " AND ".join(f"{prefix}{_condition(column, wanted)}" for column, wanted in self.conditions) or None


WHOLE = Slice()


def rows_in(frame: _Frame, *slices: Slice) -> _Frame:
    """Filter a narwhals frame to the rows that are in at least one of the slices."""
    if any(not each.conditions for each in slices):
        return frame
    return frame.filter(nw.any_horizontal(*(each.expression() for each in slices), ignore_nulls=True))


def _condition(column: str, wanted: DateRange | tuple[Value, ...]) -> str:
    if isinstance(wanted, DateRange):
        if wanted.first == wanted.last:
            return f"{column} = '{wanted.first}'"
        return f"{column} BETWEEN '{wanted.first}' AND '{wanted.last}'"
    if not wanted:
        raise ValueError(f"The slice has no value of {column}, so nothing can be written.")
    return f"{column} IN ({', '.join(map(_literal, wanted))})"


def _literal(value: Value) -> str:
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"

"""Which rows of a table are meant: conditions on its partition columns, as plain values.

Belongs here: a slice and its two renderings, a narwhals expression for frames and SQL for Delta's predicates. Which
slice a run of Dagster means is decided in `lake/partition_slices.py`.
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
    """The rows that meet every condition: a column in a range of days, or among some values. No condition: all rows."""

    conditions: tuple[tuple[str, DateRange | tuple[Value, ...]], ...] = ()

    @classmethod
    def of(cls, **conditions: DateRange | tuple[Value, ...]) -> Slice:
        return cls(tuple(conditions.items()))

    @classmethod
    def of_days(cls, table: Table, days: DateRange | None) -> Slice:
        """The days of a table that is partitioned by a date; None: the whole table."""
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
        """Whether a row is in the slice, which has conditions; a missing value is in none."""
        inside = [
            nw.col(column).is_between(wanted.first, wanted.last)
            if isinstance(wanted, DateRange)
            else nw.col(column).is_in(list(wanted))
            for column, wanted in self.conditions
        ]
        return nw.all_horizontal(*inside, ignore_nulls=False)

    def sql(self, alias: str = "") -> str | None:
        """The slice as a Delta predicate, columns prefixed with `alias`; None for the whole table.

        Raises ValueError for a condition that no value meets, which has no meaning in a write.
        """
        prefix = f"{alias}." if alias else ""
        return " AND ".join(f"{prefix}{_sql(column, wanted)}" for column, wanted in self.conditions) or None


WHOLE = Slice()


def rows_in(frame: _Frame, *slices: Slice) -> _Frame:
    """The rows of a narwhals frame that are in at least one of the slices."""
    if any(not each.conditions for each in slices):
        return frame
    return frame.filter(nw.any_horizontal(*(each.expression() for each in slices), ignore_nulls=True))


def _sql(column: str, wanted: DateRange | tuple[Value, ...]) -> str:
    if isinstance(wanted, DateRange):
        if wanted.first == wanted.last:
            return f"{column} = '{wanted.first}'"
        return f"{column} BETWEEN '{wanted.first}' AND '{wanted.last}'"
    if not wanted:
        raise ValueError(f"No value of {column} is meant, so nothing can be written.")
    return f"{column} IN ({', '.join(map(_literal, wanted))})"


def _literal(value: Value) -> str:
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"

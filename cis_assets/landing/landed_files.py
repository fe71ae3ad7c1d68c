"""The files of the order dates that were read: what each gave, or why its date gives nothing.

A date is read whole or not at all: a file at fault, or a date of which only orders or only order lines landed, takes the
other files of that date along, and no other date. Belongs here: what becomes of a date. Does not belong here: reading.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from cis_assets.catalog import bronze
from cis_assets.landing.contract import DATED, LandingTable
from cis_assets.landing.folder import LandingFile
from cis_assets.landing.rows import LandedRows


@dataclass(frozen=True)
class FileOfDate:
    """A landing file of an order date: its rows, or the sentence that says why it cannot be read."""

    order_date: date
    table: LandingTable
    file: LandingFile
    landed: LandedRows | None
    fault: str | None = None


def half_landed(files: Iterable[FileOfDate]) -> dict[date, str]:
    """The dates of which only orders or only order lines landed, each with the sentence that says so."""
    tables: dict[date, set[str]] = {}
    for read in files:
        tables.setdefault(read.order_date, set()).add(read.table.name)
    names = {table.name for table in DATED}
    return {day: _half(day, *found, *names - found) for day, found in tables.items() if found != names}


def _half(day: date, present: str, missing: str) -> str:
    return (
        f"Landing folder {missing}/order_date={day} is empty or absent although "
        f"{present}/order_date={day} has files: land both, then read that date again."
    )


def faults_of_dates(files: Iterable[FileOfDate], half: Mapping[date, str]) -> dict[date, str]:
    """The dates that cannot be read, in order, each with a sentence; further files at fault are counted."""
    sentences: dict[date, list[str]] = {day: [] for day in half}
    for read in files:
        if read.fault:
            sentences.setdefault(read.order_date, []).append(read.fault)
    return {day: _joined([*found, half[day]] if day in half else found) for day, found in sorted(sentences.items())}


def _joined(sentences: Sequence[str]) -> str:
    first, *others = sentences
    return f"{first} This is the first of {len(sentences)} faults of that date." if others else first


def as_table(files: Iterable[FileOfDate], half: Mapping[date, str], erased: Mapping[str, int]) -> pl.DataFrame:
    """The rows of bronze/landed_files. `erased`: rows that were left out, by path of the file."""
    rows = [
        (
            read.order_date,
            read.table.name,
            read.file.path,
            read.file.size,
            read.landed.row_count if read.landed else None,
            erased.get(read.file.path, 0),
            read.fault or half.get(read.order_date),
        )
        for read in files
    ]
    return pl.DataFrame(rows, schema=bronze.LANDED_FILES.dtypes, orient="row").sort("order_date", "source_file")

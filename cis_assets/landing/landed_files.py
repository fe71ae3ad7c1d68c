"""Landing files of order dates that were read: what each holds, or why its date cannot be read.

A date is read whole or not at all. One faulty file, or a missing table, rejects all files of its date and of no other.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from cis_assets.catalog import bronze
from cis_assets.landing.contract import DATED, LandingTable
from cis_assets.landing.folder import LandingFile
from cis_assets.landing.rows import LandedRows


@dataclass(frozen=True)
class LandedFile:
    """A landing file of an order date: its rows with `order_date`, or no rows and the sentence that says why."""

    order_date: date
    table: LandingTable
    file: LandingFile
    landed: LandedRows
    fault: str | None = None


def find_incomplete_dates(files: Iterable[LandedFile]) -> dict[date, str]:
    """Find the dates with only orders or only order lines, each with a sentence."""
    tables: dict[date, set[str]] = {}
    for file in files:
        tables.setdefault(file.order_date, set()).add(file.table.name)
    names = {table.name for table in DATED}
    return {day: _describe_gap(day, *found, *names - found) for day, found in tables.items() if found != names}


def _describe_gap(day: date, present: str, missing: str) -> str:
    return (
        f"Landing folder {missing}/order_date={day} is empty or absent, but "
        f"{present}/order_date={day} has files: land both, then read that date again."
    )


def find_faults(files: Iterable[LandedFile], incomplete: Mapping[date, str]) -> dict[date, str]:
    """Find the dates that cannot be read, in order, each with its first fault and the number of faults."""
    faults: dict[date, list[str]] = {}
    for file in files:
        if file.fault:
            faults.setdefault(file.order_date, []).append(file.fault)
    for day, sentence in incomplete.items():
        faults.setdefault(day, []).append(sentence)
    return {
        day: f"{found[0]} This is the first of {len(found)} faults of that date." if len(found) > 1 else found[0]
        for day, found in sorted(faults.items())
    }


def list_landed_files(
    files: Iterable[LandedFile], incomplete: Mapping[date, str], erased: Mapping[str, int]
) -> pl.DataFrame:
    """List the rows of bronze/landed_files. `erased` counts the rows of erased customers by path."""
    rows = [
        (
            read.order_date,
            read.table.name,
            read.file.path,
            read.file.size,
            None if read.fault else read.landed.row_count,
            erased.get(read.file.path, 0),
            read.fault or incomplete.get(read.order_date),
        )
        for read in files
    ]
    return pl.DataFrame(rows, schema=bronze.LANDED_FILES.dtypes, orient="row").sort("order_date", "source_file")

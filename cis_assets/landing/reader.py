"""The reader of order dates: what landed for some of them.

Does not belong here: snapshots (`snapshots.py`), how files are read (`file_reader.py`), and what a valid order is (rules of silver).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from cis_assets.dates import days_in_words
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.erased_customers import NOBODY, ErasedCustomers
from cis_assets.landing.contract import DATED
from cis_assets.landing.erased_rows import ErasedRowCounts, remove_erased
from cis_assets.landing.file_reader import read_dated_files
from cis_assets.landing.folder import LandingError, LandingFolder
from cis_assets.landing.landed_files import find_faults, find_incomplete_dates, list_landed_files
from cis_assets.landing.row_cache import RowCache
from cis_assets.landing.rows import LandedRows, no_rejected, no_rows

# The rows of a chunk are in memory at once, except those of a large file.
_FILES_PER_CHUNK = 64
_ROWS_PER_CHUNK = 4_000_000


@dataclass(frozen=True)
class LandedDays:
    """What landed for some order dates, in chunks of a few files: orders, order lines, rejected rows of both.

    All have the column `order_date`. Rows of erased customers are only counted, in `left_out`. `files` are the rows of
    bronze/landed_files. A date in `faults` has no rows, for the reason given there.
    """

    files: pl.DataFrame
    orders: LazyChunks
    order_items: LazyChunks
    rejected: LazyChunks
    empty_days: tuple[date, ...]
    faults: Mapping[date, str]
    unknown_columns: frozenset[str]
    left_out: ErasedRowCounts

    def warnings(self) -> list[str]:
        """Tell an operator what may need attention, although it does not stop the run."""
        sentences = warn_of_unknown_columns(self.unknown_columns)
        if self.empty_days:
            named = days_in_words(self.empty_days)
            sentences.append(f"{len(self.empty_days)} of the dates have no landing files, so no orders: {named}.")
        sentences += [f"{day} was not read and keeps its former rows. {fault}" for day, fault in self.faults.items()]
        return sentences


def warn_of_unknown_columns(columns: frozenset[str]) -> list[str]:
    if not columns:
        return []
    return [f"Landing columns that are not in the contract were ignored: {', '.join(sorted(columns))}."]


def read_days(
    folder: LandingFolder,
    days: Sequence[date],
    erased: ErasedCustomers = NOBODY,
    *,
    cache: RowCache | None = None,
    files_per_chunk: int = _FILES_PER_CHUNK,
    rows_per_chunk: int = _ROWS_PER_CHUNK,
) -> LandedDays:
    """Read the landed orders and order lines of `days`, without those of erased customers.

    Dates without any file are listed in `empty_days`. Dates with a file that cannot be read, or with only one of the two
    tables, have no rows and are listed in `faults`. Raises LandingError if no date has files, and StorageError if the
    storage fails, which is not the fault of a date.
    """
    found = {table.name: folder.dated_files(table, days) for table in DATED}
    if not any(found.values()):
        raise _nothing_landed(folder, days)
    files = read_dated_files(folder, found, RowCache() if cache is None else cache)
    incomplete = find_incomplete_dates(files)
    faults = find_faults(files, incomplete)
    readable, left_out = [file for file in files if file.order_date not in faults], ErasedRowCounts()
    if erased:
        readable, left_out = remove_erased(erased, readable)
    of_table = {table.name: [file.landed for file in readable if file.table == table] for table in DATED}
    chunks = {name: list(_group(landed, files_per_chunk, rows_per_chunk)) for name, landed in of_table.items()}
    return LandedDays(
        files=list_landed_files(files, incomplete, left_out.by_file),
        **{
            table.name: LazyChunks.of(
                _concat(no_rows(table), [landed.rows for landed in chunk]) for chunk in chunks[table.name]
            )
            for table in DATED
        },
        rejected=LazyChunks.of(
            _concat(no_rejected(), [landed.rejected for landed in chunk])
            for table in DATED
            for chunk in chunks[table.name]
        ),
        empty_days=tuple(day for day in days if not any(day in files for files in found.values())),
        faults=faults,
        unknown_columns=frozenset().union(*(file.landed.unknown_columns for file in readable)),
        left_out=left_out,
    )


def _nothing_landed(folder: LandingFolder, days: Sequence[date]) -> LandingError:
    if len(days) == 1:
        folders, what = f"folder orders/order_date={days[0]} is", "that date"
    else:
        folders, what = f"folders orders/order_date={min(days)} to {max(days)} are", "these dates"
    return LandingError(f"Landing {folders} empty or absent under {folder.uri}: land {what} first.")


def _group(landed: Sequence[LandedRows], files: int, rows: int) -> Iterator[list[LandedRows]]:
    """Group files such that a group has at most `files`, and at most `rows` unless it is one file; at least one group."""
    group: list[LandedRows] = []
    for file in landed:
        if group and (len(group) == files or sum(each.row_count for each in (*group, file)) > rows):
            yield group
            group = []
        group.append(file)
    yield group


def _concat(empty: pl.LazyFrame, frames: Sequence[pl.LazyFrame]) -> pl.LazyFrame:
    return pl.concat([empty.with_columns(order_date=pl.lit(None, pl.Date)), *frames])

"""The reader of landing files: what landed for some order dates, and the newest snapshots.

Belongs here: which files make up a date or a snapshot, and what a date must have. Does not belong here: the
formats (`csv_reader.py`, `parquet_reader.py`), what a valid order is (silver's rules), and where rows go.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date

import polars as pl

from cis_assets.dates import days_in_words
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.erased_customers import NOBODY, ErasedCustomers
from cis_assets.landing.contract import DATED, SNAPSHOTS, LandingTable
from cis_assets.landing.csv_reader import read_csv
from cis_assets.landing.erased_rows import DatedRows, LeftOut, snapshots_without_erased, without_erased
from cis_assets.landing.folder import LandingError, LandingFile, LandingFolder
from cis_assets.landing.headers import Headers
from cis_assets.landing.landed_files import FileOfDate, as_table, faults_of_dates, half_landed
from cis_assets.landing.parquet_reader import read_parquet
from cis_assets.landing.row_cache import RowCache
from cis_assets.landing.rows import LandedRows, no_rejected, no_rows

_BATCHES_READ_AT_ONCE = 4
_BATCH_BYTES = 8 * 1024 * 1024
# So that all threads have something to do, and little is fetched in vain when the store fails.
_BATCH_FILES = 16
# A part of the rows is in memory at once.
_FILES_PER_PART = 64

_FilesOfDates = Mapping[str, Mapping[date, list[LandingFile]]]


@dataclass(frozen=True)
class LandedDays:
    """What landed for some order dates, in parts of a few files: orders, order lines, rejected rows of both.

    All have the column `order_date`; rows of erased customers are counted in `left_out` alone. `files` are the rows of
    bronze/landed_files. A date in `faults` gives no rows, for the reason that stands there.
    """

    files: pl.DataFrame
    orders: LazyChunks
    order_items: LazyChunks
    rejected: LazyChunks
    empty_days: tuple[date, ...]
    faults: Mapping[date, str]
    unknown_columns: frozenset[str]
    left_out: LeftOut

    def warnings(self) -> list[str]:
        """Sentences on what an operator should know although nothing is wrong enough to stop."""
        sentences = _unknown_column_warnings(self.unknown_columns)
        if self.empty_days:
            named = days_in_words(self.empty_days)
            sentences.append(f"No landing files, hence no orders, on {len(self.empty_days)} of the dates: {named}.")
        sentences += [
            f"{day} was not read, and keeps what it held before. {fault}" for day, fault in self.faults.items()
        ]
        return sentences


@dataclass(frozen=True)
class LandedSnapshots:
    """The newest snapshots, lazily, by landing table name, and the rows of all that did not parse.

    Rows of erased customers are counted in `left_out` alone.
    """

    rows: Mapping[str, pl.LazyFrame]
    rejected: pl.LazyFrame
    unknown_columns: frozenset[str]
    left_out: LeftOut

    def warnings(self) -> list[str]:
        """Sentences on what an operator should know although nothing is wrong enough to stop."""
        return _unknown_column_warnings(self.unknown_columns)


def _unknown_column_warnings(columns: frozenset[str]) -> list[str]:
    if not columns:
        return []
    return [f"Landing columns that the contract does not name were kept out: {', '.join(sorted(columns))}."]


def read_days(folder: LandingFolder, days: Sequence[date], erased: ErasedCustomers = NOBODY) -> LandedDays:
    """Read the landed orders and order lines of `days`, without those of erased customers.

    Dates of a range without any file are empty and named in `empty_days`. Dates with a file that cannot be read, and
    dates with orders but no order lines or the reverse, give no rows and are named in `faults`. Raises LandingError if no
    date has files; what a store fails to give is an error of this reading (StorageError) and of no date.
    """
    found = {table.name: folder.dated_files(table, days) for table in DATED}
    _refuse_nothing_landed(folder, days, found)
    read = _read_files(folder, found)
    half = half_landed(read)
    faults = faults_of_dates(read, half)
    readable = [file for file in read if file.order_date not in faults]
    rows, left_out = _dated_rows(readable), LeftOut()
    if erased:
        rows, left_out = without_erased(erased, rows, lambda some: _dated_rows(readable, some), Headers(folder))
    return LandedDays(
        files=as_table(read, half, left_out.by_file),
        orders=rows.orders,
        order_items=rows.order_items,
        rejected=LazyChunks(rows.rejected_orders.frames + rows.rejected_lines.frames),
        empty_days=tuple(day for day in days if not any(day in files for files in found.values())),
        faults=faults,
        unknown_columns=frozenset().union(*(file.landed.unknown_columns for file in readable if file.landed)),
        left_out=left_out,
    )


def _read_files(folder: LandingFolder, found: _FilesOfDates) -> list[FileOfDate]:
    """The files of all dates, those that cannot be read with the reason."""
    cache = RowCache()

    def read(table: LandingTable, files: Sequence[tuple[date, LandingFile]]) -> list[FileOfDate]:
        landed = _read_files_of(folder, table, [file for _, file in files], cache)
        return [
            FileOfDate(day, table, file, None, fault=str(rows))
            if isinstance(rows, LandingError)
            else FileOfDate(day, table, file, rows)
            for (day, file), rows in zip(files, landed, strict=True)
        ]

    together = [
        (table, some)
        for table in DATED
        for some in _in_batches([(day, file) for day, files in sorted(found[table.name].items()) for file in files])
    ]
    # Most files are too small to be parsed in parallel, or far away.
    with ThreadPoolExecutor(_BATCHES_READ_AT_ONCE) as threads:
        return [file for some in threads.map(read, *zip(*together, strict=True)) for file in some]


def _in_batches(files: Sequence[tuple[date, LandingFile]]) -> Iterator[Sequence[tuple[date, LandingFile]]]:
    """Neighbouring files that are read together: a few small ones, or a large one alone."""
    begin, size = 0, 0
    for number, (_, file) in enumerate(files):
        if number > begin and (size + file.size > _BATCH_BYTES or number - begin == _BATCH_FILES):
            yield files[begin:number]
            begin, size = number, 0
        size += file.size
    if files:
        yield files[begin:]


def _dated_rows(read: Sequence[FileOfDate], days: Collection[date] | None = None) -> DatedRows:
    """The rows of the files of some dates, or of all, in parts of a few files."""
    orders, order_items = (
        _in_parts(
            table,
            [
                (file.order_date, file.landed)
                for file in read
                if file.landed and file.table == table and (days is None or file.order_date in days)
            ],
        )
        for table in DATED
    )
    return DatedRows(
        orders=LazyChunks.of(part.rows for part in orders),
        order_items=LazyChunks.of(part.rows for part in order_items),
        rejected_orders=LazyChunks.of(part.rejected for part in orders),
        rejected_lines=LazyChunks.of(part.rejected for part in order_items),
    )


def _refuse_nothing_landed(folder: LandingFolder, days: Sequence[date], found: _FilesOfDates) -> None:
    if any(found.values()):
        return
    if len(days) == 1:
        folders, what = f"folder orders/order_date={days[0]} is", "that date"
    else:
        folders, what = f"folders orders/order_date={min(days)} to {max(days)} are", "these dates"
    raise LandingError(f"Landing {folders} empty or absent under {folder.uri}: land {what} first.")


def read_snapshots(folder: LandingFolder, erased: ErasedCustomers = NOBODY) -> LandedSnapshots:
    """Read the newest file of every snapshot table, without erased customers (LandingError as `read_snapshot`)."""
    read = {table.name: read_snapshot(folder, table) for table in SNAPSHOTS}
    rows = {name: part.rows for name, part in read.items()}
    rejected = pl.concat([part.rejected for part in read.values()])
    left_out = LeftOut()
    if erased:
        rows["customers"], rejected, left_out = snapshots_without_erased(
            erased, rows["customers"], rejected, Headers(folder)
        )
    unknown_columns = frozenset().union(*(part.unknown_columns for part in read.values()))
    return LandedSnapshots(rows, rejected, unknown_columns, left_out)


def read_snapshot(folder: LandingFolder, table: LandingTable) -> LandedRows:
    """Read the newest file of a snapshot table.

    No file at all gives no rows where the contract allows it (customers, offers) and a LandingError elsewhere.
    """
    files = folder.snapshot_files(table)
    if files:
        return read_file(folder, table, files[-1])
    if not table.may_be_absent:
        raise LandingError(
            f"Landing folder {table.name} is empty or absent under {folder.uri}: land a file of {table.name} first."
        )
    return LandedRows(no_rows(table), no_rejected())


def _in_parts(table: LandingTable, read: Sequence[tuple[date, LandedRows]]) -> list[LandedRows]:
    """The rows of files, each with its order_date, in parts of a few files (at least one part)."""
    return [
        LandedRows(
            _with_dates(no_rows(table), [(day, file.rows) for day, file in some]),
            _with_dates(no_rejected(), [(day, file.rejected) for day, file in some]),
        )
        for some in (read[at : at + _FILES_PER_PART] for at in range(0, max(len(read), 1), _FILES_PER_PART))
    ]


def _with_dates(empty: pl.LazyFrame, frames: list[tuple[date, pl.LazyFrame]]) -> pl.LazyFrame:
    dated = [frame.with_columns(order_date=pl.lit(day, pl.Date)) for day, frame in frames]
    return pl.concat([empty.with_columns(order_date=pl.lit(None, pl.Date)), *dated])


def read_file(folder: LandingFolder, table: LandingTable, file: LandingFile) -> LandedRows:
    """Read one file of a table (LandingError if it cannot be read)."""
    (landed,) = _read_files_of(folder, table, [file], RowCache())
    if isinstance(landed, LandingError):
        raise landed
    return landed


def _read_files_of(
    folder: LandingFolder, table: LandingTable, files: Sequence[LandingFile], cache: RowCache
) -> list[LandedRows | LandingError]:
    """Read some files of a table, in their order: of one that cannot be read, the error."""
    csv_files = [file for file in files if file.format == "csv"]
    landed = dict(zip(csv_files, read_csv(folder, table, csv_files, cache), strict=True))
    return [landed[file] if file in landed else _read_other(folder, table, file, cache) for file in files]


def _read_other(
    folder: LandingFolder, table: LandingTable, file: LandingFile, cache: RowCache
) -> LandedRows | LandingError:
    if file.format != "parquet":
        return LandingError(f"Landing file {file.path} is neither .csv, .csv.gz nor .parquet: rename or remove it.")
    try:
        return read_parquet(folder, table, file, cache)
    except LandingError as error:
        return error

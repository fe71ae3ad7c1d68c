"""CSV landing files (plain or gzipped): the fast way for clean rows, line by line for the others.

Files of numbers are read several at once, and only the lines that call for it are taken apart (`csv_numbers.py`). Of
other files, and of large ones, each is scanned as typed CSV if all its rows are of the contract's types. Otherwise it is
taken apart line by line (`csv_lines.py`), so that each bad row can be set aside with its line number and text while the
good ones go on. All ways give the same rows: what a row is never depends on its neighbours.
"""

from collections.abc import Sequence

import polars as pl

from cis_assets.landing.contract import LandingTable
from cis_assets.landing.csv_file import CsvFile, given, typed
from cis_assets.landing.csv_lines import damaged_lines, records
from cis_assets.landing.csv_numbers import begins_plain, read_numbers
from cis_assets.landing.csv_text import UTF_8_BOM
from cis_assets.landing.folder import LandingError, LandingFile, LandingFolder
from cis_assets.landing.row_cache import RowCache
from cis_assets.landing.rows import LandedRows, completed, no_rejected, split_by_reason, unknown_columns

# Of text, unpacked: what is read together is in memory several times over.
_READ_TOGETHER_BYTES = 8 * 1024 * 1024


def read_csv(
    folder: LandingFolder, table: LandingTable, files: Sequence[LandingFile], cache: RowCache
) -> list[LandedRows | LandingError]:
    """Read some CSV files, in their order: of one that cannot be read at all or lacks a required column, the error.

    They are read whole before this returns, so nothing that is wrong with them shows later; their rows are in the cache
    then.
    """
    read: list[LandedRows | LandingError] = []
    waiting: list[CsvFile | LandingError] = []
    for file in files:
        waiting.append(_opened(folder, table, file))
        if sum(len(csv.content) for csv in waiting if isinstance(csv, CsvFile)) >= _READ_TOGETHER_BYTES:
            read += _read(waiting, cache)
            waiting = []
    return read + _read(waiting, cache)


def _opened(folder: LandingFolder, table: LandingTable, file: LandingFile) -> CsvFile | LandingError:
    try:
        return CsvFile.opened(folder, table, file)
    except LandingError as error:
        return error


def _read(opened: Sequence[CsvFile | LandingError], cache: RowCache) -> list[LandedRows | LandingError]:
    together: dict[tuple[str, ...], list[CsvFile]] = {}
    for csv in opened:
        if isinstance(csv, CsvFile) and _is_read_with_others(csv):
            together.setdefault(csv.header, []).append(csv)
    read: dict[LandingFile, LandedRows] = {}
    for same in together.values():
        good, bad = zip(*read_numbers(same), strict=True)
        for csv, kept, rejected in zip(same, cache.keep(good), bad, strict=True):
            read[csv.file] = _landed(csv, kept, rejected, csv.row_count)
    return [csv if isinstance(csv, LandingError) else read.get(csv.file) or _read_alone(csv, cache) for csv in opened]


def _is_read_with_others(csv: CsvFile) -> bool:
    return len(csv.content) < _READ_TOGETHER_BYTES and csv.is_of_numbers and begins_plain(csv)


def _read_alone(csv: CsvFile, cache: RowCache) -> LandedRows:
    row_count = csv.row_count
    good, bad = _clean_rows(csv), None
    if good is None:
        if csv.is_of_numbers:
            good, bad = read_numbers([csv])[0]
        elif csv.has_lines_for_rows:
            good, bad = _parted(csv, damaged_lines(csv.content, quoted=csv.is_quoted))
        else:
            fields = records(csv.content, len(csv.header))
            row_count = fields.height
            good, bad = _parted(csv, fields.lazy())
    (kept,) = cache.keep([good])
    return _landed(csv, kept, bad, row_count)


def _landed(csv: CsvFile, good: pl.LazyFrame, bad: pl.DataFrame | None, row_count: int) -> LandedRows:
    rows = completed(csv.table, csv.file, good, csv.columns)
    rejected = no_rejected() if bad is None else bad.lazy()
    return LandedRows(rows, rejected, unknown_columns(csv.table, csv.header), row_count)


def _parted(csv: CsvFile, lines: pl.LazyFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The good and the rejected rows of lines that were taken apart."""
    return split_by_reason(csv.table, csv.file, typed(csv.table, lines, csv.header), csv.columns)


def _clean_rows(csv: CsvFile) -> pl.DataFrame | None:
    """The rows of a typed scan, or None if any of them may not be of the contract's types."""
    columns = csv.table.columns
    # The scanner takes more for a date than the contract does.
    if any(columns.get(name) == pl.Date() for name in csv.header):
        return None
    # One of the quotes is broken, and the scanner panics over some that are.
    if csv.content.count(b'"') % 2:
        return None
    # The scanner drops one at the beginning of the first row too.
    if csv.content.find(UTF_8_BOM, 1) >= 0:
        return None
    try:
        rows = csv.scan().collect(engine="streaming")
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
        # Whatever the scanner stumbles over, be it a name that stands twice, the lines will show what it is. It reads
        # from memory, so an OSError is no store's.
        return None
    if rows.height != csv.row_count or not _are_clean(rows.drop("source_line"), csv.content):
        return None
    texts = [given(pl.col(name)).alias(name) for name in csv.columns if columns[name] == pl.String()]
    return rows.with_columns(pl.col("source_line").cast(pl.Int64), *texts).select("source_line", *csv.columns)


def _are_clean(rows: pl.DataFrame, content: bytes) -> bool:
    """Whether each row is one line with all fields, and each value is as the lines would be read."""
    if not _has_all_fields(rows, content):
        return False
    for column in rows:
        # Within quotes a line may break; then rows can no longer be counted as lines.
        if column.dtype == pl.String() and column.str.contains(r"[\r\n]").any():
            return False
        if column.dtype.is_float() and not column.is_finite().all():
            return False
    return True


def _has_all_fields(rows: pl.DataFrame, content: bytes) -> bool:
    """Whether no row has a field too few, which the scanner takes for a missing value, or an empty one too many at the end.

    Where values are missing, the number of separators tells, if none of them can stand within quotes.
    """
    if not any(column.null_count() for column in rows):
        return not content.endswith(b",")
    return b'"' not in content and content.count(b",", content.find(b"\n")) == rows.height * (rows.width - 1)

"""Reads landing files of any format, many at a time.

Does not belong here: how a format is parsed (`csv_rows.py`, `parquet_reader.py`), and what becomes of an order date
(`reader.py`).
"""

import io
import itertools
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from datetime import date

import polars as pl

from cis_assets.landing.contract import DATED, LandingTable
from cis_assets.landing.csv_rows import parse_csv
from cis_assets.landing.csv_text import CsvText, open_csv
from cis_assets.landing.folder import LandingError, LandingFile, LandingFolder
from cis_assets.landing.landed_files import LandedFile
from cis_assets.landing.large_files import ONE_AT_A_TIME, join_parsed, read_large_csv
from cis_assets.landing.parquet_reader import open_parquet
from cis_assets.landing.parsed_file import ParsedFile
from cis_assets.landing.row_cache import RowCache
from cis_assets.landing.rows import LandedRows, no_rejected, no_rows, to_landed_rows
from cis_assets.landing.text_pieces import LIMITS, Limits, read_pieces

_THREADS = 4
# A few small files, or a large one alone: enough batches for all threads, and few wasted requests if storage fails.
_BATCH_BYTES = 8 * 1024 * 1024
_BATCH_FILES = 16
# Of unpacked text: what is parsed together is in memory several times over.
_TOGETHER_BYTES = 8 * 1024 * 1024


def read_dated_files(
    folder: LandingFolder, found: Mapping[str, Mapping[date, list[LandingFile]]], cache: RowCache
) -> list[LandedFile]:
    """Read the files of order dates (by table and date), in order of table and date."""
    batches = [
        (table, batch)
        for table in DATED
        for batch in _batches([(day, file) for day, files in sorted(found[table.name].items()) for file in files])
    ]

    def read(table: LandingTable, batch: Sequence[tuple[date, LandingFile]]) -> list[LandedFile]:
        results = read_files(folder, table, [file for _, file in batch], cache)
        return [
            LandedFile(day, table, file, LandedRows(no_rows(table), no_rejected()), fault=str(landed))
            if isinstance(landed, LandingError)
            else LandedFile(day, table, file, _add_order_date(landed, day))
            for (day, file), landed in zip(batch, results, strict=True)
        ]

    # Most files are too small to be parsed in parallel, or far away.
    with ThreadPoolExecutor(_THREADS) as threads:
        return [file for files in threads.map(read, *zip(*batches, strict=True)) for file in files]


def _add_order_date(landed: LandedRows, day: date) -> LandedRows:
    order_date = pl.lit(day, pl.Date).alias("order_date")
    rows, rejected = landed.rows.with_columns(order_date), landed.rejected.with_columns(order_date)
    return replace(landed, rows=rows, rejected=rejected)


def _batches(files: Sequence[tuple[date, LandingFile]]) -> Iterator[Sequence[tuple[date, LandingFile]]]:
    begin, size = 0, 0
    for number, (_, file) in enumerate(files):
        if number > begin and (size + file.size > _BATCH_BYTES or number - begin == _BATCH_FILES):
            yield files[begin:number]
            begin, size = number, 0
        size += file.size
    if files:
        yield files[begin:]


def read_file(folder: LandingFolder, table: LandingTable, file: LandingFile) -> LandedRows:
    """Read one file of a table; LandingError if it cannot be read."""
    (landed,) = read_files(folder, table, [file], RowCache())
    if isinstance(landed, LandingError):
        raise landed
    return landed


def read_files(
    folder: LandingFolder,
    table: LandingTable,
    files: Sequence[LandingFile],
    cache: RowCache,
    together_bytes: int = _TOGETHER_BYTES,
    limits: Limits = LIMITS,
) -> list[LandedRows | LandingError]:
    """Read files of a table, and return the rows or the error of each.

    The files are read whole before this returns, so no fault appears later. CSV files are parsed together until they
    hold `together_bytes` of text; files beyond a piece of `limits` are parsed piece by piece.
    """
    results: dict[LandingFile, LandedRows | LandingError] = {}
    opened: list[CsvText] = []
    for file in files:
        try:
            if file.fault:
                raise LandingError(file.fault)
            if file.format == "csv":
                text = _read_csv(folder, table, file, cache, limits)
                if isinstance(text, CsvText):
                    opened.append(text)
                else:
                    results[file] = text
            elif file.format == "parquet":
                results[file] = _read_parquet(folder, table, file, cache, limits)
            else:
                raise LandingError(f"Landing file {file.path} is not .csv, .csv.gz or .parquet: rename or remove it.")
        except LandingError as error:
            results[file] = error
        if file is files[-1] or sum(len(text.content) for text in opened) >= together_bytes:
            for parsed in parse_csv(opened, together_bytes):
                results |= _cache_rows(table, parsed, cache)
            opened = []
    return [results[file] for file in files]


def _read_csv(
    folder: LandingFolder, table: LandingTable, file: LandingFile, cache: RowCache, limits: Limits
) -> CsvText | LandedRows:
    """Fetch the text of a file, or read the rows of a large one."""
    if file.size > limits.piece_bytes:
        with ONE_AT_A_TIME:
            return read_large_csv(table, file, read_pieces(folder, file, limits), cache, limits)
    pieces = read_pieces(folder, file, limits)
    first, second = next(pieces), next(pieces, None)
    if second is None:
        return open_csv(table, file, first)
    with ONE_AT_A_TIME:
        return read_large_csv(table, file, itertools.chain((first, second), pieces), cache, limits)


def _read_parquet(
    folder: LandingFolder, table: LandingTable, file: LandingFile, cache: RowCache, limits: Limits
) -> LandedRows:
    is_small = file.size <= limits.piece_bytes
    with io.BytesIO(folder.content(file)) if is_small else folder.random_access(file) as content:
        opened = open_parquet(table, file, content, limits)
        is_small = is_small and opened.column_bytes <= limits.piece_bytes
        with nullcontext() if is_small else ONE_AT_A_TIME:
            return join_parsed(table, opened.parse(), cache, limits)


def _cache_rows(table: LandingTable, parsed: Sequence[ParsedFile], cache: RowCache) -> dict[LandingFile, LandedRows]:
    cached = cache.keep([file.good for file in parsed])
    return {file.file: to_landed_rows(table, file, rows) for file, rows in zip(parsed, cached, strict=True)}

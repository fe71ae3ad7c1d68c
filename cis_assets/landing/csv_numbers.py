"""CSV files of numbers, several at once: every line is a row, and nearly all of them are plain.

Plain lines are scanned together, only the others are taken apart; and files of a day or two are gone through together,
since small ones cost most for being one more. What a row is does not depend on its neighbours, nor on the files beside
its own.
"""

import io
import re
from collections.abc import Sequence

import polars as pl

from cis_assets.landing.csv_file import CsvFile, typed
from cis_assets.landing.csv_lines import lines_below_headers, split_lines
from cis_assets.landing.rows import REJECTED_SCHEMA, detached

_FIRST_LINE = re.compile(rb"[^\n]*\n([^\r\n]*)")


def begins_plain(csv: CsvFile) -> bool:
    """Whether the first row of a file of numbers is a plain one, as most of the others are then."""
    first = _FIRST_LINE.match(csv.content)
    return first is None or re.fullmatch(csv.plain_row, first[1].decode(errors="replace")) is not None


def read_numbers(files: Sequence[CsvFile]) -> list[tuple[pl.DataFrame, pl.DataFrame]]:
    """The good rows (the file's columns and source_line) and the rejected ones of files of numbers with the same header.

    The good ones are views of one frame.
    """
    lines = lines_below_headers([csv.content for csv in files])
    is_plain = lines["raw_text"].str.contains(files[0].plain_row)
    scanned = _of_plain(files[0], lines.filter(is_plain))
    others = lines if scanned is None else lines.filter(~is_plain)
    split = split_lines(others, quoted=any(csv.is_quoted for csv in files))
    apart = typed(files[0].table, split, files[0].header).collect()
    good = apart.filter(pl.col("reason") == "").select("place", "file", "source_line", *files[0].columns)
    if scanned is not None:
        good = scanned.merge_sorted(good, "place") if good.height else scanned
    bad = apart.filter(pl.col("reason") != "")
    return list(zip(_of_each(files, good), _rejected(files, bad), strict=True))


def _of_plain(csv: CsvFile, lines: pl.DataFrame) -> pl.DataFrame | None:
    """Plain lines scanned at once; None if that did not give a row for each."""
    if lines.is_empty():
        return None
    schema = {name: csv.table.columns[name] for name in csv.header}
    text = lines["raw_text"].str.join("\n").item().encode()
    scanned = pl.read_csv(io.BytesIO(text), schema=schema, has_header=False)
    if scanned.height != lines.height:
        return None
    places = ("place", "file", "source_line")
    return scanned.with_columns(lines[name] for name in places).select(*places, *csv.columns)


def _of_each(files: Sequence[CsvFile], rows: pl.DataFrame) -> list[pl.DataFrame]:
    """The rows of each file, which are neighbours."""
    counts = dict(rows.group_by("file").len().iter_rows())
    rows = rows.drop("place", "file")
    parts, begin = [], 0
    for number in range(len(files)):
        parts.append(rows.slice(begin, counts.get(number, 0)))
        begin += counts.get(number, 0)
    return parts


def _rejected(files: Sequence[CsvFile], bad: pl.DataFrame) -> list[pl.DataFrame]:
    paths = [csv.file.path for csv in files]
    named = bad.with_columns(
        source_table=pl.lit(files[0].table.name),
        source_file=pl.lit(pl.Series(paths, dtype=pl.String)).gather(pl.col("file")),
    )
    return _of_each(files, detached(named.select("place", "file", *REJECTED_SCHEMA)))

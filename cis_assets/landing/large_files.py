"""Reads large files piece by piece, so memory is bounded; the rows are those of the file read at once.

Does not belong here: how text is cut into pieces (`text_pieces.py`), and how a piece is parsed (`csv_rows.py`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from threading import Lock

import polars as pl

from cis_assets.landing.contract import LandingTable
from cis_assets.landing.csv_rows import parse_alone, parse_piece
from cis_assets.landing.csv_text import open_csv
from cis_assets.landing.folder import LandingError, LandingFile
from cis_assets.landing.parsed_file import ParsedFile
from cis_assets.landing.row_cache import RowCache
from cis_assets.landing.rows import LandedRows, join_pieces, to_landed_rows
from cis_assets.landing.text_pieces import Limits

ONE_AT_A_TIME = Lock()
"""Held while a large file is read: each uses all cores, and the memory of one is bounded."""


def read_large_csv(
    table: LandingTable, file: LandingFile, pieces: Iterable[bytes], cache: RowCache, limits: Limits
) -> LandedRows:
    """Read the pieces of a file and cache their rows; LandingError if it cannot be read."""
    return join_parsed(table, _parse(table, file, pieces, limits), cache, limits)


def join_parsed(table: LandingTable, pieces: Iterable[ParsedFile], cache: RowCache, limits: Limits) -> LandedRows:
    """Cache the rows of the parsed pieces of a file, at least one; LandingError if too many are rejected."""
    landed: list[LandedRows] = []
    rejected_bytes = 0
    for parsed in pieces:
        rejected_bytes += parsed.rejected.estimated_size()
        if rejected_bytes > limits.rejected_bytes:
            raise LandingError(
                f"Landing file {parsed.file.path} has too many rows that do not parse; one is line "
                f"{parsed.rejected['source_line'][0]:,}. Correct the file, and land it again."
            )
        landed += [to_landed_rows(table, parsed, rows) for rows in cache.keep([parsed.good])]
    return landed[0] if len(landed) == 1 else join_pieces(landed)


def _parse(table: LandingTable, file: LandingFile, pieces: Iterable[bytes], limits: Limits) -> Iterator[ParsedFile]:
    """Parse the pieces. A row that a piece leaves open is parsed with the next one."""
    header, rest, lines_above = b"", b"", 0
    for piece, is_last in _mark_last(pieces):
        header_end = 0 if header else piece.find(b"\n") + 1
        header = header or piece[:header_end]
        body = rest + piece[header_end:]
        text = open_csv(table, file, header + body)
        parsed, open_line = (parse_alone(text), None) if is_last else parse_piece(text)
        move = pl.col("source_line") + lines_above
        yield replace(parsed, good=parsed.good.with_columns(move), rejected=parsed.rejected.with_columns(move))
        # The header is line 1.
        rest = b"" if open_line is None else b"\n".join(body.split(b"\n")[open_line - 2 :])
        lines_above += body.count(b"\n") - rest.count(b"\n")
        if len(rest) > limits.row_bytes:
            raise LandingError(
                f"Landing file {file.path} has a row of more than {limits.row_bytes:,} bytes, which begins in line "
                f"{lines_above + 2:,}: close its quotes, and land the file again."
            )


def _mark_last(pieces: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    rest = iter(pieces)
    piece = next(rest)
    for following in rest:
        yield piece, False
        piece = following
    yield piece, True

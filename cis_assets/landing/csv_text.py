"""CSV landing files as text: valid UTF-8, with a checked header and a count of rows.

Does not belong here: how text is fetched and unpacked (`text_pieces.py`), and how lines become rows (`csv_rows.py`). The count of rows is taken from the bytes, so it can be
compared with the rows that were read.
"""

from dataclasses import dataclass, field

from cis_assets.landing.contract import LandingTable
from cis_assets.landing.folder import LandingFile
from cis_assets.landing.headers import read_csv_header


@dataclass(frozen=True)
class CsvText:
    """A CSV file as valid UTF-8; its rows begin at byte `begin` of `content`, below the header.

    `damaged_lines` are the lines that were not UTF-8; the header is line 1. Empty lines do not count as rows.
    """

    table: LandingTable
    file: LandingFile
    header: tuple[str, ...]
    content: bytes = field(repr=False)
    begin: int
    row_count: int
    damaged_lines: frozenset[int] = frozenset()


def open_csv(table: LandingTable, file: LandingFile, content: bytes) -> CsvText:
    """Check the header of a file's unpacked text; LandingError if it fails."""
    header = read_csv_header(table, file, content)
    damaged: frozenset[int] = frozenset()
    if not _is_utf8(content):
        lines = enumerate(content.split(b"\n"), start=1)
        damaged = frozenset(number for number, line in lines if number > 1 and not _is_utf8(line))
        content = content.decode(errors="replace").encode()
    begin = content.find(b"\n") + 1 or len(content)
    return CsvText(table, file, header, content, begin, _count_rows(content, begin), damaged)


def _is_utf8(text: bytes) -> bool:
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _count_rows(content: bytes, begin: int) -> int:
    """Count the lines that hold anything. A line ends with a line feed, with or without a carriage return before it."""
    # The search includes the line feed of the header, to find an empty line right below it.
    if any(content.find(empty, max(begin - 1, 0)) >= 0 for empty in (b"\n\n", b"\n\r\n")):
        return sum(1 for line in content[begin:].split(b"\n") if line.removesuffix(b"\r"))
    last = content[max(content.rfind(b"\n") + 1, begin) :].removesuffix(b"\r")
    return content.count(b"\n", begin) + bool(last)

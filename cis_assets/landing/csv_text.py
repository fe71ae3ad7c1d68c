"""CSV files as bytes: unpacked, their header, and how many rows stand below it.

Rows are counted here without taking them apart, so that the count can be held against what the readers make of them.
"""

import csv
import gzip
import zlib

from cis_assets.landing.contract import LandingTable
from cis_assets.landing.folder import LandingError, LandingFile, LandingFolder
from cis_assets.landing.rows import column_name, first_line, refuse_header

GZIP_MAGIC = b"\x1f\x8b"
UTF_8_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_HEADER_BYTES = 65_536


def csv_content(folder: LandingFolder, file: LandingFile) -> bytes:
    """The text of a file, unpacked if it is gzipped whatever its ending; LandingError if it cannot be unpacked."""
    content = folder.content(file)
    if not content.startswith(GZIP_MAGIC):
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise LandingError(
            f"Landing file {file.path} cannot be unpacked: {first_line(error)}. Land it again whole."
        ) from None


def csv_header(folder: LandingFolder, table: LandingTable, file: LandingFile) -> list[str]:
    """Column names of a file, as the contract spells them, read from its beginning alone."""
    start = folder.content(file, first_bytes=_HEADER_BYTES)
    if start.startswith(GZIP_MAGIC):
        try:
            start = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(start, _HEADER_BYTES)
        except zlib.error as error:
            raise _no_header(file, error) from None
    return header_in(start, table, file)


def header_in(content: bytes, table: LandingTable, file: LandingFile) -> list[str]:
    """Column names in the first line of a text, as the contract spells them."""
    if content.startswith(_UTF_16):
        raise LandingError(f"Landing file {file.path} is UTF-16 text: land it as UTF-8.")
    line = content[: _end_of_header(content)].decode("utf-8-sig", errors="replace").rstrip("\r\n")
    if not line.strip():
        state = "begins with an empty line" if content.strip(UTF_8_BOM + b" \r\n") else "is empty"
        raise LandingError(f"Landing file {file.path} {state}: it needs the header {','.join(table.required)}.")
    if "\r" in line:
        raise LandingError(
            f"Landing file {file.path} ends its lines with carriage returns alone: land it with line feeds."
        )
    try:
        header = [column_name(name) for name in next(csv.reader([line]), [])]
    except csv.Error as error:
        raise _no_header(file, error) from None
    refuse_header(table, file, header)
    return header


def rows_below_header(content: bytes) -> int:
    """How many lines below the first hold anything; a line ends with a line feed, a carriage return before it or not."""
    below = _end_of_header(content)
    # The header's own line feed included, so that an empty line right below it is seen.
    if _has(content, b"\n\n", below - 1) or (b"\r" in content and _has(content, b"\n\r\n", below - 1)):
        return sum(1 for line in content[below:].split(b"\n") if line.removesuffix(b"\r"))
    last = content[max(content.rfind(b"\n") + 1, below) :].removesuffix(b"\r")
    return content.count(b"\n", below) + bool(last)


def below_header(content: bytes) -> bytes:
    """All that stands below the first line."""
    return content[_end_of_header(content) :]


def _has(content: bytes, part: bytes, begin: int) -> bool:
    return content.find(part, max(begin, 0)) >= 0


def is_utf8(content: bytes) -> bool:
    if content.isascii():
        return True
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _end_of_header(content: bytes) -> int:
    return content.find(b"\n") + 1 or len(content)


def _no_header(file: LandingFile, error: Exception) -> LandingError:
    return LandingError(f"Landing file {file.path} has no readable header: {first_line(error)}.")

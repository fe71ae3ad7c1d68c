"""Text of CSV landing files in pieces of bounded size, unpacked and cut at the ends of lines.

Does not belong here: what the lines hold (`csv_text.py`, `csv_rows.py`).
"""

import gzip
import io
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from cis_assets.errors import first_line
from cis_assets.landing.folder import LandingError, LandingFile, LandingFolder
from cis_assets.landing.headers import GZIP_MAGIC

_MIB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Bounds for the memory that one file takes. A file within `piece_bytes` and `piece_lines` is one piece.

    A file beyond one of the other limits is not read. Gzip and Parquet are bounded by the size of what they hold, and beyond
    `unchecked_bytes` also by how many times larger that is than the file.
    """

    piece_bytes: int = 8 * _MIB
    piece_lines: int = 500_000
    line_bytes: int = 4 * _MIB
    row_bytes: int = 16 * _MIB
    rejected_bytes: int = 256 * _MIB
    unpacked_bytes: int = 4096 * _MIB
    unchecked_bytes: int = 256 * _MIB
    unpacked_times: int = 200
    column_bytes: int = 256 * _MIB
    footer_bytes: int = 32 * _MIB

    def is_bomb(self, unpacked: int, packed: int) -> bool:
        """Whether a packed file holds too much."""
        return unpacked > self.unpacked_bytes or (
            unpacked > self.unchecked_bytes and unpacked > packed * self.unpacked_times
        )


LIMITS = Limits()


class UnpackError(ValueError):
    """Gzipped content is damaged or too large."""


def read_pieces(folder: LandingFolder, file: LandingFile, limits: Limits = LIMITS) -> Iterator[bytes]:
    """Read the text of a file piece by piece, at least one; LandingError if it cannot be unpacked or has a long line.

    Each piece but the last ends with a line feed.
    """
    if file.size <= limits.piece_bytes:
        content = folder.content(file)
        blocks = _blocks(io.BytesIO(content), limits) if content.startswith(GZIP_MAGIC) else iter((content,))
    else:
        blocks = _blocks(io.BufferedReader(folder.stream(file), limits.piece_bytes), limits)
    try:
        yield from _cut_at_lines(file, blocks, limits)
    except UnpackError as error:
        raise LandingError(f"Landing file {file.path} cannot be unpacked: {error}. Land it again whole.") from None


def unpack(content: bytes, limits: Limits = LIMITS) -> bytes:
    """Unpack content if it is gzipped, no matter what its file is called; UnpackError if that fails."""
    return b"".join(_blocks(io.BytesIO(content), limits)) if content.startswith(GZIP_MAGIC) else content


def find_long_line(text: bytes, limit: int) -> int | None:
    """Find the byte at which a line longer than `limit` begins."""
    begin = 0
    while len(text) - begin > limit:
        end = text.rfind(b"\n", begin, begin + limit + 1)
        if end < 0:
            return begin
        begin = end + 1
    return None


def _blocks(file: BinaryIO | io.BufferedReader, limits: Limits) -> Iterator[bytes]:
    """Read blocks of a file, unpacked if it is gzipped."""
    start = file.read(len(GZIP_MAGIC))
    packed = _Joined(start, file)
    if start != GZIP_MAGIC:
        yield from iter(partial(packed.read, limits.piece_bytes), b"")
        return
    unpacked = 0
    try:
        with gzip.GzipFile(fileobj=packed) as text:
            for block in iter(partial(text.read, limits.piece_bytes), b""):
                unpacked += len(block)
                if limits.is_bomb(unpacked, packed.bytes_read):
                    raise UnpackError(
                        f"it holds more than {unpacked / 1e6:,.0f} MB, which is too much for a gzip of its size"
                    )
                yield block
    except (OSError, EOFError, zlib.error) as error:
        raise UnpackError(first_line(error)) from None


class _Joined(io.RawIOBase):
    """A file from its first bytes, which were read before, to its end. It counts what was read."""

    def __init__(self, start: bytes, rest: BinaryIO | io.BufferedReader) -> None:
        self._start, self._rest, self.bytes_read = start, rest, 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        start, self._start = self._start, b""
        data = start + self._rest.read(max(size - len(start), 0) if size >= 0 else -1)
        self.bytes_read += len(data)
        return data


def _cut_at_lines(file: LandingFile, blocks: Iterable[bytes], limits: Limits) -> Iterator[bytes]:
    blocks, rest, lines = iter(blocks), b"", 0
    block = next(blocks, b"")
    while block is not None:
        following = next(blocks, None)
        text = rest + block if rest else block
        too_long = find_long_line(text, limits.line_bytes)
        if too_long is not None:
            number = lines + text.count(b"\n", 0, too_long) + 1
            raise LandingError(
                f"Line {number:,} of landing file {file.path} has more than {limits.line_bytes:,} bytes: end each row with a "
                "line feed, and land the file again."
            )
        end = len(text) if following is None else text.rfind(b"\n") + 1
        rest = text[end:]
        if end or following is None:
            text = text[:end]
            lines += text.count(b"\n")
            yield from _limit_lines(text, limits.piece_lines)
        block = following


def _limit_lines(text: bytes, most: int) -> Iterator[bytes]:
    """Halve a text at the ends of lines until no part has more than `most`."""
    if text.count(b"\n") <= most:
        yield text
        return
    middle = text.rfind(b"\n", 0, len(text) // 2) + 1 or text.find(b"\n", len(text) // 2) + 1
    yield from _limit_lines(text[:middle], most)
    if middle < len(text):
        yield from _limit_lines(text[middle:], most)

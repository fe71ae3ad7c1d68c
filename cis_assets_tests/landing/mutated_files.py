"""Landing files damaged in the ways in which files are damaged, and what must be in them whatever reads them.

Nothing here uses the reader or polars' CSV: the rows of a damaged file are told from its bytes.
"""

from __future__ import annotations

import csv
import gzip
import io
import random
import re
import zlib
from dataclasses import dataclass

from cis_assets.landing.contract import KEYED_ORDERS, ORDER_ITEMS, ORDERS, LandingTable
from cis_assets_tests.landing.landing_files import ITEMS_HEADER, ORDERS_HEADER

KEYED_HEADER = f"{ORDERS_HEADER},order_key"
NOTED_HEADER = f"{ITEMS_HEADER},note"

_ORDER_ROWS = "".join(f"{number},{number * 37 % 900},{number % 24}\n" for number in range(1, 9))
_ITEM_ROWS = "".join(f"{number},{number * 7},{number % 3 + 1},{number % 4},{number}.5\n" for number in range(1, 9))
_BLANK_ROWS = "".join(f"{number},{number * 7},1,,\n" for number in range(1, 9))
_KEYS = ("A-1", '"A, 2"', "Ä3", '"two\nlines"', '"5"" x"', "", "B-7", '"C"')
_KEYED_ROWS = "".join(f"{number},{number * 37 % 900},9,{key}\n" for number, key in enumerate(_KEYS, start=1))
_NOTED_ROWS = "".join(f"{number},5,1,2,3.5,{key}\n" for number, key in enumerate(_KEYS, start=1))

ORIGINALS: tuple[tuple[LandingTable, bytes], ...] = tuple(
    (table, f"{header}\n{rows}".encode())
    for table, header, rows in (
        (ORDERS, ORDERS_HEADER, _ORDER_ROWS),
        (ORDER_ITEMS, ITEMS_HEADER, _ITEM_ROWS),
        (ORDER_ITEMS, ITEMS_HEADER, _BLANK_ROWS),
        (ORDER_ITEMS, ",".join(ITEMS_HEADER.split(",")[:3]), "1,5,1\n1,6,2\n2,5,1\n"),
        (KEYED_ORDERS, KEYED_HEADER, _KEYED_ROWS),
        (ORDER_ITEMS, NOTED_HEADER, _NOTED_ROWS),
    )
)

_INSERTED = (
    *(b'"', b'""', b'"a\nb"', b",", b",,", b";", b"\n", b"\n\n", b"\r", b"\r\n", b"\r\r\n", b"\x00", b"\xff", b"\xc3"),
    *(b"\xef\xbb\xbf", b"\xff\xfe", b" ", b"\t", b"\x0b", b"\x1f", "\u2028".encode(), "é".encode(), b"x", b"-", b"+"),
    *(
        b".",
        b"e5",
        b"nan",
        b"inf",
        b"_",
        b"0",
        b"9" * 25,
        b"#",
        b"\\",
        b"'",
        b"\n1,2\n",
        b"\n1,2,3,4,5,6,7\n",
        b"\n,,\n",
    ),
    f"\n{ORDERS_HEADER}\n".encode(),
)


@dataclass(frozen=True)
class DamagedFile:
    """A file as it lands: its bytes and ending, and the bytes from which it was made."""

    table: LandingTable
    original: bytes
    content: bytes
    ending: str


def _insert(content: bytes, at: int, what: int) -> bytes:
    return content[:at] + _INSERTED[what % len(_INSERTED)] + content[at:]


def _overwrite(content: bytes, at: int, what: int) -> bytes:
    return content[:at] + _INSERTED[what % len(_INSERTED)] + content[at + 1 :]


def _cut_out(content: bytes, at: int, what: int) -> bytes:
    return content[:at] + content[at + what % 12 + 1 :]


def _repeat(content: bytes, at: int, what: int) -> bytes:
    return content[: at + what % 30] + content[at:]


def _cut_off(content: bytes, at: int, what: int) -> bytes:
    return content[:at]


def _other_line_ends(content: bytes, at: int, what: int) -> bytes:
    return content[:at] + content[at:].replace(b"\n", (b"\r\n", b"\r", b"\n\n")[what % 3])


def _without_last_line_end(content: bytes, at: int, what: int) -> bytes:
    return content.rstrip(b"\r\n")


_DAMAGES = (
    _insert,
    _insert,
    _overwrite,
    _overwrite,
    _cut_out,
    _repeat,
    _cut_off,
    _other_line_ends,
    _without_last_line_end,
)
_PACKINGS = (*("plain",) * 8, "gzip", "gzip", "two members", "cut gzip", "damaged gzip")


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Damage a content up to three times."""
    for _ in range(rng.randint(0, 3)):
        begin = 0 if rng.random() < 0.05 else content.find(b"\n") + 1
        content = rng.choice(_DAMAGES)(content, rng.randint(begin, len(content)), rng.randrange(1000))
    return content


def damaged_file(rng: random.Random) -> DamagedFile:
    """A file with up to three damages, perhaps packed, under an ending that may be another format's."""
    table, original = rng.choice(ORIGINALS)
    content = damaged(original, rng)
    packing = rng.choice(_PACKINGS)
    if packing != "plain":
        middle = rng.randint(0, len(content))
        parts = (content,) if packing == "gzip" else (content[:middle], content[middle:])
        packed = b"".join(gzip.compress(part, mtime=0) for part in parts)
        at = rng.randint(12, len(packed) - 2)
        content = {
            "cut gzip": packed[:at],
            "damaged gzip": packed[:at] + b"\x55\xaa" + packed[at + 2 :],
        }.get(packing, packed)
    return DamagedFile(table, original, content, rng.choice(("csv", "csv", "csv.gz")))


def unpacked(content: bytes) -> bytes | None:
    """The text of a file, or None if it is gzipped and not whole."""
    text = b""
    while content.startswith(b"\x1f\x8b"):
        member = zlib.decompressobj(wbits=31)
        try:
            text += member.decompress(content)
        except zlib.error:
            return None
        if not member.eof:
            return None
        content = member.unused_data.lstrip(b"\x00")
        if not content:
            return text
    return None if text else content


def header_line(text: bytes) -> bytes:
    return text.split(b"\n")[0].removeprefix(b"\xef\xbb\xbf").removesuffix(b"\r")


def lines_with_rows(text: bytes) -> dict[int, str]:
    """The lines below the header that are not empty, by their number."""
    return {
        number: line.removesuffix(b"\r").decode(errors="replace")
        for number, line in enumerate(text.split(b"\n"), start=1)
        if number > 1 and line.removesuffix(b"\r")
    }


def is_one_record(text: bytes, first: int, last: int) -> bool:
    """Whether the lines from `first` to `last` are one row: a single line, or a row with line breaks within quotes."""
    lines = text.decode(errors="replace").split("\n")[first - 1 : last]
    while len(lines) > 1 and not lines[-1].removesuffix("\r"):
        lines.pop()
    return len(lines) == 1 or len([*csv.reader(io.StringIO("\n".join(lines), newline="\n"))]) == 1


_CANONICAL = re.compile(r"-?[1-9]\d{0,8}")


def must_be_good(line: str, width: int) -> bool:
    """Whether nobody could object to a row of numbers: plain whole numbers, as many as the header names."""
    fields = line.split(",")
    return len(fields) == width and all(_CANONICAL.fullmatch(field) for field in fields)


def must_be_bad(line: str, width: int) -> bool:
    """Whether nobody could take it for a row of numbers: another number of fields, or letters that no number has."""
    return line.count(",") != width - 1 or bool(re.search(r"[^\W\d_eEnNaAiIfFtTyY]|[;#\\]", line))

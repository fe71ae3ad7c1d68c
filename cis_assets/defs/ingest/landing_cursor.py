"""The cursor of the landing sensor: the files of each date that a run was requested for, and the requests still open.

Dagster stores a copy of the cursor with every tick, so a date takes four bytes. Cursors of earlier versions are read too.
"""

import base64
import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from cis_assets.dates import DateRange
from cis_assets.landing.folder import LandingFile

_VERSION = 2
_MARK_BYTES = 4
_NO_MARK = bytes(_MARK_BYTES)


class UnreadableCursorError(ValueError):
    """The text is no cursor of the landing sensor."""


@dataclass(frozen=True)
class Request:
    """A requested range: its dates, the key of its run, and the mark of the snapshot files at that time."""

    days: DateRange
    run_key: str
    snapshots: str


@dataclass(frozen=True)
class LandingCursor:
    """The mark of each date when its last run was requested, the open requests, and when the cursor was written."""

    marks: Mapping[date, str] = field(default_factory=dict)
    requests: tuple[Request, ...] = ()
    written: str = ""

    def text(self) -> str:
        """Return the cursor in the form that Dagster stores."""
        first, last = min(self.marks, default=None), max(self.marks, default=None)
        # Four bytes for each day from the first to the last. Compression removes the days without a mark.
        days = DateRange(first, last) if first and last else ()
        marks = b"".join(bytes.fromhex(self.marks[day]) if day in self.marks else _NO_MARK for day in days)
        content = {
            "version": _VERSION,
            "written": self.written,
            "first": first and str(first),
            "marks": base64.b85encode(zlib.compress(marks, 9)).decode() if marks else "",
            "requests": [[str(each.days.first), str(each.days.last), each.run_key, each.snapshots] for each in self.requests],
        }  # fmt: skip
        return json.dumps(content, separators=(",", ":"))


def read_cursor(text: str | None) -> LandingCursor:
    """Parse a cursor; without a text it is empty. UnreadableCursorError if the text is no cursor of this sensor."""
    if not text:
        return LandingCursor()
    try:
        content = json.loads(text)
        if "version" not in content:
            # Version 1: a dictionary of dates, each with a longer digest of the same files.
            marks = {date.fromisoformat(day): _checked_mark(bytes.fromhex(mark)) for day, mark in content.items()}
            return LandingCursor(marks)
        if content["version"] != _VERSION:
            raise UnreadableCursorError(f"Version {content['version']!r} is unknown.")
        return LandingCursor(
            marks=_unpack_marks(content) if content["first"] else {},
            requests=tuple(
                Request(DateRange(date.fromisoformat(first), date.fromisoformat(last)), run_key, snapshots)
                for first, last, run_key, snapshots in content["requests"]
            ),
            written=content["written"],
        )
    except (ValueError, TypeError, KeyError, AttributeError, zlib.error) as error:
        raise UnreadableCursorError(f"The cursor {text[:40]!r} cannot be read.") from error


def mark_files(files: Iterable[LandingFile]) -> str:
    """Return a short text that changes when a file is added, removed or replaced."""
    listed = "\n".join(f"{file.path}|{file.size}|{file.e_tag}" for file in files)
    digest = hashlib.sha256(listed.encode()).digest()[:_MARK_BYTES]
    return (digest if digest != _NO_MARK else b"\1" * _MARK_BYTES).hex()


def _unpack_marks(content: Mapping[str, Any]) -> dict[date, str]:
    first, packed = date.fromisoformat(content["first"]), zlib.decompress(base64.b85decode(content["marks"]))
    marks = (packed[at : at + _MARK_BYTES] for at in range(0, len(packed), _MARK_BYTES))
    return {
        first + timedelta(days=number): _checked_mark(mark) for number, mark in enumerate(marks) if mark != _NO_MARK
    }


def _checked_mark(mark: bytes) -> str:
    if len(mark) < _MARK_BYTES:
        raise UnreadableCursorError("A mark is too short.")
    return mark[:_MARK_BYTES].hex()

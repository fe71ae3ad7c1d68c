"""The landing sensor's cursor: which files of each date were run, and which runs have not succeeded yet.

Dagster keeps a copy of the cursor with every tick, so it is short: four bytes a date. Text of an earlier version of this
project is understood; any other text is refused, upon which the sensor begins anew.
"""

from __future__ import annotations

import base64
import binascii
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
    """A text that is no cursor of this sensor."""


@dataclass(frozen=True)
class Request:
    """A range that was asked for: the key of its run, and the mark of the snapshot files that lay in landing then."""

    days: DateRange
    run_key: str
    snapshots: str


@dataclass(frozen=True)
class LandingCursor:
    """Marks of the dates as they were last asked for, requests whose success is not known, and when this was written."""

    marks: Mapping[date, str] = field(default_factory=dict)
    requests: tuple[Request, ...] = ()
    written: str = ""

    def text(self) -> str:
        """The cursor as Dagster keeps it."""
        first = min(self.marks, default=None)
        return json.dumps(
            {
                "version": _VERSION,
                "written": self.written,
                "first": None if first is None else str(first),
                "marks": "" if first is None else _packed(first, self.marks),
                "requests": [
                    [str(one.days.first), str(one.days.last), one.run_key, one.snapshots] for one in self.requests
                ],
            },
            separators=(",", ":"),
        )


def read_cursor(text: str | None) -> LandingCursor:
    """What a cursor says (nothing yet, if there is none); UnreadableCursorError if it is none of this sensor's."""
    if not text:
        return LandingCursor()
    try:
        content = json.loads(text)
        return _of_version_1(content) if "version" not in content else _of_version_2(content)
    except (ValueError, TypeError, KeyError, AttributeError, zlib.error) as error:
        raise UnreadableCursorError(f"{text[:40]!r} is no cursor of the landing sensor.") from error


def mark_of(files: Iterable[LandingFile]) -> str:
    """A short text that changes when a file is added, removed or replaced."""
    listed = "\n".join(f"{file.path}|{file.size}|{file.e_tag}" for file in files)
    digest = hashlib.sha256(listed.encode()).digest()[:_MARK_BYTES]
    return (digest if digest != _NO_MARK else b"\1" * _MARK_BYTES).hex()


def _packed(first: date, marks: Mapping[date, str]) -> str:
    """A place of four bytes for each day from the first on, compressed, since places between dates are empty."""
    days = DateRange(first, max(marks))
    places = b"".join(bytes.fromhex(marks[day]) if day in marks else _NO_MARK for day in days)
    return base64.b85encode(zlib.compress(places, 9)).decode()


def _unpacked(first: date, text: str) -> dict[date, str]:
    places = zlib.decompress(base64.b85decode(text))
    if len(places) % _MARK_BYTES:
        raise binascii.Error("the marks end within a place")
    marks = (places[at : at + _MARK_BYTES] for at in range(0, len(places), _MARK_BYTES))
    return {first + timedelta(days=number): mark.hex() for number, mark in enumerate(marks) if mark != _NO_MARK}


def _of_version_1(content: Mapping[str, str]) -> LandingCursor:
    """Twelve digits of the same digest by date."""
    marks = {date.fromisoformat(day): bytes.fromhex(mark)[:_MARK_BYTES].hex() for day, mark in content.items()}
    if any(len(mark) != 2 * _MARK_BYTES for mark in marks.values()):
        raise UnreadableCursorError("A mark is too short.")
    return LandingCursor(marks)


def _of_version_2(content: Mapping[str, Any]) -> LandingCursor:
    if content["version"] != _VERSION:
        raise UnreadableCursorError(f"Version {content['version']!r} is not known.")
    return LandingCursor(
        marks=_unpacked(date.fromisoformat(content["first"]), content["marks"]) if content["first"] else {},
        requests=tuple(
            Request(DateRange(date.fromisoformat(first), date.fromisoformat(last)), run_key, snapshots)
            for first, last, run_key, snapshots in content["requests"]
        ),
        written=content["written"],
    )

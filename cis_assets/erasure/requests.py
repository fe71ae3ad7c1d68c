"""Erasure requests as files, so that customer numbers reach a Dagster job without entering Dagster's own storage.

A request is a CSV file with one column, customer_id, below `erasure_requests/` in the landing folder. No message shows its
content.
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

import obstore

from cis_assets.errors import OperatorError
from cis_assets.landing.folder import leads_out
from cis_assets.storage.addresses import object_store, store_to_read

REQUESTS = "erasure_requests"
_COLUMN = "customer_id"
# Python's own parser also takes 1_2, +5 and digits of other scripts.
_NUMBER = re.compile(r"-?[0-9]{1,19}")
_NUMBERS = range(-(2**63), 2**63)
_LINES_NAMED = 10
_ONE_NUMBER = "Write one whole number of 64 bits in the digits 0 to 9, without separators"


class RequestError(OperatorError):
    """A request is not a list of whole customer numbers."""


@dataclass(frozen=True)
class Request:
    """A request file, as of the moment when it was read."""

    path: str
    e_tag: str | None
    customers: frozenset[int]


def read_requests(landing_uri: str, *, follow_links: bool = False) -> list[Request]:
    """Read the requests in a landing folder; RequestError if one of them cannot be read or is a link that leads out."""
    store = store_to_read(landing_uri)
    found = []
    for path in sorted(meta["path"] for batch in obstore.list(store, prefix=REQUESTS) for meta in batch):
        if not path.lower().endswith(".csv"):
            raise RequestError(f"{path} below the landing folder is not a .csv file: rename or remove it.")
        if not follow_links and leads_out(landing_uri, path):
            raise RequestError(
                f"{path} below the landing folder lies behind a link that leads out of it: put the file itself there, or set "
                "CIS_LANDING_LINKS=true to allow such links. No customer was erased."
            )
        file = obstore.get(store, path)
        found.append(Request(path, file.meta["e_tag"], parse_customer_numbers(bytes(file.bytes()), path)))
    return found


def delete_requests(landing_uri: str, requests: Iterable[Request]) -> list[str]:
    """Delete completed requests; return those that stay because they changed after they were read."""
    store = object_store(landing_uri)
    stay = []
    for request in requests:
        # Somebody may have removed a request meanwhile.
        with suppress(FileNotFoundError):
            if obstore.head(store, request.path)["e_tag"] == request.e_tag:
                obstore.delete(store, request.path)
            else:
                stay.append(request.path)
    return stay


def parse_customer_numbers(content: bytes, name: str) -> frozenset[int]:
    """Parse a file with one number per line, with or without a header. Messages call the file `name`.

    Spaces around a number and blank lines are allowed. Any other line refuses the whole file: a guess could erase another
    customer.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = content[: error.start].count(b"\n") + 1
        raise RequestError(f"{name} is not UTF-8 (line {place}). No customer was erased.") from None
    lines = [(place, line.removesuffix("\r").strip(" ")) for place, line in enumerate(text.split("\n"), start=1)]
    lines = [(place, line) for place, line in lines if line]
    if lines and lines[0][1].lower() == _COLUMN:
        lines = lines[1:]
    numbers = {place: _parse_number(line) for place, line in lines}
    wrong = [place for place, number in numbers.items() if number is None]
    if wrong:
        shown = ", ".join(map(str, wrong[:_LINES_NAMED]))
        more = f" and {len(wrong) - _LINES_NAMED} more" if len(wrong) > _LINES_NAMED else ""
        what = (
            f"Line {shown} of {name} is not a customer number"
            if len(wrong) == 1
            else f"Lines {shown}{more} of {name} are not customer numbers"
        )
        raise RequestError(f"{what}. {_ONE_NUMBER}, per line. No customer was erased.")
    return frozenset(number for number in numbers.values() if number is not None)


def parse_customer_number(text: str, name: str) -> int:
    """Parse one number. Messages call it `name`."""
    number = _parse_number(text.strip(" "))
    if number is None:
        raise RequestError(f"{name} is not a customer number. {_ONE_NUMBER}. No customer was erased.")
    return number


def _parse_number(text: str) -> int | None:
    return int(text) if _NUMBER.fullmatch(text) and int(text) in _NUMBERS else None

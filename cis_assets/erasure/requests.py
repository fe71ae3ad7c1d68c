"""Erasure requests as files, so that customer numbers reach a Dagster job without entering Dagster's own storage.

A request is a CSV file with one column, customer_id, below `erasure_requests/` in the landing folder. No message shows its
content.
"""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass

import obstore

from cis_assets.errors import OperatorError
from cis_assets.storage.addresses import object_store, store_to_read

REQUESTS = "erasure_requests"
_COLUMN = "customer_id"
_NUMBERS = range(-(2**63), 2**63)


class RequestError(OperatorError):
    """A request is not a list of whole customer numbers."""


@dataclass(frozen=True)
class Request:
    """A request file, as of the moment when it was read."""

    path: str
    e_tag: str | None
    customers: frozenset[int]


def read_requests(landing_uri: str) -> list[Request]:
    """Read the requests in a landing folder; RequestError if one of them cannot be read."""
    store = store_to_read(landing_uri)
    found = []
    for path in sorted(meta["path"] for batch in obstore.list(store, prefix=REQUESTS) for meta in batch):
        if not path.lower().endswith(".csv"):
            raise RequestError(f"{path} below the landing folder is not a .csv file: rename or remove it.")
        file = obstore.get(store, path)
        found.append(Request(path, file.meta["e_tag"], parse_customer_numbers(bytes(file.bytes()), path)))
    return found


def delete_requests(landing_uri: str, requests: Iterable[Request]) -> list[str]:
    """Delete completed requests; return those that stay because they changed after they were read."""
    store = object_store(landing_uri)
    stay = []
    for request in requests:
        if obstore.head(store, request.path)["e_tag"] == request.e_tag:
            obstore.delete(store, request.path)
        else:
            stay.append(request.path)
    return stay


def parse_customer_numbers(content: bytes, name: str) -> frozenset[int]:
    """Parse the numbers in a file of one column, with or without a header. Messages call the file `name`."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RequestError(f"{name} is not UTF-8.") from None
    found = set()
    for line, fields in enumerate(csv.reader(io.StringIO(text)), start=1):
        value = "".join(fields).strip()
        if value and not (line == 1 and value.lower() == _COLUMN):
            found.add(parse_customer_number(value, f"Line {line} of {name}"))
    return frozenset(found)


def parse_customer_number(text: str, name: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = None
    if number is None or number not in _NUMBERS:
        raise RequestError(f"{name} is not a customer number, which is a whole number of 64 bits.")
    return number

"""Requests to be forgotten, as files: customer numbers reach a Dagster job without entering Dagster's own storage.

A request is a CSV file below `erasure_requests/` in the landing folder with one column, customer_id. No message here
shows what stands in one.
"""

from __future__ import annotations

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
    """A request does not say in whole numbers which customers are meant."""


@dataclass(frozen=True)
class Request:
    """A request file as it was when it was read."""

    path: str
    e_tag: str | None
    customers: frozenset[int]


def read_requests(landing_uri: str) -> list[Request]:
    """The requests that wait in a landing folder; RequestError if one of them cannot be read."""
    store = store_to_read(landing_uri)
    found = []
    for path in sorted(meta["path"] for batch in obstore.list(store, prefix=REQUESTS) for meta in batch):
        if not path.lower().endswith(".csv"):
            raise RequestError(f"{path} below the landing folder is no .csv file: rename or remove it.")
        file = obstore.get(store, path)
        found.append(Request(path, file.meta["e_tag"], customer_numbers(bytes(file.bytes()), path)))
    return found


def delete_requests(landing_uri: str, requests: Iterable[Request]) -> list[str]:
    """Delete requests that were carried out; returns those that stay, since they were changed after they were read."""
    store = object_store(landing_uri)
    stay = []
    for request in requests:
        if obstore.head(store, request.path)["e_tag"] == request.e_tag:
            obstore.delete(store, request.path)
        else:
            stay.append(request.path)
    return stay


def customer_numbers(content: bytes, name: str) -> frozenset[int]:
    """The numbers in a file of one column, with or without its header; `name` is the file's, for messages."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RequestError(f"{name} is not UTF-8.") from None
    found = set()
    for line, fields in enumerate(csv.reader(io.StringIO(text)), start=1):
        value = "".join(fields).strip()
        if value and not (line == 1 and value.lower() == _COLUMN):
            found.add(customer_number(value, f"Line {line} of {name}"))
    return frozenset(found)


def customer_number(text: str, name: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = None
    if number is None or number not in _NUMBERS:
        raise RequestError(f"{name} is no customer number, which is a whole number of 64 bits.")
    return number

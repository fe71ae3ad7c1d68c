"""What is wrong with an http:// or https:// address, in words that never contain the address.

Addresses of servers and webhooks may hold secrets, and libraries report a malformed one by an error of their own or as a
server that cannot be reached.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

_QUOTES = re.compile("[\"'`\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb]")
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_MOST_HOST_CHARACTERS = 253
# A host whose last label is a number is an IPv4 address.
_IPV4 = re.compile(r"((25[0-5]|2[0-4]\d|1?\d?\d)(\.(?!$)|$)){4}")


def find_text_fault(value: str) -> str | None:
    """Find what stands in a key or an address only by mistake: line ends, white space, quotation marks, and the like."""
    if "\n" in value or "\r" in value:
        return "has a line end"
    if any(letter.isspace() for letter in value):
        return "has white space"
    if not value.isprintable():
        return "has a control or invisible character"
    if _QUOTES.search(value):
        return "has quotation marks"
    return None


def find_address_fault(
    value: str, *, schemes: Sequence[str] = ("http", "https"), credentials: bool = False, query: bool = False
) -> str | None:
    """Find the first fault of an address, as the end of a sentence about it; None for a well-formed one.

    `credentials` and `query` allow `user:password@` and the part from `?` on.
    """
    if fault := find_text_fault(value):
        return fault
    try:
        parts = urlsplit(value)
    except ValueError:
        return "has a malformed host"
    if parts.scheme not in schemes or "://" not in value:
        return f"does not begin with {' or '.join(f'{scheme}://' for scheme in schemes)}"
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0 or parts.netloc.endswith(":"):
        return "has a port that is no number from 1 to 65535"
    if "@" in parts.netloc and not credentials:
        return "has a user name or a password in it"
    if not parts.hostname:
        return "names no host"
    if not _is_host(parts.hostname, is_literal="[" in parts.netloc):
        return "has a malformed host"
    if "://" in parts.path or parts.path.startswith("//"):
        return "has a second // after its host"
    if not (parts.path + parts.query + parts.fragment).isascii():
        return "has a character that is not ASCII after its host"
    if (parts.query or parts.fragment) and not query:
        return "has a part that begins with ? or #"
    return None


def _is_host(host: str, *, is_literal: bool) -> bool:
    if is_literal:
        # urlsplit has read the IPv6 address.
        return True
    try:
        encoded = host.encode("idna").decode()
    except UnicodeError:
        return False
    labels = encoded.removesuffix(".").split(".")
    if labels[-1].isdigit() and not _IPV4.fullmatch(encoded):
        return False
    return len(encoded) <= _MOST_HOST_CHARACTERS and all(map(_LABEL.fullmatch, labels))

"""What a store says when it fails, as a sentence for the person who runs the system."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from deltalake.exceptions import DeltaError

from cis_assets.errors import OperatorError

# delta-rs and its object store raise OSError or DeltaError with a text; their words for a lacking right.
_DENIED = re.compile(r"necessary privileges|403 Forbidden|401 Unauthorized|AuthenticationFailed|valid authentication")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
# Signatures of addresses stand behind their question mark.
_SIGNED = re.compile(r"(https?://[^\s?'\")]+)\?[^\s'\")]*")
_STATUS = re.compile(r"\b[45]\d\d [A-Z][a-z]+(?: [A-Z][a-z]+)*")
_CODE = re.compile(r"<Code>(\w+)</Code>")


class StorageError(OperatorError):
    """The store of a table could not be read or written."""


def is_denied(error: Exception) -> bool:
    """Whether the store answered that the credential is wrong or lacks a right, which no repetition mends."""
    return _DENIED.search(str(error)) is not None


def in_words(error: Exception) -> str:
    """The error in one line: what the store answered, or else its first and last layer, without signatures of addresses."""
    if is_denied(error):
        return "the store denies it: the credential is wrong or lacks a right"
    text = _SIGNED.sub(r"\1", _COLOURS.sub("", str(error)))
    status, code = _STATUS.search(text), _CODE.search(text)
    if status:
        return f"the store answered {status[0]}" + (f" ({code[1]})" if code else "")
    layers = [layer.strip() for layer in re.split(r"↳|\n", text) if layer.strip()]
    return " - ".join(dict.fromkeys((layers[0], layers[-1]))) if layers else type(error).__name__


@contextmanager
def storage_errors(doing: str) -> Iterator[None]:
    """Turn the errors of delta-rs and its store into a StorageError that says what was being done."""
    try:
        yield
    except (OSError, DeltaError) as error:
        raise StorageError(f"{doing} failed: {in_words(error)}. `cis doctor` looks at the store.") from error

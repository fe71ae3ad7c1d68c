"""Errors of storage clients as sentences for the person who runs the system."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from deltalake.exceptions import DeltaError
from obstore.exceptions import BaseError as ObjectStoreError

from cis_assets.errors import OperatorError

# How delta-rs and its object store, which raise OSError or DeltaError, report a missing permission.
_DENIED = re.compile(r"necessary privileges|403 Forbidden|401 Unauthorized|AuthenticationFailed|valid authentication")
_COLORS = re.compile(r"\x1b\[[0-9;]*m")
# The query of an address may hold a signature.
_SIGNED = re.compile(r"(https?://[^\s?'\")]+)\?[^\s'\")]*")
_STATUS = re.compile(r"\b[45]\d\d [A-Z][a-z]+(?: [A-Z][a-z]+)*")
_CODE = re.compile(r"<Code>(\w+)</Code>")


class StorageError(OperatorError):
    """Storage could not be read or written."""


def is_denied(error: Exception) -> bool:
    """Whether the credential is wrong or lacks a permission. Retries do not help then."""
    return _DENIED.search(str(error)) is not None


def describe_error(error: Exception) -> str:
    """Describe the error in one line, without signatures: the answer of the storage, or its first and last layer."""
    if is_denied(error):
        return "the storage denies access: the credential is wrong or lacks a permission"
    text = _SIGNED.sub(r"\1", _COLORS.sub("", str(error)))
    status, code = _STATUS.search(text), _CODE.search(text)
    if status:
        return f"the storage answered {status[0]}" + (f" ({code[1]})" if code else "")
    layers = [layer.strip() for layer in re.split(r"↳|\n", text) if layer.strip()]
    return " - ".join(dict.fromkeys((layers[0], layers[-1]))) if layers else type(error).__name__


@contextmanager
def storage_errors(action: str) -> Iterator[None]:
    """Turn an error of delta-rs or of the object store into a StorageError that names the action."""
    try:
        yield
    except (OSError, DeltaError, ObjectStoreError) as error:
        raise StorageError(
            f"{action} failed: {describe_error(error)}. Run `cis doctor` to examine the storage."
        ) from error

"""Addresses of the lake and the landing folder, and the options that clients need to connect to them.

An address is a local folder, `abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH` or `az://CONTAINER/PATH`. delta-rs,
polars and obstore use different versions of the same object-store client. All three share one mapping from the
environment, and each gets timeouts and retries under its own option names. Credentials are in `credentials.py`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from obstore.store import LocalStore, MemoryStore, ObjectStore, from_url

from cis_assets.errors import OperatorError
from cis_assets.storage.credentials import credential
from cis_assets.storage.durability import Sync, put_durably, sync_paths
from cis_assets.storage.timeouts import Timeouts, timeouts_of_process

_ACCOUNT_HOST = re.compile(r"([^.]+)\.(dfs|blob)\.core\.windows\.net")
_CONTAINER_SCHEMES = {"az", "azure"}
_ACCOUNT_SCHEMES = {"abfss", "abfs"}

# Only the time limit ends retries, never their number.
_ANY_NUMBER_OF_RETRIES = 10_000
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(milliseconds=400), timedelta(seconds=2)
# When its retries are used up, polars repeats every request once with a new client.
_POLARS_ROUNDS = 2
# A client that limits the wait for the next bytes needs no tight limit for a whole transfer.
_LONGEST_TRANSFER = timedelta(hours=1)


class StorageAddressError(OperatorError):
    """An address is incomplete or names an unsupported kind of storage."""


@dataclass(frozen=True)
class AzureAddress:
    """The account, container and path of an address of Azure Storage."""

    account: str
    container: str
    path: str


def is_local(uri: str) -> bool:
    return "://" not in uri


def azure_address(uri: str, environment: Mapping[str, str] = os.environ) -> AzureAddress:
    """Parse a cloud address; StorageAddressError if the clients would not understand it."""
    parts = urlsplit(uri)
    if parts.scheme in _CONTAINER_SCHEMES and parts.netloc and "@" not in parts.netloc:
        account = environment.get("AZURE_STORAGE_ACCOUNT_NAME", "")
        if not account:
            raise StorageAddressError(f"{uri} names no account: set AZURE_STORAGE_ACCOUNT_NAME.")
        return AzureAddress(account, parts.netloc, parts.path.strip("/"))
    container, _, host = parts.netloc.rpartition("@")
    known = _ACCOUNT_HOST.fullmatch(host)
    if parts.scheme not in _ACCOUNT_SCHEMES or not container or known is None:
        raise StorageAddressError(
            f"{uri} is not a supported address: give a folder, abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH "
            "or, in other clouds, az://CONTAINER/PATH with AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ENDPOINT."
        )
    return AzureAddress(known[1], container, parts.path.strip("/"))


def storage_options(
    uri: str, environment: Mapping[str, str] = os.environ, timeouts: Timeouts | None = None
) -> dict[str, str]:
    """Options for delta-rs to connect to `uri`; empty for a local folder.

    The values may be secrets: pass them to clients only, never to logs or to Dagster's configuration.
    """
    if is_local(uri):
        return {}
    limits = timeouts or timeouts_of_process()
    return {
        **_connection(uri, environment),
        "allow_http": str(_allows_http(environment)).lower(),
        # This client can only limit a whole request.
        "timeout": _milliseconds(limits.answer),
        "connect_timeout": _milliseconds(limits.connect),
        "max_retries": str(_ANY_NUMBER_OF_RETRIES),
        "retry_timeout": _milliseconds(limits.retry),
        "backoff_config.init_backoff": _milliseconds(_FIRST_PAUSE.total_seconds()),
        "backoff_config.max_backoff": _milliseconds(_LONGEST_PAUSE.total_seconds()),
    }


def polars_options(
    uri: str, environment: Mapping[str, str] = os.environ, timeouts: Timeouts | None = None
) -> dict[str, Any]:
    """Options for polars to connect to `uri`; empty for a local folder. As secret as `storage_options`.

    Pass them when polars scans a DeltaTable: polars would use that table's options otherwise.
    """
    if is_local(uri):
        return {}
    limits = timeouts or timeouts_of_process()
    return {
        **_connection(uri, environment),
        # Also keeps polars from choosing a credential by itself.
        "credential_type": credential(environment).kind.credential_type,
        "allow_http": str(_allows_http(environment)).lower(),
        "timeout": _milliseconds(_LONGEST_TRANSFER.total_seconds()),
        "read_timeout": _milliseconds(limits.answer),
        "connect_timeout": _milliseconds(limits.connect),
        "max_retries": _ANY_NUMBER_OF_RETRIES,
        "retry_timeout_ms": round(limits.retry * 1000 / _POLARS_ROUNDS),
        "retry_init_backoff_ms": round(_FIRST_PAUSE.total_seconds() * 1000),
        "retry_max_backoff_ms": round(_LONGEST_PAUSE.total_seconds() * 1000),
    }


def object_store(
    uri: str,
    environment: Mapping[str, str] = os.environ,
    *,
    timeouts: Timeouts | None = None,
    retry: bool = True,
) -> ObjectStore:
    """Connect an obstore client to `uri` for writing; create a local folder that is absent.

    Without `retry`, a request that fails is not repeated.
    """
    if is_local(uri):
        return LocalStore(uri, mkdir=True)
    limits = timeouts or timeouts_of_process()
    config: Any = {**_connection(uri, environment), "credential_type": credential(environment).kind.credential_type}
    return from_url(
        uri,
        config=config,
        client_options={
            "allow_http": _allows_http(environment),
            "timeout": _LONGEST_TRANSFER,
            "read_timeout": timedelta(seconds=limits.answer),
            "connect_timeout": timedelta(seconds=limits.connect),
        },
        retry_config={
            "max_retries": _ANY_NUMBER_OF_RETRIES if retry else 0,
            "retry_timeout": timedelta(seconds=limits.retry),
            "backoff": {"init_backoff": _FIRST_PAUSE, "max_backoff": _LONGEST_PAUSE, "base": 2},
        },
    )


def store_to_read(uri: str, timeouts: Timeouts | None = None) -> ObjectStore:
    """Connect an obstore client to `uri` without creating anything: an absent local folder reads as an empty one."""
    if is_local(uri) and not Path(uri).is_dir():
        return MemoryStore()
    return object_store(uri, timeouts=timeouts)


def join(uri: str, path: str) -> str:
    """The address of `path` below `uri`."""
    return str(Path(uri, path)) if is_local(uri) else f"{uri.rstrip('/')}/{path}"


def put_text(uri: str, path: str, text: str, timeouts: Timeouts | None = None, sync: Sync = sync_paths) -> str:
    """Replace a text file below `uri` atomically and durably, and return its address."""
    put_durably(object_store(uri, timeouts=timeouts), path, text.encode(), sync)
    return join(uri, path)


def _connection(uri: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Account, credential and endpoint, under option names that all three clients share.

    Clients ignore unknown option names, so a test shows that each name here has an effect.
    """
    options = {"account_name": azure_address(uri, environment).account, **credential(environment).options}
    if environment.get("AZURE_STORAGE_ENDPOINT"):
        options["azure_storage_endpoint"] = environment["AZURE_STORAGE_ENDPOINT"]
    return options


def _allows_http(environment: Mapping[str, str]) -> bool:
    return environment.get("AZURE_STORAGE_ALLOW_HTTP", "").lower() == "true"


def _milliseconds(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"

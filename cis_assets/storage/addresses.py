"""Addresses of the lake and the landing folder, and the options that their stores need.

A place is a local folder, `abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH` or `az://CONTAINER/PATH`. delta-rs,
polars and obstore speak to Azure through the same object-store client, but not in the same version: one mapping from
the environment serves the three, and each gets timeouts and retries in its own words. What tables are and how they
are written is not said here, nor which credentials there are (`credentials.py`).
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

import obstore
from obstore.store import LocalStore, MemoryStore, ObjectStore, from_url

from cis_assets.errors import OperatorError
from cis_assets.settings import settings
from cis_assets.storage.credentials import credential

_ACCOUNT_HOST = re.compile(r"([^.]+)\.(dfs|blob)\.core\.windows\.net")
_CONTAINER_SCHEMES = {"az", "azure"}
_ACCOUNT_SCHEMES = {"abfss", "abfs"}

# How long to go on is said in seconds alone, so the number of attempts must never be what ends it.
_ANY_NUMBER_OF_RETRIES = 10_000
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(milliseconds=400), timedelta(seconds=2)
# Polars makes every request a second time, with a new client, when the retries of the first are used up.
_POLARS_ROUNDS = 2
# Where a client can limit the wait for the next bytes, a transfer that goes on may take as long as it needs.
_LONGEST_TRANSFER = timedelta(hours=1)


class StorageAddressError(OperatorError):
    """An address names a kind of store that is not supported, or names it in part."""


@dataclass(frozen=True)
class AzureAddress:
    """What an address of Azure Storage names."""

    account: str
    container: str
    path: str


def is_local(uri: str) -> bool:
    return "://" not in uri


def azure_address(uri: str, environment: Mapping[str, str] = os.environ) -> AzureAddress:
    """What a cloud address names; StorageAddressError if the clients would not understand it."""
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
            f"{uri} is no address of a lake: give a folder, abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH "
            "or, in other clouds, az://CONTAINER/PATH with AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ENDPOINT."
        )
    return AzureAddress(known[1], container, parts.path.strip("/"))


def storage_options(uri: str, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Options of delta-rs for the store of `uri`, from the environment and the settings; empty for a local folder.

    The values may be secrets: they are handed to clients and neither logged nor put into Dagster's configuration.
    """
    if is_local(uri):
        return {}
    now = settings()
    return {
        **_store(uri, environment),
        "allow_http": _text(_allows_http(environment)),
        # Its client knows no limit but one for a whole request.
        "timeout": _milliseconds(now.store_timeout_seconds),
        "connect_timeout": _milliseconds(now.store_connect_timeout_seconds),
        "max_retries": str(_ANY_NUMBER_OF_RETRIES),
        "retry_timeout": _milliseconds(now.store_retry_seconds),
        "backoff_config.init_backoff": _milliseconds(_FIRST_PAUSE.total_seconds()),
        "backoff_config.max_backoff": _milliseconds(_LONGEST_PAUSE.total_seconds()),
    }


def polars_options(uri: str, environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Options of polars for the store of `uri`; empty for a local folder. As secret as `storage_options`.

    They replace those of a DeltaTable that polars scans, which it would take over otherwise.
    """
    if is_local(uri):
        return {}
    now = settings()
    return {
        **_store(uri, environment),
        # Also keeps polars from looking for a credential of its own choice.
        "credential_type": credential(environment).kind.credential_type,
        "allow_http": _text(_allows_http(environment)),
        "timeout": _milliseconds(_LONGEST_TRANSFER.total_seconds()),
        "read_timeout": _milliseconds(now.store_timeout_seconds),
        "connect_timeout": _milliseconds(now.store_connect_timeout_seconds),
        "max_retries": _ANY_NUMBER_OF_RETRIES,
        "retry_timeout_ms": round(now.store_retry_seconds * 1000 / _POLARS_ROUNDS),
        "retry_init_backoff_ms": round(_FIRST_PAUSE.total_seconds() * 1000),
        "retry_max_backoff_ms": round(_LONGEST_PAUSE.total_seconds() * 1000),
    }


def object_store(uri: str, environment: Mapping[str, str] = os.environ, *, retry: bool = True) -> ObjectStore:
    """A client of the store at `uri`, rooted there, for writing; a local folder is created if it is absent.

    Without `retry`, a request that fails is not repeated.
    """
    if is_local(uri):
        return LocalStore(uri, mkdir=True)
    now = settings()
    config: Any = {**_store(uri, environment), "credential_type": credential(environment).kind.credential_type}
    return from_url(
        uri,
        config=config,
        client_options={
            "allow_http": _allows_http(environment),
            "timeout": _LONGEST_TRANSFER,
            "read_timeout": timedelta(seconds=now.store_timeout_seconds),
            "connect_timeout": timedelta(seconds=now.store_connect_timeout_seconds),
        },
        retry_config={
            "max_retries": _ANY_NUMBER_OF_RETRIES if retry else 0,
            "retry_timeout": timedelta(seconds=now.store_retry_seconds),
            "backoff": {"init_backoff": _FIRST_PAUSE, "max_backoff": _LONGEST_PAUSE, "base": 2},
        },
    )


def store_to_read(uri: str) -> ObjectStore:
    """A client of the store at `uri` that creates nothing: a local folder that is absent reads as an empty one."""
    if is_local(uri) and not Path(uri).is_dir():
        return MemoryStore()
    return object_store(uri)


def join(uri: str, path: str) -> str:
    """The address of `path` below `uri`."""
    return str(Path(uri, path)) if is_local(uri) else f"{uri.rstrip('/')}/{path}"


def put_text(uri: str, path: str, text: str) -> str:
    """Write a text file below `uri` in one step (the old file or the new one, never half of it); return its address."""
    obstore.put(object_store(uri), path, text.encode())
    return join(uri, path)


def _store(uri: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Account, credential and endpoint, in the words that the three clients share.

    Clients ignore option names that they do not know, so only names that a test has seen at work stand here.
    """
    options = {"account_name": azure_address(uri, environment).account, **credential(environment).options}
    if environment.get("AZURE_STORAGE_ENDPOINT"):
        options["azure_storage_endpoint"] = environment["AZURE_STORAGE_ENDPOINT"]
    return options


def _allows_http(environment: Mapping[str, str]) -> bool:
    return environment.get("AZURE_STORAGE_ALLOW_HTTP", "").lower() == "true"


def _text(flag: bool) -> str:
    return "true" if flag else "false"


def _milliseconds(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"

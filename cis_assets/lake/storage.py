"""Addresses of the lake and the landing folder, and the options that their stores need.

A place is a local folder or `abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH`. delta-rs, polars and obstore
all speak to Azure through the same object-store client and understand the same option names, so one mapping
from the usual `AZURE_STORAGE_...` variables serves the three. What tables are and how they are written is
not said here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import obstore
from obstore.store import LocalStore, MemoryStore, ObjectStore, from_url

from cis_assets.errors import OperatorError

_AZURE_SCHEMES = {"abfss", "abfs", "az", "azure"}

# Environment variable -> option of the object-store client. Unknown option names are ignored by the client
# without a word, so only names from its documentation stand here.
_AZURE_OPTIONS = {
    "AZURE_STORAGE_ACCOUNT_NAME": "account_name",
    "AZURE_STORAGE_ACCOUNT_KEY": "account_key",
    "AZURE_STORAGE_SAS_TOKEN": "sas_key",
    "AZURE_CLIENT_ID": "client_id",
    "AZURE_CLIENT_SECRET": "client_secret",
    "AZURE_TENANT_ID": "tenant_id",
    "AZURE_FEDERATED_TOKEN_FILE": "federated_token_file",
    "AZURE_STORAGE_USE_AZURE_CLI": "use_azure_cli",
    "AZURE_STORAGE_ENDPOINT": "azure_storage_endpoint",
    "AZURE_STORAGE_ALLOW_HTTP": "allow_http",
}

_CLIENT_OPTIONS = ("allow_http",)


class StorageAddressError(OperatorError):
    """An address names a kind of store that is not supported."""


def is_local(uri: str) -> bool:
    return "://" not in uri


def storage_options(uri: str, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Options for the store of `uri`, from the environment; empty for a local folder.

    The values may be secrets: they are handed to clients and neither logged nor put into Dagster's configuration.
    """
    if is_local(uri):
        return {}
    scheme = urlsplit(uri).scheme
    if scheme not in _AZURE_SCHEMES:
        raise StorageAddressError(
            f"{uri} is no address the lake can live at: give a folder or abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH."
        )
    return {option: environment[name] for name, option in _AZURE_OPTIONS.items() if environment.get(name)}


def object_store(uri: str) -> ObjectStore:
    """A client of the store at `uri`, rooted there, for writing; a local folder is created if it is absent."""
    if is_local(uri):
        return LocalStore(uri, mkdir=True)
    options = storage_options(uri)
    # obstore alone keeps options of the HTTP client apart from those of the store.
    client_options: Any = {name: options.pop(name) == "true" for name in _CLIENT_OPTIONS if name in options}
    config: Any = options
    return from_url(uri, config=config, client_options=client_options)


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

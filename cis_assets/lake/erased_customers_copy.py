"""A copy of the list of erased customers in the landing folder. It stays when the lake is moved aside or loses a table.

Each addition is one file. Its name is a digest of its content, so processes never overwrite each other's entries, and a
damaged file is recognized. The files hold keyed hashes, and no customer number.
"""

import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath

import obstore
import polars as pl

from cis_assets.catalog.system import ERASED_CUSTOMERS
from cis_assets.errors import OperatorError
from cis_assets.storage.addresses import join, put_text, store_to_read
from cis_assets.storage.errors import storage_errors

COPY_FOLDER = "_erased_customers"
_READERS = 8
_DIGEST_LENGTH = 32


class ErasedListError(OperatorError):
    """The list of erased customers, or its copy, exists and cannot be read. It must not be taken for empty."""


def read_copy(landing_uri: str) -> pl.DataFrame:
    """Read the entries in a landing folder. Raises ErasedListError if a file of the copy is damaged."""
    with storage_errors(f"Reading {COPY_FOLDER} in the landing folder"):
        store = store_to_read(landing_uri)
        listed = [meta["path"] for batch in obstore.list(store, prefix=COPY_FOLDER) for meta in batch]
        paths = sorted(path for path in listed if path.endswith(".csv"))
        with ThreadPoolExecutor(_READERS) as readers:
            contents = list(readers.map(lambda path: bytes(obstore.get(store, path).bytes()), paths))
    for path, content in zip(paths, contents, strict=True):
        if PurePosixPath(path).name != _name_file(content):
            raise ErasedListError(
                f"{join(landing_uri, path)} is damaged, so erased customers may be missing from it. Restore the file from a "
                "backup. Or delete it and erase the same customers again; the list in the lake restores what it knows."
            )
    frames = [pl.read_csv(io.BytesIO(content), schema=ERASED_CUSTOMERS.dtypes) for content in contents]
    return merge_entries(ERASED_CUSTOMERS.empty(), *frames)


def write_copy(landing_uri: str, entries: pl.DataFrame) -> None:
    """Add entries to the copy in a landing folder."""
    if not entries.is_empty():
        text = entries.select(list(ERASED_CUSTOMERS.dtypes)).sort("customer_hash").write_csv()
        put_text(landing_uri, f"{COPY_FOLDER}/{_name_file(text.encode())}", text)


def merge_entries(*lists: pl.DataFrame) -> pl.DataFrame:
    """Merge lists into one. A customer keeps the first day of an erasure."""
    return (
        pl.concat(lists).sort("erased_on", "customer_hash").unique("customer_hash", keep="first", maintain_order=True)
    )


def _name_file(content: bytes) -> str:
    return f"{hashlib.sha256(content).hexdigest()[:_DIGEST_LENGTH]}.csv"

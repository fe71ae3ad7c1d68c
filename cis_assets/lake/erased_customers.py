"""The list of erased customers: keyed hashes of their numbers, which keep them out when landing files are read again.

A hash needs CIS_ERASURE_KEY, so nobody can find out from the list who was erased, not even by trying all numbers. A list
that cannot be used without its key, or that cannot be read, is an error and never an empty list: an erased customer would
come back. The landing folder holds a copy (`erased_customers_copy.py`).
"""

import hashlib
import hmac
import logging
from collections.abc import Collection, Iterable
from datetime import date

import polars as pl
from deltalake.exceptions import DeltaError
from obstore.exceptions import BaseError as ObjectStoreError
from polars.exceptions import PanicException, PolarsError
from pydantic import SecretStr

from cis_assets.catalog.system import ERASED_CUSTOMERS
from cis_assets.errors import OperatorError
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.damage import has_folder, has_table_files
from cis_assets.lake.engines.polars_engine import PolarsEngine
from cis_assets.lake.erased_customers_copy import COPY_FOLDER, ErasedListError, merge_entries, read_copy, write_copy
from cis_assets.lake.lake import Lake
from cis_assets.lake.slices import WHOLE
from cis_assets.lake.table_versions import prepare_to_write
from cis_assets.storage.errors import StorageError, describe_error, storage_errors

_LOG = logging.getLogger(__name__)

_KEY_LENGTH = 32
_HOW = 'make one with `python -c "import secrets; print(secrets.token_hex(32))"` and keep it with your other secrets'
# No customer number has this text.
_FINGERPRINTED = b"fingerprint"
_FINGERPRINT_LENGTH = 16


class ErasureKeyError(OperatorError):
    """CIS_ERASURE_KEY is missing, too short, or not the key that the list of erased customers was written with."""


class ErasureKey:
    """The secret that customer numbers are hashed with. It is never shown."""

    def __init__(self, secret: SecretStr) -> None:
        text = secret.get_secret_value().strip()
        if not text:
            raise ErasureKeyError(f"CIS_ERASURE_KEY is not set: {_HOW}.")
        if len(text) < _KEY_LENGTH:
            raise ErasureKeyError(f"CIS_ERASURE_KEY is shorter than {_KEY_LENGTH} characters: {_HOW}.")
        self._keyed = hmac.new(text.encode(), digestmod=hashlib.sha256)
        self.fingerprint = self._digest(_FINGERPRINTED)[:_FINGERPRINT_LENGTH]

    def hash(self, customer: int) -> str:
        return self._digest(b"%d" % customer)

    def _digest(self, message: bytes) -> str:
        keyed = self._keyed.copy()
        keyed.update(message)
        return keyed.hexdigest()


class ErasedCustomers:
    """The list, as of the moment when it was read."""

    def __init__(self, key: ErasureKey | None, hashes: Collection[str]) -> None:
        self._key = key
        self._hashes = frozenset(hashes)
        self._known: dict[int, bool] = {}

    def __len__(self) -> int:
        return len(self._hashes)

    def among(self, customers: Iterable[int]) -> frozenset[int]:
        """Find the erased customers among these. Each number is hashed once."""
        if self._key is None or not self._hashes:
            return frozenset()
        numbers = set(customers)
        for number in numbers:
            if number not in self._known:
                self._known[number] = self._key.hash(number) in self._hashes
        return frozenset(number for number in numbers if self._known[number])


NOBODY = ErasedCustomers(None, ())


def erased_customers(lake: Lake, landing_uri: str, secret: SecretStr) -> ErasedCustomers:
    """Read the list from the lake and from its copy in landing, and complete each with the entries of the other.

    Raises ErasureKeyError if there are entries and `secret` is not their key, and ErasedListError if the list cannot be
    read. Only a list that is absent from both places is empty.
    """
    copied = read_copy(landing_uri)
    listed = _read_list(lake, copied)
    entries = merge_entries(listed, copied)
    if entries.is_empty():
        return NOBODY
    try:
        key = ErasureKey(secret)
    except ErasureKeyError:
        raise ErasureKeyError(
            f"{_describe_entries(entries)} in {lake.uri}, and reading landing files would bring them back: set "
            "CIS_ERASURE_KEY to the key that they were erased with (docs/erasure.md)."
        ) from None
    _refuse_other_key(lake, entries, key)
    try:
        _complete_copy(landing_uri, entries, copied)
    except StorageError as error:
        # Reading needs no permission to write to landing, and the list in the lake is enough for now.
        _LOG.warning("%s Erased customers come back if the lake is lost as well.", error)
    _complete_list(lake, entries, listed)
    return ErasedCustomers(key, entries["customer_hash"].to_list())


def add_erased_customers(lake: Lake, landing_uri: str, key: ErasureKey, customers: Collection[int], day: date) -> None:
    """Add customers to the list, first to its copy in landing. The existing entries stay as they are.

    Raises StorageError if landing cannot be written to. Nothing was added then.
    """
    copied = read_copy(landing_uri)
    listed = _read_list(lake, copied)
    known = merge_entries(listed, copied)
    _refuse_other_key(lake, known, key)
    added = pl.DataFrame(
        [(key.hash(customer), key.fingerprint, day) for customer in sorted(set(customers))],
        schema=ERASED_CUSTOMERS.dtypes,
        orient="row",
    )
    entries = merge_entries(known, added.join(known, on="customer_hash", how="anti"))
    try:
        _complete_copy(landing_uri, entries, copied)
    except StorageError as error:
        raise StorageError(
            f"No customer was erased, since an erasure needs permission to create files in {landing_uri}. {error}"
        ) from error
    _complete_list(lake, entries, listed)


def _complete_copy(landing_uri: str, entries: pl.DataFrame, copied: pl.DataFrame) -> None:
    with storage_errors(f"Writing the list of erased customers to {COPY_FOLDER} in the landing folder"):
        write_copy(landing_uri, entries.join(copied, on="customer_hash", how="anti"))


def _complete_list(lake: Lake, entries: pl.DataFrame, listed: pl.DataFrame) -> None:
    missing = entries.join(listed, on="customer_hash", how="anti")
    if not missing.is_empty():
        PolarsEngine().merge(ERASED_CUSTOMERS, lake.location(ERASED_CUSTOMERS), WHOLE, LazyChunks.of([missing]))


def _read_list(lake: Lake, copied: pl.DataFrame) -> pl.DataFrame:
    """Read the list in the lake; raise ErasedListError if it is there and cannot be read."""
    location = lake.location(ERASED_CUSTOMERS)
    try:
        # Landing has the entries of a commit that a power cut tore.
        prepare_to_write(location)
        if lake.exists(ERASED_CUSTOMERS):
            return lake.scan(ERASED_CUSTOMERS).collect()
        # A killed first erasure leaves an empty folder, but its customers are in landing.
        is_lost = has_table_files(location) or (copied.is_empty() and has_folder(location))
        reason = "it has no log"
    except PanicException:
        # polars panics on some damaged files.
        is_lost, reason = True, "one of its files is damaged"
    except (OSError, DeltaError, ObjectStoreError, OperatorError, PolarsError) as error:
        is_lost, reason = True, describe_error(error).rstrip(".")
    if not is_lost:
        return ERASED_CUSTOMERS.empty()
    source = "its data files" + (
        "" if copied.is_empty() else f" and the {copied.height} entries of its copy in landing"
    )
    raise ErasedListError(
        f"The list of erased customers at {location.uri} cannot be read, and erased customers could come back: {reason}. "
        f"If the storage answers (`cis doctor`), run `cis doctor --repair {ERASED_CUSTOMERS.path}`, which makes the list "
        f"again from {source}, or restore the table from a backup (docs/erasure.md)."
    )


def _refuse_other_key(lake: Lake, rows: pl.DataFrame, key: ErasureKey) -> None:
    others = rows.filter(pl.col("key_fingerprint") != key.fingerprint)
    if not others.is_empty():
        raise ErasureKeyError(
            f"{_describe_entries(others)} in {lake.uri} with another CIS_ERASURE_KEY (fingerprint "
            f"{', '.join(others['key_fingerprint'].unique().sort())}) than the one that is set ({key.fingerprint}): set "
            "that one again, or erased customers cannot be recognized (docs/erasure.md)."
        )


def _describe_entries(rows: pl.DataFrame) -> str:
    return f"{rows.height} {'customers were' if rows.height > 1 else 'customer was'} erased"

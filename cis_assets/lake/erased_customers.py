"""The list of erased customers: keyed hashes of their numbers, which keep them out when landing files are read again.

A hash needs CIS_ERASURE_KEY, so nobody can find out from the list who was erased, not even by trying all numbers. A list
that cannot be used without its key is an error, never an empty list: an erased customer would come back.
"""

import hashlib
import hmac
from collections.abc import Collection, Iterable
from datetime import date

import polars as pl
from pydantic import SecretStr

from cis_assets.catalog.system import ERASED_CUSTOMERS
from cis_assets.errors import OperatorError
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.engines.polars_engine import PolarsEngine
from cis_assets.lake.lake import Lake
from cis_assets.lake.slices import WHOLE

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


def erased_customers(lake: Lake, secret: SecretStr) -> ErasedCustomers:
    """Read the list of a lake; ErasureKeyError if it has entries and `secret` is not their key."""
    rows = _read_list(lake)
    if rows.is_empty():
        return NOBODY
    try:
        key = ErasureKey(secret)
    except ErasureKeyError:
        raise ErasureKeyError(
            f"{_describe_entries(rows)} in {lake.uri}, and reading landing files would bring them back: set CIS_ERASURE_KEY "
            "to the key that they were erased with (docs/erasure.md)."
        ) from None
    _refuse_other_key(lake, rows, key)
    return ErasedCustomers(key, rows["customer_hash"].to_list())


def add_erased_customers(lake: Lake, key: ErasureKey, customers: Collection[int], day: date) -> None:
    """Add customers to the list of a lake; the existing entries stay as they are."""
    rows = _read_list(lake)
    _refuse_other_key(lake, rows, key)
    news = pl.DataFrame(
        [(key.hash(customer), key.fingerprint, day) for customer in sorted(set(customers))],
        schema=ERASED_CUSTOMERS.dtypes,
        orient="row",
    ).join(rows, on="customer_hash", how="anti")
    if not news.is_empty():
        PolarsEngine().merge(ERASED_CUSTOMERS, lake.location(ERASED_CUSTOMERS), WHOLE, LazyChunks.of([news]))


def _read_list(lake: Lake) -> pl.DataFrame:
    if not lake.exists(ERASED_CUSTOMERS):
        return ERASED_CUSTOMERS.empty()
    return lake.scan(ERASED_CUSTOMERS).collect()


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

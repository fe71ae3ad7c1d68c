"""The three clients of a store, each asking it for something that needs a credential."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import obstore
import polars as pl
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

from cis_assets.storage.addresses import join, object_store, polars_options, storage_options

Ask = Callable[[str, Mapping[str, str]], None]
FILE = "orders.csv"
CONTENT = b"order_id,order_hour\n1,12\n"


def ask_with_delta_rs(uri: str, environment: Mapping[str, str]) -> None:
    """Look for a table that is not there."""
    with pytest.raises(TableNotFoundError):
        DeltaTable(join(uri, "table"), storage_options=storage_options(uri, environment))


def ask_with_polars(uri: str, environment: Mapping[str, str]) -> None:
    """Read the file."""
    frame = pl.scan_csv(join(uri, FILE), storage_options=polars_options(uri, environment)).collect()
    assert frame["order_id"][0] == 1


def ask_with_obstore(uri: str, environment: Mapping[str, str]) -> None:
    """Read the file."""
    assert bytes(obstore.get(object_store(uri, environment), FILE).bytes()).startswith(CONTENT)


CLIENTS = {"delta-rs": ask_with_delta_rs, "polars": ask_with_polars, "obstore": ask_with_obstore}
every_client = pytest.mark.parametrize("ask", CLIENTS.values(), ids=CLIENTS.keys())

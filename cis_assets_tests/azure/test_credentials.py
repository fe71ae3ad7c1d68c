"""Credentials whose signature Azurite judges, as Azure does, with every client."""

from __future__ import annotations

import os

import obstore
import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from cis_assets.storage.addresses import join, object_store, polars_options, storage_options
from cis_assets_tests.azure.sas_tokens import of_another_key, sas_token, use_sas_token
from cis_assets_tests.storage.store_clients import CONTENT, FILE, Ask, every_client

pytestmark = pytest.mark.azure


@pytest.fixture
def place(azure_uri: str) -> str:
    """An address with a file, for whom the environment holds the account's key."""
    uri = f"{azure_uri}/credentials"
    obstore.put(object_store(uri), FILE, CONTENT)
    return uri


@every_client
def test_the_account_key_lets_in(place: str, ask: Ask):
    ask(place, os.environ)


@every_client
def test_a_sas_token_to_read_lets_in(place: str, ask: Ask, monkeypatch: pytest.MonkeyPatch):
    use_sas_token(monkeypatch, sas_token("rl"))
    ask(place, os.environ)


@every_client
@pytest.mark.parametrize("variable", ["AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_SAS_TOKEN"])
def test_a_signature_with_another_key_does_not(place: str, ask: Ask, variable: str, monkeypatch: pytest.MonkeyPatch):
    """So the tests above tell of the credential, and not of a store that lets everybody in."""
    use_sas_token(monkeypatch, sas_token("rl"))
    wrong = {"AZURE_STORAGE_ACCOUNT_KEY": "a2V5", "AZURE_STORAGE_SAS_TOKEN": of_another_key(sas_token("rl"))}
    monkeypatch.setenv(variable, wrong[variable])
    with pytest.raises((OSError, obstore.exceptions.BaseError), match="403"):
        ask(place, os.environ)


def test_the_permissions_rcwdl_are_enough_for_a_life_of_a_table(place: str, monkeypatch: pytest.MonkeyPatch):
    use_sas_token(monkeypatch, sas_token("rcwdl"))
    uri, options = join(place, "table"), storage_options(place)
    for day in ("2025-10-01", "2025-10-02"):
        rows = pa.table({"order_date": [day] * 3, "order_id": [1, 2, 3]})
        write_deltalake(uri, rows, partition_by=["order_date"], storage_options=options, mode="append")
    table = DeltaTable(uri, storage_options=options)
    rows = pa.table({"order_date": ["2025-10-02"], "order_id": [4]})
    write_deltalake(table, rows, mode="overwrite", predicate="order_date = '2025-10-02'")
    table = DeltaTable(uri, storage_options=options)
    table.optimize.compact()
    table.create_checkpoint()
    assert table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    table.cleanup_metadata()
    frame = pl.scan_delta(DeltaTable(uri, storage_options=options), storage_options=polars_options(place)).collect()
    assert sorted(frame["order_id"]) == [1, 2, 3, 4]

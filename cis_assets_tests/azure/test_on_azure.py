"""Lake and landing on Azure's protocol, with the same code as in a local folder."""

from __future__ import annotations

import gzip
from datetime import date
from pathlib import Path

import obstore
import pytest
from polars.testing import assert_frame_equal

from cis_assets.catalog import bronze
from cis_assets.dates import DateRange
from cis_assets.settings import read_settings
from cis_assets.storage.addresses import object_store
from cis_assets_tests.defs.pipeline import GOLD, INGEST, MADE_TABLES, Shop, land_sample, shop_at

pytestmark = pytest.mark.azure

END = date(2025, 10, 31)


def test_the_whole_way_on_azure_gives_the_same_tables_as_locally(azure_uri: str, tmp_path: Path):
    remote = Shop(read_settings(lake_uri=f"{azure_uri}/lake", landing_uri=f"{azure_uri}/landing"))
    local = shop_at(tmp_path)
    for shop in (remote, local):
        days = land_sample(shop.settings.landing_uri, end=END, customers=60, days=20)
        shop.run(INGEST, days)
        shop.run(GOLD, DateRange(END, END))
    # The files of the two landing folders arrived at different times.
    arrivals = ("first_seen", "last_seen", "arrived_at")
    for table in MADE_TABLES.values():
        there, here = (shop.rows(table).drop(arrivals, strict=False) for shop in (remote, local))
        assert_frame_equal(there, here, check_exact=True)
    page = obstore.get(object_store(remote.settings.lake_uri), "dashboard/customers.html").bytes()
    assert bytes(page).startswith(b"<!DOCTYPE html>")


def test_gzipped_and_parquet_landing_files_are_read_from_azure(azure_uri: str):
    shop = Shop(read_settings(lake_uri=f"{azure_uri}/lake2", landing_uri=f"{azure_uri}/landing2"))
    land_sample(shop.settings.landing_uri, end=END, customers=200, days=2)
    store = object_store(shop.settings.landing_uri)
    more = b"order_id,customer_id,order_hour\n990001,1,12\nnone,1,12\n"
    obstore.put(store, f"orders/order_date={END}/late.csv.gz", gzip.compress(more))
    shop.run(INGEST, DateRange(END, END))
    assert 990001 in shop.rows(bronze.ORDERS)["order_id"]
    assert "none,1,12" in shop.rows(bronze.REJECTED_ROWS)["raw_text"]

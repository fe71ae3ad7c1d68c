"""An erasure on Azure's protocol leaves no byte either, and reading landing again brings nobody back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import obstore
import pytest

from cis_assets.catalog import bronze, gold
from cis_assets.dates import DateRange
from cis_assets.definitions import build_definitions
from cis_assets.erasure.erase import erase
from cis_assets.lake.erased_customers import ErasureKey
from cis_assets.landing.folder import LandingFolder
from cis_assets.settings import read_settings, settings
from cis_assets.storage.addresses import object_store
from cis_assets_tests.defs.pipeline import GOLD, INGEST, Shop, land_sample
from cis_assets_tests.erasure.byte_search import traces_of

pytestmark = pytest.mark.azure

CUSTOMER = 7_316_502_948_117
ORDER = 8_620_417_935_001
END = date(2025, 10, 31)


@pytest.fixture(autouse=True)
def _erasure_key(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CIS_ERASURE_KEY", "a secret of the tests that is long enough")
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture
def shop(azure_uri: str, request: pytest.FixtureRequest) -> Shop:
    """A small shop with a history and a customer of whom some rows are rejected."""
    root = f"{azure_uri}/{request.node.name}"
    made = Shop(read_settings(lake_uri=f"{root}/lake", landing_uri=f"{root}/landing"))
    days = land_sample(made.settings.landing_uri, end=END, customers=20, days=4)
    landing = object_store(made.settings.landing_uri)
    orders = f"order_id,customer_id,order_hour\n{ORDER},{CUSTOMER},9\n{ORDER + 1},{CUSTOMER},noon\n"
    lines = f"order_id,product_id,add_to_cart_order\n{ORDER},1,1\n{ORDER},2,2\n{ORDER + 1},1,1\n{ORDER},milk,3\n"
    obstore.put(landing, f"orders/order_date={END}/late.csv", orders.encode())
    obstore.put(landing, f"order_items/order_date={END}/late.csv", lines.encode())
    for _ in range(2):
        made.run(INGEST, days)
        made.run(GOLD, DateRange(END, END))
    obstore.put(
        object_store(made.settings.lake_uri),
        f"bronze/orders/order_date={END}/part-of-a-killed-writer.parquet",
        orders.encode(),
    )
    obstore.put(
        object_store(made.settings.lake_uri),
        "bronze/orders/_delta_log/_commit_of-a-killed-writer.json.tmp",
        orders.encode(),
    )
    return made


def found(shop: Shop, folder: Path) -> dict[str, set[str]]:
    """What a search of every object below the lake finds, by copying them here."""
    store = object_store(shop.settings.lake_uri)
    for batch in obstore.list(store):
        for meta in batch:
            path = folder / meta["path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(bytes(obstore.get(store, meta["path"]).bytes()))
    return traces_of([CUSTOMER, ORDER, ORDER + 1], folder)


def test_no_byte_of_a_customer_is_left_on_azure(shop: Shop, tmp_path: Path):
    before = found(shop, tmp_path / "before")
    for table in (bronze.ORDERS, bronze.REJECTED_ROWS, gold.CUSTOMER_FEATURES):
        assert any(path.startswith(f"{table.path}/_delta_log/") for path in before)
    assert sum("killed-writer" in path for path in before) == 2
    receipt = erase(
        shop.lake,
        LandingFolder(shop.settings.landing_uri),
        ErasureKey(settings().erasure_key),
        [CUSTOMER],
        now=datetime(2025, 11, 1, tzinfo=UTC),
        refuse_in_use=lambda: None,
    )
    receipt.write(shop.lake.uri)
    assert found(shop, tmp_path / "after") == {}
    assert receipt.landing_files.holding == {
        f"order_items/order_date={END}/late.csv": 4,
        f"orders/order_date={END}/late.csv": 2,
    }
    shop.run(INGEST, DateRange(END, END))
    assert found(shop, tmp_path / "later") == {}


def test_a_request_in_a_container_is_carried_out_and_deleted(shop: Shop, tmp_path: Path):
    landing = object_store(shop.settings.landing_uri)
    obstore.put(landing, "erasure_requests/one.csv", f"customer_id\n{CUSTOMER}\n".encode())
    job = build_definitions(shop.settings).get_job_def("erase_customers")
    assert job.execute_in_process().success
    assert found(shop, tmp_path / "after") == {}
    assert [meta["path"] for batch in obstore.list(landing, prefix="erasure_requests") for meta in batch] == []

"""A slice read and replaced by Spark on Azure's protocol, with the credential of the server's own environment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import narwhals as nw
import pytest

from cis_assets.catalog import silver
from cis_assets.dates import DateRange
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.engines.polars_engine import PolarsEngine
from cis_assets.lake.engines.spark_engine import SparkEngine
from cis_assets.lake.engines.spark_session import connect
from cis_assets.lake.lake import Lake
from cis_assets.lake.slices import Slice
from cis_assets_tests.azure.conftest import azure_uri, azurite  # noqa: F401
from cis_assets_tests.frames import table_frame

pytestmark = [pytest.mark.spark, pytest.mark.azure]

DAY = date(2026, 1, 1)


@pytest.fixture
def remote_of_azure(azure_uri: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:  # noqa: F811
    """A server that was started with the variables of the store, as it must be."""
    from pysail.spark import SparkConnectServer

    # pysail's own name for what the emulator needs.
    monkeypatch.setenv("AZURE_ALLOW_HTTP", "true")
    server = SparkConnectServer()
    server.start(background=True)
    yield "sc://{}:{}".format(*server.listening_address)
    server.stop()


def test_spark_replaces_a_slice_on_azure(azure_uri: str, remote_of_azure: str):  # noqa: F811
    orders, where = silver.ORDERS, Slice.of(order_date=DateRange(DAY, DAY))
    location = Lake(f"{azure_uri}/on_spark").location(orders)
    three = LazyChunks.of([table_frame(orders, [{"order_date": DAY}] * 3)])
    PolarsEngine().replace(orders, location, where, three)
    session = connect(remote_of_azure)
    try:
        engine = SparkEngine(lambda: session)
        rows = engine.scan(orders, location, where)
        written = engine.replace(orders, location, where, LazyChunks.of([rows.filter(nw.col("order_id") > 1)]))
    finally:
        session.stop()
    assert written.rows == 2
    assert written.table.history(1)[0]["engineInfo"].startswith("sail")
    assert PolarsEngine().scan_polars(orders, location).collect().height == 2

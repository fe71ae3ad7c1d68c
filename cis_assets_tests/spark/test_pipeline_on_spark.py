"""The whole asset graph with CIS_ENGINE=spark against a real Spark Connect server: the same tables as with polars."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest
from deltalake import DeltaTable
from polars.testing import assert_frame_equal

from cis_assets.catalog import gold
from cis_assets.dates import DateRange
from cis_assets_tests.defs.pipeline import GOLD, INGEST, MADE_TABLES, land_sample, shop_at

pytestmark = pytest.mark.spark

END = date(2025, 10, 31)
_ON_SPARK = {
    gold.CUSTOMER_FEATURES.path,
    gold.ORDER_PATTERNS.path,
    gold.NOTIFICATION_CONTEXTS.path,
}


def test_gold_on_spark_is_gold_on_polars(tmp_path: Path, spark_settings: str):
    on_polars, on_spark = shop_at(tmp_path / "polars"), shop_at(tmp_path / "spark")
    days = land_sample(on_polars.settings.landing_uri, end=END)
    on_polars.run(INGEST, days, engine="polars")
    shutil.copytree(on_polars.settings.lake_uri, on_spark.settings.lake_uri)
    for first in (END, END - timedelta(days=1)):
        on_polars.run(GOLD, DateRange(first, END), engine="polars")
        on_spark.run(GOLD, DateRange(first, END), engine="spark")
    for table in (table for table in gold.TABLES if table.path in MADE_TABLES):
        assert_frame_equal(on_spark.rows(table), on_polars.rows(table), rel_tol=1e-9, abs_tol=1e-9)
        log = DeltaTable(on_spark.lake.location(table).uri).history()
        by_spark = {entry["engineInfo"].startswith("sail") for entry in log if entry["operation"] == "WRITE"}
        assert by_spark == {table.path in _ON_SPARK}

"""Maintenance of a table on Azure's protocol."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from deltalake import DeltaTable
from polars.testing import assert_frame_equal

from cis_assets.catalog import silver
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.engines.polars_engine import PolarsEngine
from cis_assets.lake.lake import Lake
from cis_assets.lake.maintenance import maintain
from cis_assets.lake.slices import Slice
from cis_assets.lake.table_condition import Limits, examine_table
from cis_assets_tests.frames import table_frame

pytestmark = pytest.mark.azure

DAYS = (date(2026, 1, 1), date(2026, 1, 2))
LIMITS = Limits(small_files=2, log_commits=3, removable_share=0.5)


def test_a_table_is_looked_at_and_maintained_and_its_rows_and_earlier_versions_stay(azure_uri: str):
    lake = Lake(f"{azure_uri}/maintained")
    location = lake.location(silver.ORDERS)
    options = dict(location.storage_options)
    days = Slice.of(order_date=DAYS)
    for part in range(4):
        frame = table_frame(silver.ORDERS, [{"order_date": day, "order_id": part} for day in DAYS])
        PolarsEngine().append(silver.ORDERS, location, days, {f"part {part}": days}, LazyChunks.of([frame]))
    before, then = rows(lake), DeltaTable(location.uri, storage_options=options).version()
    found = examine_table(silver.ORDERS, location, 168, LIMITS)
    assert (found.files.files, len(found.reasons)) == (8, 2)

    done = maintain(silver.ORDERS, location, 168)
    assert (done.before.files, done.after.files, done.removed_files) == (8, 2, 0)
    assert_frame_equal(rows(lake), before)
    earlier = pl.read_delta(location.uri, version=then, storage_options=dict(location.polars_options))
    assert_frame_equal(earlier, before, check_row_order=False, check_column_order=False)
    assert examine_table(silver.ORDERS, location, 168, LIMITS).reasons == ()

    # On this store the age of a file cannot be set, so only a retention of nothing shows that old files go.
    forced = maintain(silver.ORDERS, location, 0, force=True)
    assert forced.removed_files == 8
    assert forced.removed_bytes == done.before.bytes
    assert_frame_equal(rows(lake), before)
    assert maintain(silver.ORDERS, location, 168).summary(silver.ORDERS) == "silver/orders: nothing to do."


def rows(lake: Lake) -> pl.DataFrame:
    return lake.scan(silver.ORDERS).collect().sort("order_date", "order_id")

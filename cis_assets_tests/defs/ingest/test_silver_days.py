"""The asset that judges a range of dates once and writes the four silver tables."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest
from deltalake import DeltaTable
from polars.testing import assert_frame_equal

from cis_assets.catalog import silver
from cis_assets.dates import DAYS_AT_ONCE, DateRange
from cis_assets_tests.defs.pipeline import INGEST, Shop, land_sample, shop_at

pytestmark = pytest.mark.slow

END = date(2025, 3, 31)
DAYS = DateRange(END - timedelta(days=DAYS_AT_ONCE + 4), END)
TABLES = (silver.ORDERS, silver.ORDER_ITEMS, silver.RETURNED_ITEMS, silver.REJECTED_ROWS)


def writes(shop: Shop) -> dict[str, int]:
    """How many commits wrote rows to each table."""
    histories = {table.path: DeltaTable(shop.lake.location(table).uri).history() for table in TABLES}
    return {path: [commit["operation"] for commit in history].count("WRITE") for path, history in histories.items()}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    folder = tmp_path_factory.mktemp("shop")
    land_sample(folder / "landing", end=DAYS.last, customers=12, days=len(DAYS))
    made = shop_at(folder)
    made.run(INGEST, DAYS)
    return made


def test_a_range_of_several_chunks_is_one_commit_per_table_and_equals_its_days(shop: Shop, tmp_path: Path):
    assert writes(shop) == {table.path: 1 for table in TABLES}
    land_sample(tmp_path / "landing", end=DAYS.last, customers=12, days=len(DAYS))
    other = shop_at(tmp_path)
    for part in DAYS.chunks(40):
        other.run(INGEST, part)
    for table in TABLES:
        assert shop.rows(table).height > 0 or table == silver.RETURNED_ITEMS
        assert_frame_equal(shop.rows(table), other.rows(table), check_row_order=False)


def test_a_run_of_one_table_writes_no_other(shop: Shop):
    before, rows = writes(shop), shop.rows(silver.ORDERS)
    shop.run(dg.AssetSelection.from_string('key:"silver/orders"'), DAYS)
    assert writes(shop) == {**before, "silver/orders": before["silver/orders"] + 1}
    assert_frame_equal(shop.rows(silver.ORDERS), rows, check_row_order=False)

"""Undelivered messages of customers without consent are removed; the messages of earlier snapshots are a record."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from cis_assets.actions.withdraw import withdraw_messages
from cis_assets.catalog import Table, bronze, gold, silver
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.engines.polars_engine import PolarsEngine
from cis_assets.lake.lake import Lake
from cis_assets.lake.slices import WHOLE
from cis_assets_tests.frames import table_frame

DAYS = (date(2026, 3, 1), date(2026, 3, 2))
MOMENT = datetime(2026, 3, 3, tzinfo=UTC)


def write(lake: Lake, table: Table, *rows: dict) -> None:
    PolarsEngine().replace(table, lake.location(table), WHOLE, LazyChunks.of([table_frame(table, rows).lazy()]))


def snapshots(lake: Lake, fault: str | None = None) -> None:
    of = {"source_table": "customers", "snapshot": "customers/c.csv", "arrived_at": MOMENT}
    write(lake, bronze.LANDED_SNAPSHOTS, {**of, "fault": fault, "in_force": fault is None})


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Customers 1 to 4 have messages of two days; 2 withdrew, 3 left, and 4 is unknown."""
    lake = Lake(str(tmp_path))
    agreed = {"push_consent": True, "delisted_at": None, "time_zone": "UTC"}
    write(
        lake,
        silver.CUSTOMERS,
        {"customer_id": 1, **agreed},
        {"customer_id": 2, **agreed, "push_consent": False},
        {"customer_id": 3, **agreed, "delisted_at": MOMENT},
    )
    keys = [{"as_of_date": day, "customer_id": customer} for day in DAYS for customer in (1, 2, 3, 4)]
    write(lake, gold.NOTIFICATION_CONTEXTS, *({**key, "send_hour": 9} for key in keys))
    write(lake, gold.NOTIFICATIONS, *({**key, "send_at": MOMENT} for key in keys))
    return lake


def messages(lake: Lake, table: Table = gold.NOTIFICATIONS) -> dict[date, list[int]]:
    rows = lake.scan(table).sort("as_of_date", "customer_id").collect()
    return {day: rows.filter(pl.col("as_of_date") == day)["customer_id"].to_list() for day in DAYS}


def test_messages_without_consent_are_removed_from_the_newest_snapshot_alone(lake: Lake):
    snapshots(lake)
    assert withdraw_messages(lake) == (DAYS[1], 3)
    for table in (gold.NOTIFICATIONS, gold.NOTIFICATION_CONTEXTS):
        assert messages(lake, table) == {DAYS[0]: [1, 2, 3, 4], DAYS[1]: [1]}


def test_while_the_newest_snapshot_cannot_be_used_no_message_is_left_to_deliver(lake: Lake):
    snapshots(lake, fault="Landing file customers/c.csv cannot be read.")
    assert withdraw_messages(lake) == (DAYS[1], 4)
    assert messages(lake) == {DAYS[0]: [1, 2, 3, 4], DAYS[1]: []}


def test_without_a_change_nothing_is_written(lake: Lake):
    snapshots(lake)
    withdraw_messages(lake)
    before = lake.figures(gold.NOTIFICATIONS), sorted(Path(lake.uri).rglob("*.json"))
    assert withdraw_messages(lake) == (DAYS[1], 0)
    assert (lake.figures(gold.NOTIFICATIONS), sorted(Path(lake.uri).rglob("*.json"))) == before


def test_a_lake_without_messages_has_none_to_withdraw(tmp_path: Path):
    assert withdraw_messages(Lake(str(tmp_path))) == (None, 0)

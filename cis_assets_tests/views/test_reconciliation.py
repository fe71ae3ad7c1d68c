from __future__ import annotations

import pytest

from cis_assets.catalog import bronze, quality, silver
from cis_assets.dates import DateRange
from cis_assets.quality.reconciliation import list_imbalances
from cis_assets.views import reconciliation as view
from cis_assets_tests.conftest import day
from cis_assets_tests.views.conftest import SmallLake

FIRST, LAST = day("2025-10-30"), day("2025-10-31")
DAYS = DateRange(FIRST, LAST)


@pytest.fixture
def read(lake: SmallLake) -> SmallLake:
    """Two dates: the first has one order that was read, the second a file that cannot be read."""
    file = {"source_table": "orders", "row_count": 1, "erased_row_count": 0, "fault": None}
    lake.add(
        bronze.LANDED_FILES,
        {**file, "order_date": FIRST},
        {**file, "order_date": LAST, "row_count": 0, "fault": "orders.csv is empty."},
    )
    lake.add(bronze.ORDERS, {"order_date": FIRST, "order_id": 1})
    return lake


def test_rows_of_readable_dates_are_counted(read: SmallLake):
    counted = view.reconcile(read, DAYS).filter(source_table="orders")
    assert counted.select("order_date", "landed", "typed", "valid").rows() == [(FIRST, 1, 1, 0)]
    assert view.list_unreadable_dates(read, DAYS) == {LAST: "orders.csv is empty."}


def test_a_date_that_is_not_in_silver_yet_is_pending_until_it_was_checked(read: SmallLake):
    counts = view.reconcile(read, DAYS)
    assert view.list_pending_dates(read, DAYS, counts) == [FIRST]
    assert list_imbalances(counts, pending=[FIRST]) == []
    read.add(quality.DATE_CHECKS, {"order_date": FIRST, "check": "a", "passed": True, "fault": None})
    assert view.list_pending_dates(read, DAYS, counts) == []
    assert list_imbalances(counts) == ["2025-10-30 orders: 1 of 1 typed rows are missing"]


def test_a_date_of_which_silver_has_some_rows_is_not_pending(read: SmallLake):
    read.add(bronze.ORDERS, {"order_date": FIRST, "order_id": 2})
    read.add(silver.ORDERS, {"order_date": FIRST, "order_id": 1})
    counts = view.reconcile(read, DAYS)
    assert view.list_pending_dates(read, DAYS, counts) == []
    assert "2025-10-30 orders: 1 of 2 typed rows are missing" in list_imbalances(counts)


def test_rows_that_landed_and_are_not_in_bronze_are_missing_also_of_a_pending_date(read: SmallLake):
    read.add(bronze.ORDERS, {"order_date": FIRST, "order_id": 2})
    counts = view.reconcile(read, DAYS)
    assert list_imbalances(counts, pending=[FIRST]) == ["2025-10-30 orders: 1 rows are not landed rows"]


def test_checks_that_quarantine_a_date_are_listed_first_and_add_to_the_quarantined_dates(read: SmallLake):
    assert view.list_failed_checks(read, DAYS).is_empty()
    read.add(
        quality.DATE_CHECKS,
        {"order_date": FIRST, "check": "a", "passed": False, "fault": None},
        {"order_date": FIRST, "check": "b", "passed": True, "fault": None},
        {"order_date": LAST, "check": "c", "passed": False, "fault": "Too much was rejected."},
    )
    assert view.list_failed_checks(read, DAYS)["check"].to_list() == ["c", "a"]
    assert view.list_quarantined_dates(read, DAYS) == {LAST: "Too much was rejected. orders.csv is empty."}


def test_the_range_is_that_of_the_dates_read_unless_it_is_given(read: SmallLake):
    assert view.find_read_range(read) == DAYS
    assert view.find_read_range(read, LAST, day("2025-11-02")) == DateRange(LAST, day("2025-11-02"))
    with pytest.raises(view.NoDateReadError, match="No order date from 2025-11-01 to 2025-10-31 was read"):
        view.find_read_range(read, day("2025-11-01"))


def test_before_the_first_file_is_read_the_next_command_is_named(lake: SmallLake):
    with pytest.raises(view.NoDateReadError, match="run `cis backfill` first"):
        view.find_read_range(lake)

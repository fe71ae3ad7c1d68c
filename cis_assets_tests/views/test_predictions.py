from __future__ import annotations

import pytest

from cis_assets.catalog import silver
from cis_assets.views.predictions import NoOrdersError, find_evaluation_day
from cis_assets_tests.conftest import day
from cis_assets_tests.views.conftest import SmallLake


@pytest.fixture
def shop(lake: SmallLake) -> SmallLake:
    for table in (silver.ORDER_ITEMS, silver.PRODUCTS):
        lake.add(table, {})
    lake.add(silver.ORDERS, *({"order_date": day(f"2025-10-{number}")} for number in (20, 25, 31)))
    return lake


@pytest.mark.parametrize(
    ("as_of", "complete", "found"),
    [
        (None, "2025-11-30", "2025-10-31"),
        # The day of today is not over.
        (None, "2025-10-30", "2025-10-25"),
        ("2025-10-22", "2025-11-30", "2025-10-22"),
        # Later days are not known to have no orders.
        ("2026-03-01", "2026-11-30", "2025-10-31"),
    ],
)
def test_an_evaluation_ends_with_the_day_asked_for_or_the_newest_complete_one(
    shop: SmallLake, as_of: str | None, complete: str, found: str
):
    assert find_evaluation_day(shop, day(as_of) if as_of else None, day(complete)) == day(found)


def test_a_day_before_all_orders_is_refused(shop: SmallLake):
    with pytest.raises(NoOrdersError, match="no order up to 2025-10-01"):
        find_evaluation_day(shop, day("2025-10-01"), day("2025-11-30"))

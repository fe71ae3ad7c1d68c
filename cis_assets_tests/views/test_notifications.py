from __future__ import annotations

from cis_assets.catalog import gold
from cis_assets.views.notifications import list_notifications
from cis_assets_tests.conftest import day
from cis_assets_tests.views.conftest import SmallLake

DAY = day("2025-10-31")


def test_messages_come_with_their_facts_one_of_each_occasion_and_tone_in_turn(lake: SmallLake):
    kinds = ("restock", "restock", "habit", "restock")
    facts = [
        {"as_of_date": DAY, "customer_id": number, "occasion": kind, "tone": "warm", "offer_id": None}
        for number, kind in enumerate(kinds, start=1)
    ]
    lake.add(gold.NOTIFICATION_CONTEXTS, *facts)
    lake.add(
        gold.NOTIFICATIONS, *({"as_of_date": DAY, "customer_id": number, "offer_id": None} for number in (4, 3, 2, 1))
    )
    listed = list_notifications(lake, 3)
    assert listed.select("customer_id", "occasion").rows() == [(3, "habit"), (1, "restock"), (2, "restock")]
    assert "turn" not in listed.columns
    assert list_notifications(lake, 10).height == 4

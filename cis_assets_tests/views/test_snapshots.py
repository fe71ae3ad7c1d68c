from __future__ import annotations

import pytest
from deltalake import DeltaTable

from cis_assets.catalog import gold
from cis_assets.views.snapshots import (
    SnapshotAbsentError,
    has_rows,
    list_notifications,
    list_rfm_segments,
    list_segments,
    require_snapshot,
)
from cis_assets_tests.conftest import day
from cis_assets_tests.views.conftest import SmallLake

DAY = day("2025-10-31")


def test_a_day_without_a_snapshot_is_refused_with_the_command_that_makes_it(lake: SmallLake):
    lake.add(gold.CUSTOMER_FEATURES, {"as_of_date": day("2025-10-31")})
    require_snapshot(lake, None)
    require_snapshot(lake, day("2025-10-31"))
    with pytest.raises(SnapshotAbsentError, match="run `cis snapshot 2025-10-30`"):
        require_snapshot(lake, day("2025-10-30"))


def test_segments_are_those_of_the_newest_snapshot_or_of_the_day_asked_for(lake: SmallLake):
    for text, segments in (("2025-10-30", (0,)), ("2025-10-31", (1, 0))):
        lake.add(gold.CUSTOMER_FEATURES, {"as_of_date": day(text)})
        lake.add(gold.SEGMENT_PROFILES, *({"as_of_date": day(text), "segment_id": number} for number in segments))
    assert list_segments(lake)["segment_id"].to_list() == [0, 1]
    assert list_segments(lake, day("2025-10-30"))["segment_id"].to_list() == [0]


def test_a_model_is_there_once_it_has_rows(lake: SmallLake):
    assert not has_rows(lake, gold.SEGMENT_MODEL)
    lake.add(gold.SEGMENT_MODEL, {})
    assert has_rows(lake, gold.SEGMENT_MODEL)
    DeltaTable(lake.location(gold.SEGMENT_MODEL).uri).delete()
    assert not has_rows(lake, gold.SEGMENT_MODEL)


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


def test_all_rfm_segments_are_listed_with_the_customers_of_a_snapshot(lake: SmallLake):
    lake.add(gold.CUSTOMER_FEATURES, {"as_of_date": DAY})
    placed = ("Champions", "Lost", "Champions", "Loyal")
    rows = ({"as_of_date": DAY, "customer_id": number, "rfm_segment": name} for number, name in enumerate(placed))
    lake.add(gold.CUSTOMER_SEGMENTS, *rows)
    listed = list_rfm_segments(lake, DAY)
    assert listed.height == 11
    assert listed.columns == ["as_of_date", "rfm_segment", "recency", "value", "customers", "share"]
    assert listed.row(0)[1:] == ("Champions", "5", "4-5", 2, 0.5)
    assert listed.filter(rfm_segment="At risk").row(0)[1:] == ("At risk", "1-2", "3-4", 0, 0.0)

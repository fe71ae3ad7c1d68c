from __future__ import annotations

from deltalake import DeltaTable

from cis_assets.catalog import gold
from cis_assets.views.segments import has_segment_model, list_segments
from cis_assets_tests.conftest import day
from cis_assets_tests.views.conftest import SmallLake


def test_segments_are_those_of_the_newest_snapshot_or_of_the_day_asked_for(lake: SmallLake):
    for text, segments in (("2025-10-30", (0,)), ("2025-10-31", (1, 0))):
        lake.add(gold.CUSTOMER_FEATURES, {"as_of_date": day(text)})
        lake.add(gold.SEGMENT_PROFILES, *({"as_of_date": day(text), "segment_id": number} for number in segments))
    assert list_segments(lake)["segment_id"].to_list() == [0, 1]
    assert list_segments(lake, day("2025-10-30"))["segment_id"].to_list() == [0]


def test_a_model_is_there_once_it_has_rows(lake: SmallLake):
    assert not has_segment_model(lake)
    lake.add(gold.SEGMENT_MODEL, {})
    assert has_segment_model(lake)
    DeltaTable(lake.location(gold.SEGMENT_MODEL).uri).delete()
    assert not has_segment_model(lake)

from __future__ import annotations

import pytest

from cis_assets.dashboard import charts, summaries
from cis_assets.dashboard.summaries import ALL_SEGMENTS, WEEKDAYS, GoldFrames
from cis_assets.dashboard.theme import SEGMENT_COLORS, segment_color, vega_config
from cis_assets_tests.dashboard.shop import SEGMENTS

pytest.importorskip("altair")


@pytest.fixture(scope="session")
def specifications(frames: GoldFrames) -> dict[str, dict]:
    drawn = {
        "sizes": charts.segment_size_chart(summaries.segment_sizes(frames.segment_profiles), SEGMENTS),
        "map": charts.segment_map_chart(summaries.segment_map(frames.segment_profiles), SEGMENTS),
        "comparison": charts.segment_comparison_chart(summaries.segment_comparison(frames.segment_profiles), SEGMENTS),
        "gaps": charts.gap_chart(summaries.gap_histogram(frames.order_frequency), SEGMENTS),
        "activity": charts.activity_chart(summaries.activity_grid(frames.order_patterns), SEGMENTS),
        "rfm": charts.rfm_chart(summaries.rfm_grid(frames.customer_segments), SEGMENTS),
    }
    return {name: chart.to_dict() for name, chart in drawn.items()}


def test_every_chart_is_as_wide_as_its_place_and_described(specifications: dict[str, dict]) -> None:
    for specification in specifications.values():
        assert specification["width"] == "container"
        assert len(specification["description"]) > 20


def test_every_chart_compiles_and_draws_without_warning(specifications: dict[str, dict]) -> None:
    vl_convert = pytest.importorskip("vl_convert")
    for specification in specifications.values():
        svg = vl_convert.vegalite_to_svg({**specification, "width": 700, "config": vega_config(dark=False)})
        assert svg.startswith("<svg")
        assert "NaN" not in svg


def test_a_segment_has_one_color_in_all_charts(specifications: dict[str, dict]) -> None:
    colors = [
        specifications["sizes"]["layer"][0]["encoding"]["color"]["scale"],
        specifications["map"]["encoding"]["color"]["scale"],
        specifications["gaps"]["encoding"]["color"]["scale"],
    ]
    assert all(scale == {"domain": list(SEGMENTS), "range": list(SEGMENT_COLORS[:3])} for scale in colors)


def test_colors_repeat_after_the_last_one() -> None:
    assert segment_color(len(SEGMENT_COLORS)) == segment_color(0)
    assert len(set(SEGMENT_COLORS)) == 8


def test_weekdays_go_from_monday_to_sunday(specifications: dict[str, dict]) -> None:
    assert specifications["activity"]["encoding"]["y"]["sort"] == list(WEEKDAYS)
    assert WEEKDAYS[0] == "Monday"
    assert WEEKDAYS[-1] == "Sunday"


def test_one_segment_can_be_chosen_for_the_week(specifications: dict[str, dict]) -> None:
    (choice,) = specifications["activity"]["params"]
    assert choice["bind"]["options"] == [ALL_SEGMENTS, *SEGMENTS]
    assert choice["value"] == ALL_SEGMENTS
    assert specifications["activity"]["transform"] == [{"filter": f"datum.segment == {choice['name']}"}]


def test_the_legend_of_the_gaps_chooses_segments(specifications: dict[str, dict]) -> None:
    (choice,) = specifications["gaps"]["params"]
    assert choice["bind"] == "legend"
    assert specifications["gaps"]["transform"] == [{"filter": {"param": choice["name"]}}]


def test_every_day_of_the_histogram_has_a_place_even_where_nobody_ordered(specifications: dict[str, dict]) -> None:
    assert specifications["gaps"]["encoding"]["x"]["scale"]["domain"] == list(range(61))

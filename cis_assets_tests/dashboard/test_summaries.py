from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from cis_assets.dashboard.summaries import (
    ALL_SEGMENTS,
    WEEKDAYS,
    GoldFrames,
    activity_grid,
    gap_histogram,
    percent,
    rfm_grid,
    segment_comparison,
    segment_map,
    segment_order,
    segment_sizes,
)
from cis_assets_tests.dashboard.shop import AS_OF, SEGMENTS, gold_frames


def test_the_snapshot_has_the_newest_date_of_the_frames(frames: GoldFrames) -> None:
    assert frames.as_of == AS_OF


def test_without_rows_the_snapshot_has_no_date(no_frames: GoldFrames) -> None:
    assert no_frames.as_of is None
    assert no_frames.newest().as_of is None


def test_only_the_newest_snapshot_is_shown(frames: GoldFrames) -> None:
    older = gold_frames(date(2026, 2, 28), sizes=(5, 5))
    both = GoldFrames(**{name: pl.concat([vars(older)[name], frame]) for name, frame in vars(frames).items()})
    newest = both.newest()
    assert all(vars(newest)[name].equals(frame) for name, frame in vars(frames).items())


def test_segments_keep_the_order_of_their_ids_in_every_chart(frames: GoldFrames) -> None:
    assert segment_order(frames) == list(SEGMENTS)


def test_sizes_come_largest_first_with_counts_and_shares_in_words(frames: GoldFrames) -> None:
    sizes = segment_sizes(frames.segment_profiles.reverse())
    assert sizes["customers"].to_list() == [50, 30, 20]
    assert sizes["label"].to_list() == ["50 · 50%", "30 · 30%", "20 · 20%"]


def test_quiet_customers_stand_beside_the_size(frames: GoldFrames) -> None:
    profiles = frames.segment_profiles.with_columns(quiet_customers=pl.Series([45, 0, 0], dtype=pl.Int64))
    sizes = segment_sizes(profiles)
    assert sizes.select("segment", "customers", "quiet").rows() == [
        ("Occasional", 30, 0),
        ("New customers", 20, 0),
        ("Weekly stock-up", 5, 45),
    ]


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.0, "0%"), (0.004, "<1%"), (0.005, "<1%"), (0.006, "1%"), (0.244, "24%"), (1.0, "100%")],
)
def test_a_small_share_is_not_told_as_none(share: float, words: str) -> None:
    assert percent(share) == words


def test_segments_without_a_gap_have_no_place_on_the_map(frames: GoldFrames) -> None:
    assert segment_map(frames.segment_profiles)["segment"].to_list() == ["Weekly stock-up", "Occasional"]


def test_means_are_compared_with_the_average_customer_not_the_average_segment(frames: GoldFrames) -> None:
    compared = segment_comparison(frames.segment_profiles)
    weekly = compared.filter(segment="Weekly stock-up", measure="Orders").row(0, named=True)
    assert weekly["value"] == "50"
    assert weekly["average"] == "28"  # (50 * 50 + 30 * 10 + 20 * 1) / 100 = 28.2
    assert weekly["times"] == pytest.approx(50 / 28.2)


def test_half_and_double_are_equally_far_and_extremes_are_held(frames: GoldFrames) -> None:
    compared = segment_comparison(frames.segment_profiles)
    assert compared["doublings"].is_between(-2, 2).all()
    assert compared.filter(segment="New customers", measure="Reordered")["doublings"].to_list() == [-2.0]


def test_a_measure_that_no_segment_has_is_left_out(frames: GoldFrames) -> None:
    measures = set(segment_comparison(frames.segment_profiles)["measure"])
    assert "Spend" not in measures
    assert "Orders" in measures


def test_long_gaps_are_one_bar(frames: GoldFrames) -> None:
    occasional = gap_histogram(frames.order_frequency).filter(segment="Occasional")
    assert occasional.select("gap_days", "orders", "share", "capped").rows() == [(28, 20, 0.5, 0), (60, 20, 0.5, 5)]


def test_the_week_is_whole_for_every_segment_and_for_all(frames: GoldFrames) -> None:
    grid = activity_grid(frames.order_patterns)
    assert grid["segment"].unique(maintain_order=True).to_list() == [ALL_SEGMENTS, *SEGMENTS]
    assert grid.group_by("segment").len()["len"].to_list() == [7 * 24] * 4
    assert grid["weekday"].unique(maintain_order=True).to_list() == list(WEEKDAYS)
    assert grid.group_by("segment").agg(pl.col("share").sum())["share"].to_list() == pytest.approx([1.0] * 4)


def test_all_segments_together_are_the_sum_and_silent_hours_are_zero(frames: GoldFrames) -> None:
    grid = activity_grid(frames.order_patterns).filter(segment=ALL_SEGMENTS)
    assert grid.filter(weekday="Saturday", hour=18)["orders"].to_list() == [60]
    assert grid.filter(weekday="Tuesday")["orders"].sum() == 0
    assert grid["orders"].sum() == frames.order_patterns["order_count"].sum()


def test_each_segment_is_split_over_rfm_segments_from_engaged_to_not(frames: GoldFrames) -> None:
    grid = rfm_grid(frames.customer_segments)
    assert grid["rfm_segment"].unique(maintain_order=True).to_list() == ["Champions", "Recent customers", "Lost"]
    assert grid.filter(pl.col("customers") > 0).select("segment", "rfm_segment", "customers", "label").rows() == [
        ("Weekly stock-up", "Champions", 50, "100%"),
        ("Occasional", "Lost", 30, "100%"),
        ("New customers", "Recent customers", 20, "100%"),
    ]
    assert grid.height == 9


def test_empty_frames_give_empty_rows(no_frames: GoldFrames) -> None:
    assert segment_sizes(no_frames.segment_profiles).is_empty()
    assert segment_comparison(no_frames.segment_profiles).is_empty()
    assert gap_histogram(no_frames.order_frequency).is_empty()
    assert activity_grid(no_frames.order_patterns).is_empty()
    assert rfm_grid(no_frames.customer_segments).is_empty()
    assert segment_order(no_frames) == []

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cis_assets.catalog.gold import SEGMENT_CANDIDATES, SEGMENT_MODEL
from cis_assets.segmentation.model import TrainingOptions
from cis_assets.segmentation.model_changes import ModelChange, change_model
from cis_assets.segmentation.versions import PromotionError, renamed_segments
from cis_assets_tests.segmentation.shoppers import AS_OF, OPTIONS, habits_of, planted

SIZES = {"weekly": 60, "top-up": 50, "rare": 40, "gone": 30}


def change(
    habits: pl.DataFrame,
    former: ModelChange | None = None,
    promotion: str | None = None,
    promote_at_drift: float = 0,
) -> ModelChange:
    models = SEGMENT_MODEL.empty() if former is None else former.models
    candidates = SEGMENT_CANDIDATES.empty() if former is None else former.candidates
    options = TrainingOptions(**OPTIONS)
    return change_model(
        habits, models, candidates, promotion=promotion, promote_at_drift=promote_at_drift, options=options
    )


def later(habits: pl.DataFrame, days: int = 7) -> pl.DataFrame:
    return habits.with_columns(pl.col("as_of_date") + timedelta(days=days))


@pytest.fixture(scope="module")
def habits() -> pl.DataFrame:
    return habits_of(planted(SIZES)[0])


@pytest.fixture(scope="module")
def others() -> pl.DataFrame:
    """Another mix of customers a week later, who order less often."""
    rows = habits_of(planted({**SIZES, "rare": 160}, seed=8)[0])
    return later(rows.with_columns(pl.col("gap_days", "recent_gap_days") * 1.5))


@pytest.fixture(scope="module")
def first(habits: pl.DataFrame) -> ModelChange:
    return change(habits)


def test_all_numbers_that_were_tried_are_kept_with_the_one_chosen(first: ModelChange, others: pl.DataFrame):
    again = change(others, first)
    tried = again.candidates.group_by("version").agg(
        pl.col("segment_count").filter(pl.col("centers") == "searched"), pl.col("is_chosen").sum()
    )
    assert sorted(tried.rows()) == [(1, [3, 4, 5, 6, 7, 8], 1), (2, [3, 4, 5, 6, 7, 8], 1)]
    assert again.candidates.filter(centers="champion")["version"].to_list() == [2]
    assert SEGMENT_CANDIDATES.schema.is_valid(again.candidates)


def test_training_again_on_the_same_snapshot_adds_nothing(
    first: ModelChange, habits: pl.DataFrame, others: pl.DataFrame
):
    again = change(habits, first)
    assert_frame_equal(again.models, first.models)
    assert_frame_equal(again.candidates, first.candidates)
    second = change(others, first)
    third = change(others, second)
    assert_frame_equal(third.models, second.models)
    assert_frame_equal(third.candidates, second.candidates)


def test_the_challenger_that_waits_is_promoted_as_it_was_seen(first: ModelChange, others: pl.DataFrame):
    seen = change(others, first)
    assert not seen.promoted
    promoted = change(later(others), seen, promotion="the campaign of May")
    assert promoted.training is None
    assert promoted.promoted
    assert promoted.champion["version"].unique().to_list() == [2]
    assert promoted.champion["serves_from"].unique().to_list() == [AS_OF + timedelta(days=15)]
    assert promoted.champion["reason"].unique().to_list() == ["the campaign of May"]


def test_promotion_without_a_challenger_trains_one_first(first: ModelChange, others: pl.DataFrame):
    promoted = change(others, first, promotion="by hand")
    assert promoted.training is not None
    assert promoted.champion["version"].unique().to_list() == [2]


def test_drift_promotes_by_itself_only_past_the_bound(first: ModelChange, others: pl.DataFrame):
    assert not change(others, first).promoted
    assert not change(others, first, promote_at_drift=99.0).promoted
    promoted = change(others, first, promote_at_drift=0.25)
    assert promoted.promoted
    assert promoted.champion["reason"][0].startswith("drift: gap_days ")


def test_the_same_customers_later_promote_nothing(first: ModelChange, habits: pl.DataFrame):
    assert not change(later(habits), first, promote_at_drift=0.25).promoted


def test_a_champion_with_a_segment_that_cannot_be_trusted_is_replaced(
    first: ModelChange, habits: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
):
    shifted = later(habits).with_columns(pl.col("gap_days") * 1.05)
    assert not change(shifted, first, promote_at_drift=9.0).promoted
    monkeypatch.setattr("cis_assets.segmentation.model_changes.TRUSTED", 1.1)
    promoted = change(shifted, first, promote_at_drift=9.0)
    assert "has a stability of" in promoted.champion["reason"][0]


def test_there_is_nothing_to_promote_if_the_training_finds_the_champion_again(first: ModelChange, habits: pl.DataFrame):
    with pytest.raises(PromotionError, match="finds the segments of the champion again"):
        change(habits, first, promotion="by hand")


def test_a_segment_whose_name_changes_is_told(first: ModelChange):
    renamed = first.champion.with_columns(
        segment_name=pl.when(pl.col("segment_id") == 2).then(pl.lit("Monthly bulk")).otherwise("segment_name")
    )
    assert renamed_segments(first.champion, renamed) == [(2, first.champion["segment_name"][1], "Monthly bulk")]
    assert renamed_segments(first.champion, first.champion) == []

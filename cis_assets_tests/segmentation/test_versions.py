from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cis_assets.segmentation.centers import SegmentModelError
from cis_assets.segmentation.versions import (
    PromotionError,
    add_challenger,
    champion,
    number_version,
    promote,
    serving,
    succeed,
)
from cis_assets_tests.segmentation.shoppers import AS_OF


def retrained(models: pl.DataFrame, days: int) -> pl.DataFrame:
    """The champion's rows as if trained again some days later."""
    version = models["version"].max() + 1
    again = champion(models).with_columns(
        version=pl.lit(version, pl.Int32),
        state=pl.lit("challenger"),
        trained_as_of=pl.lit(AS_OF + timedelta(days=days)),
        serves_from=pl.lit(None, pl.Date),
    )
    return add_challenger(models, again)


def states(models: pl.DataFrame) -> dict[int, str]:
    return dict(models.select("version", "state").unique().sort("version").iter_rows())


def test_the_first_version_is_promoted_by_itself_and_serves_every_day(planted_model: pl.DataFrame) -> None:
    assert states(planted_model) == {1: "champion"}
    for day in (AS_OF - timedelta(days=400), AS_OF, AS_OF + timedelta(days=400)):
        assert serving(planted_model, day)["version"].unique().to_list() == [1]


def test_a_challenger_serves_nothing_until_it_is_promoted(planted_model: pl.DataFrame) -> None:
    models = retrained(planted_model, 7)
    assert states(models) == {1: "champion", 2: "challenger"}
    assert serving(models, AS_OF + timedelta(days=30))["version"].unique().to_list() == [1]


def test_a_promoted_version_serves_from_its_day_and_the_former_one_before(planted_model: pl.DataFrame) -> None:
    promoted = promote(retrained(planted_model, 7), AS_OF + timedelta(days=7), "drift")
    assert states(promoted) == {1: "retired", 2: "champion"}
    assert serving(promoted, AS_OF + timedelta(days=6))["version"].unique().to_list() == [1]
    assert serving(promoted, AS_OF + timedelta(days=7))["version"].unique().to_list() == [2]
    assert champion(promoted)["reason"].unique().to_list() == ["drift"]


def test_training_again_replaces_a_challenger_and_keeps_its_rows(planted_model: pl.DataFrame) -> None:
    models = retrained(retrained(planted_model, 7), 14)
    assert states(models) == {1: "champion", 2: "retired", 3: "challenger"}
    assert serving(models, date(2030, 1, 1))["version"].unique().to_list() == [1]


def test_there_is_nothing_to_promote_without_a_challenger(planted_model: pl.DataFrame) -> None:
    with pytest.raises(PromotionError, match="run `cis train` first"):
        promote(planted_model, AS_OF, "by hand")


def test_a_table_without_a_promoted_version_asks_for_training(planted_model: pl.DataFrame) -> None:
    with pytest.raises(SegmentModelError, match="cis train --promote"):
        serving(planted_model.clear(), AS_OF)


def test_split_merged_born_and_ended_segments_are_told() -> None:
    # Old 10 splits into two, old 20 and 30 merge, old 40 ends, and customers of all kinds found a new one.
    old = np.array([0] * 60 + [1] * 40 + [2] * 30 + [3] * 9)
    new = np.array([0] * 35 + [1] * 25 + [2] * 70 + [3, 3, 2] * 3)
    found = succeed([10, 20, 30, 40], old, new, 4, 40)
    assert found.ids == (10, 41, 20, 40)
    assert found.origins == ("continued", "split from 10", "merged with 30", "continued")
    assert found.ended == ("30 merged into 20",)


def test_a_segment_whose_customers_nearly_all_went_elsewhere_ends() -> None:
    old = np.array([0] * 500 + [1] * 500)
    new = np.array([0] * 999 + [1])
    found = succeed([1, 2], old, new, 2, 2)
    assert found.ids == (1, 3)
    assert found.origins == ("continued", "split from 2") or found.origins[0].startswith("merged with")
    assert found.ended == ("2 merged into 1",)


def test_the_later_of_two_promotions_on_one_day_serves_it(planted_model: pl.DataFrame) -> None:
    day = AS_OF + timedelta(days=7)
    models = promote(retrained(planted_model, 7), day, "first")
    models = promote(retrained(models, 8), day, "second")
    assert serving(models, day)["version"].unique().to_list() == [3]


def test_centers_that_share_only_their_columns_are_another_version(planted_model: pl.DataFrame) -> None:
    crossed = planted_model.with_columns(centroid_values=pl.Series([[5.0, 20.0], [20.0, 5.0], [1.0, 1.0], [2.0, 2.0]]))
    known = planted_model.with_columns(centroid_values=pl.Series([[5.0, 5.0], [20.0, 20.0], [1.0, 1.0], [2.0, 2.0]]))
    assert number_version(known, crossed.drop("version"))["version"].unique().to_list() == [2]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=60), st.integers(40, 90))
def test_ids_are_unique_never_reused_and_every_old_segment_is_accounted_for(
    pairs: list[tuple[int, int]], highest: int
) -> None:
    old, new = (np.array([pair[side] for pair in pairs], dtype=np.int64) for side in (0, 1))
    found = succeed([10, 20, 30, 40], old, new, 5, highest)
    assert len(set(found.ids)) == 5
    assert all(each in (10, 20, 30, 40) or each > highest for each in found.ids)
    ended = {int(text.split()[0]) for text in found.ended}
    assert ended | (set(found.ids) & {10, 20, 30, 40}) == {10, 20, 30, 40}
    assert len(found.origins) == 5

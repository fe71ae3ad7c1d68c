from __future__ import annotations

import polars as pl
import pytest

from cis_assets.predictions.model_rows import (
    NEXT_BASKET,
    NEXT_ORDER,
    StoredVersion,
    number_row,
    serving_baselines,
    version_of_day,
    version_rows,
    with_training,
)
from cis_assets.predictions.trees import StoredTreesError
from cis_assets_tests.predictions.shoppers import day


def version(trained: int, *values: float, task: str = NEXT_ORDER) -> pl.DataFrame:
    return version_rows(task, day(trained), ["own_rate"], ["a", "b"], [number_row("own_rate", values, [3])])


MODELS = pl.concat([version(20, 1.0), version(30, 2.0), version(10, 3.0), version(15, 4.0, task=NEXT_BASKET)])


@pytest.mark.parametrize(("on", "trained"), [(5, 10), (10, 10), (19, 10), (20, 20), (99, 30)])
def test_a_day_has_the_newest_version_trained_up_to_it(on: int, trained: int) -> None:
    assert version_of_day(MODELS, NEXT_ORDER, day(on))["trained_as_of"].to_list() == [day(trained)]


def test_without_a_version_there_are_no_rows() -> None:
    assert version_of_day(MODELS.clear(), NEXT_ORDER, day(0)).is_empty()


def test_a_training_replaces_all_versions_of_its_day() -> None:
    both = pl.concat([MODELS, version(20, 5.0, task=NEXT_BASKET)])
    again = with_training(both, version(20, 9.0), day(20))
    assert [(row["trained_as_of"], row["task"], row["value"]) for row in again.to_dicts()] == [
        (day(10), NEXT_ORDER, [3.0]),
        (day(15), NEXT_BASKET, [4.0]),
        (day(20), NEXT_ORDER, [9.0]),
        (day(30), NEXT_ORDER, [2.0]),
    ]


def test_a_task_says_which_baseline_serves_or_that_no_model_is_trained() -> None:
    def of(task: str, *served: str) -> pl.DataFrame:
        return version_rows(task, day(20), served, ["a"], [number_row("p", [1.0])])

    learned = [of(NEXT_ORDER, "learned", "learned"), of(NEXT_BASKET, "ranker")]
    assert serving_baselines(pl.concat(learned)) == []
    (order,) = serving_baselines(pl.concat([of(NEXT_ORDER, "learned", "bg_nbd"), learned[1]]))
    assert order.startswith(f"next_order: bg_nbd of {day(20)}")
    (basket,) = serving_baselines(learned[0])
    assert basket == "next_basket: the orders are too few to train a model."


def test_parts_are_read_by_name() -> None:
    stored = StoredVersion.read(version(20, 1.0, 2.0), ["a", "b"])
    assert (stored.numbers("own_rate", 2), stored.ids("own_rate")) == ([1.0, 2.0], [3])
    assert (stored.trained_as_of, stored.served(1, ["coin", "own_rate"])) == (day(20), ["own_rate"])
    assert (stored.has("own_"), stored.has("trees_")) == (True, False)


def test_a_version_with_other_features_or_without_a_part_is_refused() -> None:
    with pytest.raises(StoredTreesError, match="other features"):
        StoredVersion.read(version(20, 1.0), ["a"])
    with pytest.raises(StoredTreesError, match="lacks calibration"):
        StoredVersion.read(version(20, 1.0), ["a", "b"]).numbers("calibration")


@pytest.mark.parametrize("values", [None, [], [1.0], [1.0, 2.0, 3.0], [1.0, None], [1.0, float("nan")]])
def test_a_part_without_the_expected_numbers_is_refused(values: list[float | None] | None) -> None:
    rows = version(20).with_columns(value=pl.Series([values], dtype=pl.List(pl.Float64)))
    with pytest.raises(StoredTreesError, match=r"^own_rate of .* is damaged[.] Run `cis train --predictions`[.]$"):
        StoredVersion.read(rows, ["a", "b"]).numbers("own_rate", 2)


@pytest.mark.parametrize("ids", [None, [None]])
def test_a_part_without_ids_is_refused(ids: list[None] | None) -> None:
    rows = version(20).with_columns(ids=pl.Series([ids], dtype=pl.List(pl.Int64)))
    with pytest.raises(StoredTreesError, match=r"own_rate of .* is damaged"):
        StoredVersion.read(rows, ["a", "b"]).ids("own_rate")


def test_a_part_that_is_stored_twice_is_refused() -> None:
    with pytest.raises(StoredTreesError, match="lacks own_rate, or has it twice"):
        StoredVersion.read(pl.concat([version(20, 1.0)] * 2), ["a", "b"]).numbers("own_rate")


@pytest.mark.parametrize("served", [None, [], [None], ["coin"], ["own_rate", "own_rate"]])
def test_methods_that_the_version_does_not_have_are_refused(served: list[str | None] | None) -> None:
    rows = version(20, 1.0).with_columns(served=pl.Series([served], dtype=pl.List(pl.String)))
    with pytest.raises(StoredTreesError, match="list of served methods"):
        StoredVersion.read(rows, ["a", "b"]).served(1, ["own_rate"])


def test_rows_that_disagree_on_what_serves_are_refused() -> None:
    rows = version(20, 1.0)
    others = rows.with_columns(part=pl.lit("bg_nbd"), served=pl.lit(["bg_nbd"]))
    with pytest.raises(StoredTreesError, match="list of served methods"):
        StoredVersion.read(pl.concat([rows, others]), ["a", "b"]).served(1, ["own_rate", "bg_nbd"])

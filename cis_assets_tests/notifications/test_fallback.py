from __future__ import annotations

import polars as pl

from cis_assets.notifications.fallback import Fallback, measure_fallback


def copy(*rows: tuple[str, str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"generator": pl.String, "verdict": pl.String}, orient="row")


def test_wordings_of_another_writer_are_counted_with_the_most_frequent_reason() -> None:
    rows = copy(("openai", "accepted"), ("template", "down"), ("template", "slow"), ("template", "down"))
    found = measure_fallback(rows, "openai")
    assert found == Fallback(4, 3, "down")
    assert found.share == 0.75


def test_reasons_that_are_equally_frequent_are_chosen_by_name() -> None:
    assert measure_fallback(copy(("template", "b"), ("template", "a")), "openai").reason == "a"


def test_a_long_reason_is_cut() -> None:
    assert len(measure_fallback(copy(("template", "x" * 5000)), "openai").reason) < 210


def test_no_copy_and_the_chosen_writers_copy_are_no_fallback() -> None:
    assert measure_fallback(copy(), "openai").share == 0
    assert measure_fallback(copy(("openai", "accepted")), "openai") == Fallback(1, 0, "")

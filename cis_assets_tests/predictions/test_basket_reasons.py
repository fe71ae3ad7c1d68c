from __future__ import annotations

import pytest

from cis_assets.predictions.basket_reasons import REASONS, reason_in_words

NAMES = {7: "Whole Milk"}
CASES = [
    ("in_recent_orders", [6, 8], "in 6 of the last 8 orders"),
    ("in_recent_orders", [10, 10], "in 10 of the last 10 orders"),
    ("every_days", [14, 15], "every 14 days, last 15 days ago"),
    ("every_days", [2, 1], "every 2 days, last yesterday"),
    ("every_days", [2, 0], "every 2 days, last today"),
    ("in_all_orders", [3, 40], "in 3 of all 40 orders"),
    ("in_all_orders", [1, 1], "in the only order"),
    ("bought_with", [7], "often bought with Whole Milk"),
    ("bought_with", [8], "often bought with product 8"),
    ("of_a_newer_release", [1, 2], "of_a_newer_release 1 2"),
]


@pytest.mark.parametrize(("code", "numbers", "words"), CASES)
def test_reasons_in_words(code: str, numbers: list[int], words: str) -> None:
    assert reason_in_words(code, numbers, NAMES) == words


def test_every_reason_has_words() -> None:
    assert {code for code, *_ in CASES} >= set(REASONS)

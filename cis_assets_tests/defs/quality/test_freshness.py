"""A feed that stops: the checks of its age fail the scheduled job, and the failure names them."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest

from cis_assets.catalog import gold, silver
from cis_assets.dates import DateRange, today
from cis_assets.definitions import build_definitions, defs
from cis_assets.defs import freshness
from cis_assets.defs.alerts.failures import error_message
from cis_assets.defs.freshness import LANDING_IS_FRESH, ORDERS_ARE_FRESH, judge_age
from cis_assets.defs.tables import asset_key
from cis_assets_tests.defs.pipeline import INGEST, Shop, land_sample, shop_at

TODAY = date(2026, 3, 10)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Orders up to 2025-10-31 in landing and silver."""
    folder = tmp_path_factory.mktemp("shop")
    days = land_sample(folder / "landing", end=date(2025, 10, 31), customers=20, days=2)
    shop = shop_at(folder)
    shop.run(INGEST, DateRange(days.first, days.last))
    return shop


def check_lake(shop: Shop, **settings) -> dg.ExecuteInProcessResult:
    job = build_definitions(shop.settings.model_copy(update=settings)).resolve_job_def("check_lake")
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    with dg.DagsterInstance.ephemeral() as instance:
        return job.execute_in_process(instance=instance, run_config=quiet, raise_on_error=False)


def failures(result: dg.ExecuteInProcessResult) -> list[str]:
    return [error_message(event.step_failure_data.error) for event in result.all_events if event.is_step_failure]


@pytest.mark.parametrize("check", [LANDING_IS_FRESH, ORDERS_ARE_FRESH])
@pytest.mark.parametrize(("age", "passes"), [(0, True), (2, True), (3, False), (389, False)])
def test_a_feed_is_fresh_while_its_newest_date_is_young_enough(check: dg.AssetCheckKey, age: int, passes: bool) -> None:
    found = judge_age(check, TODAY - timedelta(days=age), TODAY, 2)
    assert found.passed is passes
    assert found.severity is dg.AssetCheckSeverity.ERROR
    assert f"is {TODAY - timedelta(days=age)}, {age} days before {TODAY}" in (found.description or "")


def test_a_feed_without_any_date_is_not_fresh() -> None:
    assert not judge_age(LANDING_IS_FRESH, None, TODAY, 2).passed


def test_a_feed_that_stopped_fails_the_job_and_each_failed_check_is_named(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freshness, "today", lambda _: date(2026, 11, 24))
    result = check_lake(shop)
    assert not result.success
    (sentence,) = failures(result)
    for name in ("landing_is_fresh of landing/orders", "orders_are_fresh of landing/orders"):
        assert f"The check {name} failed: The newest order date in" in sentence
    assert sentence.count("2025-10-31, 389 days before 2026-11-24") == 2
    done = [event.step_key for event in result.all_events if event.is_step_success]
    assert done == ["table_is_maintained"]


def test_a_feed_that_arrives_passes(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freshness, "today", lambda _: date(2025, 11, 1))
    assert failures(check_lake(shop)) == []


def test_files_without_orders_are_no_fresh_orders(shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "landing" / "orders" / "order_date=2025-11-09"
    folder.mkdir(parents=True)
    (folder / "orders.csv").write_text("order_id,customer_id,order_hour\n")
    monkeypatch.setattr(freshness, "today", lambda _: date(2025, 11, 10))
    (sentence,) = failures(check_lake(shop, landing_uri=str(tmp_path / "landing")))
    assert "orders_are_fresh" in sentence
    assert "landing_is_fresh" not in sentence


def test_a_date_that_is_yet_to_come_hides_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freshness, "today", lambda _: date(2025, 10, 29))
    (sentence,) = failures(check_lake(shop))
    assert "There is no order date in silver/orders." in sentence


@pytest.mark.parametrize("job", ["ingest", "daily_gold", "train_segments", "promote_segments"])
def test_only_the_scheduled_job_looks_at_the_age_of_the_feed(job: str) -> None:
    assert "feed_is_fresh" not in {node.name for node in defs.resolve_job_def(job).nodes}


def test_the_clock_is_read_in_the_zone_of_the_settings() -> None:
    assert today("Pacific/Kiritimati") - today("Pacific/Niue") in (timedelta(days=1), timedelta(days=2))


def test_tables_of_silver_and_gold_show_a_badge_of_their_age() -> None:
    graph = defs.resolve_asset_graph()
    badges = {node.key: node.freshness_policy for node in graph.asset_nodes if node.freshness_policy}
    assert {key.path[0] for key in badges} == {"silver", "gold"}
    assert asset_key(silver.ORDERS) in badges
    assert asset_key(gold.SEGMENT_MODEL) not in badges

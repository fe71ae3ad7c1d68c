"""The schedule makes the newest snapshot, the sensor refreshes it when silver changes, and neither does so needlessly."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from cis_assets.catalog import gold, silver
from cis_assets.definitions import build_definitions, defs
from cis_assets.defs.customers.sensors import request_first, request_refresh
from cis_assets.defs.partitions import trailing_window
from cis_assets.defs.tables import asset_key
from cis_assets.settings import settings
from cis_assets_tests.defs.stub_runs import GOLD, SILVER, note_run, run, stub_job
from cis_assets_tests.partitions import ORDER_DATES

DAY = ORDER_DATES.get_last_partition_key() or ""
FIRST_OF_WINDOW = str(date.fromisoformat(DAY) - timedelta(days=settings().history_days - 1))
Status = dg.DagsterRunStatus


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def before(day: str, days: int) -> str:
    return str(date.fromisoformat(day) - timedelta(days=days))


def ingest(instance: dg.DagsterInstance, first: str, last: str | None = None) -> None:
    assert run(instance, "ingest", SILVER, first, last).success


def make(instance: dg.DagsterInstance, day: str = DAY, **arguments) -> dg.ExecuteInProcessResult:
    return run(instance, "daily_gold", GOLD, day, **arguments)


def sensor(instance: dg.DagsterInstance) -> list[dg.RunRequest]:
    """What the sensor asks for as of the newest order date."""
    request = request_refresh(instance, DAY, settings().first_order_date)
    return [request] if isinstance(request, dg.RunRequest) else []


def tick(instance: dg.DagsterInstance, definitions: dg.Definitions = defs) -> list[dg.RunRequest]:
    context = dg.build_sensor_context(instance=instance, repository_def=definitions.get_repository_def())
    return list(definitions.get_unresolved_sensor_def("gold_sensor").evaluate_tick(context).run_requests or ())


def schedule(instance: dg.DagsterInstance) -> list[dg.RunRequest]:
    """What the schedule asks for as of the newest order date."""
    request = request_first(instance, DAY, settings().first_order_date)
    return [request] if isinstance(request, dg.RunRequest) else []


def scheduled_at(moment: datetime, folder: Path) -> list[dg.RunRequest]:
    with dg.DagsterInstance.local_temp(str(folder)) as instance:
        context = dg.build_schedule_context(
            instance=instance, scheduled_execution_time=moment, repository_def=defs.get_repository_def()
        )
        return list(defs.get_unresolved_schedule_def("daily_gold_schedule").evaluate_tick(context).run_requests or ())


def test_the_schedule_means_the_day_before_its_hour(tmp_path: Path):
    moment = datetime.combine(date(2025, 3, 2), time(4, 30), ZoneInfo(settings().time_zone))
    (request,) = scheduled_at(moment, tmp_path)
    assert (request.partition_key, request.run_key) == ("2025-03-01", "2025-03-01")


def test_the_sensor_means_the_newest_order_date(instance: dg.DagsterInstance):
    newest = ORDER_DATES.get_last_partition_key() or ""
    ingest(instance, newest)
    make(instance, newest)
    ingest(instance, newest)
    assert [request.partition_key for request in tick(instance)] == [newest]


def test_before_the_first_order_date_is_over_there_is_nothing_to_do(instance: dg.DagsterInstance, tmp_path: Path):
    assert tick(instance, build_definitions(first_order_date=date(2999, 1, 1))) == []
    assert scheduled_at(datetime.combine(settings().first_order_date, time(4, 30), UTC), tmp_path) == []


def test_the_schedule_makes_a_snapshot_first_and_the_sensor_leaves_that_to_it(instance: dg.DagsterInstance):
    ingest(instance, before(DAY, 9), DAY)
    assert sensor(instance) == []
    (request,) = schedule(instance)
    assert (request.partition_key, request.run_key) == (DAY, DAY)


def test_a_snapshot_that_is_up_to_date_is_made_by_neither(instance: dg.DagsterInstance):
    ingest(instance, before(DAY, 9), DAY)
    make(instance)
    assert sensor(instance) == []
    assert schedule(instance) == []


def test_a_late_file_of_any_day_in_the_window_has_the_snapshot_made_again_once(instance: dg.DagsterInstance):
    ingest(instance, before(DAY, 9), DAY)
    make(instance)
    ingest(instance, FIRST_OF_WINDOW)
    (request,) = sensor(instance)
    assert request.partition_key == DAY
    assert sensor(instance)[0].run_key == request.run_key, "another tick asks for the same run, which Dagster drops"
    make(instance)
    assert sensor(instance) == []
    ingest(instance, DAY)
    (later,) = sensor(instance)
    assert later.run_key != request.run_key


def test_the_orders_of_the_day_itself_may_arrive_after_the_schedule(instance: dg.DagsterInstance):
    ingest(instance, before(DAY, 9), before(DAY, 1))
    make(instance)
    ingest(instance, DAY)
    assert [request.partition_key for request in sensor(instance)] == [DAY]


def test_order_lines_alone_are_a_change_too(instance: dg.DagsterInstance):
    ingest(instance, DAY)
    make(instance)
    run(instance, "by_hand", [silver.ORDER_ITEMS], DAY)
    assert [request.partition_key for request in sensor(instance)] == [DAY]


def note_consent(instance: dg.DagsterInstance, version: str) -> None:
    """Materialize silver/customers with a fingerprint of who has consent."""

    @dg.asset(key=asset_key(silver.CUSTOMERS))
    def customers() -> dg.Output[None]:
        return dg.Output(None, data_version=dg.DataVersion(version))

    assert dg.materialize([customers], instance=instance).success


def test_a_change_of_consent_has_the_snapshot_made_again_once(instance: dg.DagsterInstance):
    note_consent(instance, "before")
    ingest(instance, DAY)
    make(instance)
    assert sensor(instance) == []
    note_consent(instance, "after")
    (request,) = sensor(instance)
    note_consent(instance, "after")
    assert [each.run_key for each in sensor(instance)] == [request.run_key], "nothing changed in the second run"
    make(instance)
    assert sensor(instance) == []
    assert schedule(instance) == []


def test_a_run_that_finds_the_consent_unchanged_changes_nothing(instance: dg.DagsterInstance):
    note_consent(instance, "same")
    ingest(instance, DAY)
    make(instance)
    note_consent(instance, "same")
    assert sensor(instance) == []
    assert schedule(instance) == []


def test_a_late_file_of_a_day_before_the_window_counts_too(instance: dg.DagsterInstance):
    """Habits, stages and cohorts look back over all orders."""
    ingest(instance, before(FIRST_OF_WINDOW, 1), DAY)
    make(instance)
    ingest(instance, before(FIRST_OF_WINDOW, 1))
    assert [request.partition_key for request in sensor(instance)] == [DAY]


def test_snapshots_of_earlier_days_stay_as_they_were_known_then(instance: dg.DagsterInstance):
    yesterday = before(DAY, 1)
    ingest(instance, yesterday)
    make(instance, yesterday)
    ingest(instance, before(yesterday, 3))
    assert sensor(instance) == []


def test_a_snapshot_made_while_silver_changed_is_made_again(instance: dg.DagsterInstance):
    """What counts is when its run began: the rows that it read are from then on."""
    ingest(instance, DAY)

    @dg.asset(key=["gold", "customer_features"], partitions_def=ORDER_DATES)
    def features() -> None:
        ingest(instance, before(DAY, 3))

    assert dg.materialize([features], instance=instance, partition_key=DAY).success
    assert run(instance, "by_hand", [table for table in GOLD if table is not gold.CUSTOMER_FEATURES], DAY).success
    assert [request.partition_key for request in sensor(instance)] == [DAY]


def test_a_snapshot_is_as_old_as_its_oldest_part(instance: dg.DagsterInstance):
    ingest(instance, DAY)
    make(instance)
    ingest(instance, before(DAY, 3))
    run(instance, "by_hand", [gold.NOTIFICATIONS], DAY)
    assert [request.partition_key for request in sensor(instance)] == [DAY]


def test_a_failed_attempt_is_repeated_after_a_change_and_not_before(instance: dg.DagsterInstance):
    ingest(instance, before(DAY, 3))
    assert not make(instance, failing=[gold.CUSTOMER_SEGMENTS]).success
    assert sensor(instance) == []
    assert [request.partition_key for request in schedule(instance)] == [DAY], "it was not made, so it is still to do"
    ingest(instance, DAY)
    assert [request.partition_key for request in sensor(instance)] == [DAY]


@pytest.mark.parametrize(("job", "tables"), [("ingest", SILVER), ("daily_gold", GOLD)])
def test_the_sensor_waits_for_runs_under_way(instance: dg.DagsterInstance, job: str, tables):
    """One snapshot after the last of several ingest runs, and none beside another of the same day."""
    ingest(instance, DAY)
    make(instance)
    ingest(instance, before(DAY, 2))
    under_way = note_run(instance, stub_job(job, tables), Status.STARTED, {"dagster/partition": DAY})
    assert sensor(instance) == []
    assert len(schedule(instance)) == (job == "ingest")
    instance.delete_run(under_way.run_id)
    assert len(sensor(instance)) == 1


def test_a_backfilled_snapshot_counts_as_made(instance: dg.DagsterInstance):
    ingest(instance, DAY)
    run(instance, "by_hand", GOLD, before(DAY, 5), DAY)
    assert schedule(instance) == []
    ingest(instance, before(DAY, 7))
    assert [request.partition_key for request in sensor(instance)] == [DAY]


def test_a_change_while_the_sensor_is_off_is_found_when_it_is_on_and_dagsters_conditions_miss_it(
    instance: dg.DagsterInstance,
):
    """Why the sensor is not an AutomationCondition: conditions compare with the previous evaluation, not with the tables."""
    condition = dg.AutomationCondition
    refreshed = condition.any_deps_updated() & condition.in_latest_time_window() & ~condition.missing()
    orders = dg.AssetSpec(asset_key(silver.ORDERS), partitions_def=ORDER_DATES)

    @dg.asset(
        key=asset_key(gold.CUSTOMER_FEATURES),
        partitions_def=ORDER_DATES,
        deps=[dg.AssetDep(orders, partition_mapping=trailing_window(settings()))],
        automation_condition=refreshed,
    )
    def features() -> None: ...

    conditional = dg.Definitions([orders, features])
    ingest(instance, before(DAY, 9), DAY)
    make(instance)
    on = dg.evaluate_automation_conditions(conditional, instance)
    ingest(instance, before(DAY, 3))
    assert dg.evaluate_automation_conditions(conditional, instance, cursor=on.cursor).total_requested == 1
    assert dg.evaluate_automation_conditions(conditional, instance).total_requested == 0, (
        "the first one after the change"
    )
    assert [request.partition_key for request in sensor(instance)] == [DAY]

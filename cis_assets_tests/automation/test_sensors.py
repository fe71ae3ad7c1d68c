"""The landing sensor, evaluated as the daemon does, on real folders."""

import json
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from cis_assets.automation.sensors import fingerprints, landing_sensor
from cis_assets.definitions import defs
from cis_assets.landing.resource import LandingResource
from cis_assets.partitions import DateRange

ORDERS = "order_id,customer_id,order_hour\n1,2,3\n"
LINES = "order_id,product_id,add_to_cart_order\n1,2,3\n"


def land(folder: Path, *days: str, orders: str = ORDERS, tables: tuple[str, ...] = ("order_items", "orders")) -> None:
    for day in days:
        for table in tables:
            target = folder / table / f"order_date={day}"
            target.mkdir(parents=True, exist_ok=True)
            (target / f"{table}.csv").write_text(orders if table == "orders" else LINES)


def tick(folder: Path, cursor: str | None = None) -> tuple[list[DateRange], str | None]:
    """The ranges of days that the sensor wants to run, and its new cursor (the old one if it has nothing to say)."""
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(
            instance=instance,
            cursor=cursor,
            repository_def=defs.get_repository_def(),
            resources={"landing": LandingResource(landing_uri=str(folder))},
        )
        result = landing_sensor.evaluate_tick(context)
    return [span_of(request) for request in result.run_requests], result.cursor or cursor


def span_of(request: dg.RunRequest) -> DateRange:
    return DateRange(
        date.fromisoformat(request.tags["dagster/asset_partition_range_start"]),
        date.fromisoformat(request.tags["dagster/asset_partition_range_end"]),
    )


def span(first: str, last: str | None = None) -> DateRange:
    return DateRange(date.fromisoformat(first), date.fromisoformat(last or first))


def test_neighbouring_dates_become_one_range_run_and_others_their_own(tmp_path: Path):
    land(tmp_path, "2025-01-01", "2025-01-02", "2025-01-03", "2025-01-07")
    ranges, _ = tick(tmp_path)
    assert ranges == [span("2025-01-01", "2025-01-03"), span("2025-01-07")]


def test_a_second_look_asks_for_nothing(tmp_path: Path):
    land(tmp_path, "2025-01-01", "2025-01-02")
    _, cursor = tick(tmp_path)
    assert tick(tmp_path, cursor) == ([], cursor)


def test_only_new_and_changed_dates_are_asked_for(tmp_path: Path):
    land(tmp_path, "2025-01-01", "2025-01-02", "2025-01-05")
    _, cursor = tick(tmp_path)
    land(tmp_path, "2025-01-02", orders=ORDERS + "2,2,3\n", tables=("orders",))
    land(tmp_path, "2025-01-09")
    ranges, _ = tick(tmp_path, cursor)
    assert ranges == [span("2025-01-02"), span("2025-01-09")]


def test_a_further_file_in_a_known_date_is_a_change(tmp_path: Path):
    land(tmp_path, "2025-01-01")
    _, cursor = tick(tmp_path)
    (tmp_path / "orders" / "order_date=2025-01-01" / "late.csv").write_text(ORDERS)
    assert tick(tmp_path, cursor)[0] == [span("2025-01-01")]


def test_a_date_that_is_still_arriving_waits(tmp_path: Path):
    land(tmp_path, "2025-01-01", tables=("order_items",))
    ranges, cursor = tick(tmp_path)
    assert ranges == []
    land(tmp_path, "2025-01-01", tables=("orders",))
    assert tick(tmp_path, cursor)[0] == [span("2025-01-01")]


def test_a_date_that_returns_to_an_earlier_content_is_run_again(tmp_path: Path):
    """No run keys: Dagster would drop the third request as one that it has seen."""
    cursor = None
    for orders in (ORDERS, ORDERS + "2,2,3\n", ORDERS):
        land(tmp_path, "2025-01-01", orders=orders)
        with dg.DagsterInstance.ephemeral() as instance:
            resources = {"landing": LandingResource(landing_uri=str(tmp_path))}
            context = dg.build_sensor_context(
                instance=instance, cursor=cursor, repository_def=defs.get_repository_def(), resources=resources
            )
            result = landing_sensor.evaluate_tick(context)
        assert [request.run_key for request in result.run_requests] == [None]
        cursor = result.cursor


def test_a_date_that_is_not_over_yet_is_run_once_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    land(tmp_path, "2025-01-01", "2025-01-02")
    first_only = dg.DailyPartitionsDefinition("2025-01-01", "2025-01-02")
    monkeypatch.setattr("cis_assets.automation.sensors.ORDER_DATES", first_only)
    ranges, cursor = tick(tmp_path)
    assert ranges == [span("2025-01-01")]
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert tick(tmp_path, cursor)[0] == [span("2025-01-02")]


def test_a_folder_that_is_no_date_does_not_hold_up_the_others(tmp_path: Path):
    land(tmp_path, "2025-01-01", "not-a-date")
    assert tick(tmp_path)[0] == [span("2025-01-01")]


def test_dates_before_the_first_partition_are_left_alone(tmp_path: Path):
    land(tmp_path, "2022-12-31", "2023-01-01")
    assert tick(tmp_path)[0] == [span("2023-01-01")]


def test_an_empty_landing_folder_is_no_reason_to_run(tmp_path: Path):
    assert tick(tmp_path) == ([], None)


def test_the_cursor_stays_small(tmp_path: Path):
    files = {date(2024, 1, 1): [], date(2024, 1, 2): []}
    assert len(json.dumps(fingerprints(files))) / 2 < 40


@pytest.mark.parametrize("job", ["ingest", "daily_gold", "train_segments"])
def test_every_job_resolves(job: str):
    assert defs.resolve_job_def(job).name == job

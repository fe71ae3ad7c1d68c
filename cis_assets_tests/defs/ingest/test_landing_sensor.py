"""The landing sensor on real folders, evaluated as Dagster's daemon evaluates it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import dagster as dg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cis_assets.catalog import bronze
from cis_assets.dates import DateRange
from cis_assets.definitions import build_definitions, defs
from cis_assets.defs.ingest.landing_cursor import read_cursor
from cis_assets.defs.ingest.sensors import MOST_RANGES, build_sensors
from cis_assets.defs.resources import build_resources
from cis_assets.landing.folder import LandingFolder
from cis_assets.settings import read_settings
from cis_assets_tests.defs.pipeline import Shop, land_sample, shop_at
from cis_assets_tests.defs.stub_runs import INGESTED, note_run, run, stub_job

ORDERS = "order_id,customer_id,order_hour\n1,2,3\n"
LINES = "order_id,product_id,add_to_cart_order\n1,2,3\n"
MONDAY = date(2023, 1, 2)
Status = dg.DagsterRunStatus


def land(folder: Path, *days: str, orders: str = ORDERS, tables: tuple[str, ...] = ("order_items", "orders")) -> None:
    for day in days:
        for table in tables:
            target = folder / table / f"order_date={day}"
            target.mkdir(parents=True, exist_ok=True)
            (target / f"{table}.csv").write_text(orders if table == "orders" else LINES)


def unland(folder: Path, day: str, tables: tuple[str, ...] = ("order_items", "orders")) -> None:
    for table in tables:
        shutil.rmtree(folder / table / f"order_date={day}")


def span(first: str, last: str | None = None) -> DateRange:
    return DateRange(date.fromisoformat(first), date.fromisoformat(last or first))


def span_of(request: dg.RunRequest) -> DateRange:
    return span(*(request.tags[f"dagster/asset_partition_range_{end}"] for end in ("start", "end")))


@cache
def _ingest_job() -> dg.JobDefinition:
    return stub_job("ingest", INGESTED)


class Watch:
    """The sensor on its own folder, with the cursor of its last tick. The test decides how its runs end."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance, most_ranges: int = MOST_RANGES) -> None:
        self.most_ranges = most_ranges
        self.folder = folder / "landing"
        self.lake = folder / "lake"
        self.instance = instance
        self.cursor: str | None = None
        self.said = ""
        self.requests: list[dg.RunRequest] = []
        self._job = _ingest_job()

    def look(self, cursor: str | None, last_tick: float | None = None):
        """Evaluate the sensor once without keeping its cursor."""
        resources = build_resources(read_settings(landing_uri=str(self.folder), lake_uri=str(self.lake)))
        context = dg.SensorEvaluationContext(
            instance_ref=None,
            instance=self.instance,
            cursor=cursor,
            last_tick_completion_time=last_tick,
            last_run_key=None,
            repository_name=None,
            repository_def=defs.get_repository_def(),
            resources={name: resources[name] for name in ("landing", "lake")},
        )
        (landing_sensor,) = build_sensors(read_settings(), most_ranges=self.most_ranges)
        return landing_sensor.evaluate_tick(context)

    def tick(self, ending: Status = Status.SUCCESS) -> list[DateRange]:
        """Evaluate the sensor, end the requested runs as `ending`, and return their ranges."""
        result = self.look(self.cursor)
        self.cursor = result.cursor or self.cursor
        self.said = result.skip_message or ""
        self.requests = list(result.run_requests or ())
        for request in self.requests:
            self.note(request, ending)
        return [span_of(request) for request in self.requests]

    def note(self, request: dg.RunRequest, ending: Status) -> None:
        note_run(self.instance, self._job, ending, {**request.tags, "dagster/run_key": request.run_key or ""})

    def end(self, ending: Status) -> None:
        """End every unfinished run in this way."""
        for unfinished in self.instance.get_runs(dg.RunsFilter(statuses=[Status.STARTED])):
            self.instance.delete_run(unfinished.run_id)
            note_run(self.instance, self._job, ending, unfinished.tags)


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Watch(tmp_path, instance)


def test_neighbouring_dates_become_one_range_run_and_others_their_own(watch: Watch):
    land(watch.folder, "2025-01-01", "2025-01-02", "2025-01-03", "2025-01-07")
    assert watch.tick() == [span("2025-01-01", "2025-01-03"), span("2025-01-07")]


def test_a_second_look_asks_for_nothing(watch: Watch):
    land(watch.folder, "2025-01-01", "2025-01-02")
    watch.tick()
    assert watch.tick() == []
    assert watch.said == "2 order dates have landed, none of them new or changed."


def test_only_new_and_changed_dates_are_asked_for(watch: Watch):
    land(watch.folder, "2025-01-01", "2025-01-02", "2025-01-05")
    watch.tick()
    land(watch.folder, "2025-01-02", orders=ORDERS + "2,2,3\n", tables=("orders",))
    land(watch.folder, "2025-01-09")
    assert watch.tick() == [span("2025-01-02"), span("2025-01-09")]


def test_a_further_file_in_a_known_date_is_a_change_and_so_is_one_less(watch: Watch):
    land(watch.folder, "2025-01-01")
    watch.tick()
    late = watch.folder / "orders" / "order_date=2025-01-01" / "late.csv"
    late.write_text(ORDERS)
    assert watch.tick() == [span("2025-01-01")]
    late.unlink()
    assert watch.tick() == [span("2025-01-01")]


def test_a_date_that_is_still_arriving_waits(watch: Watch):
    land(watch.folder, "2025-01-01", tables=("order_items",))
    assert watch.tick() == []
    assert "Incomplete, because orders or order_items have no file: 2025-01-01." in watch.said
    land(watch.folder, "2025-01-01", tables=("orders",))
    assert watch.tick() == [span("2025-01-01")]


def test_the_same_change_found_twice_has_the_same_run_keys(watch: Watch):
    """Dagster then makes one run of them, though it may evaluate a tick twice if it was stopped in the middle."""
    land(watch.folder, "2025-01-01", "2025-01-03")
    first, second = ([request.run_key for request in watch.look(None).run_requests] for _ in range(2))
    assert first == second
    assert len(set(first)) == 2
    watch.tick()
    land(watch.folder, "2025-01-03", orders=ORDERS + "2,2,3\n")
    third, fourth = ([request.run_key for request in watch.look(watch.cursor).run_requests] for _ in range(2))
    assert third == fourth
    assert not set(third) & set(first)


def test_a_date_that_returns_to_earlier_files_is_run_again_under_another_key(watch: Watch, tmp_path: Path):
    land(watch.folder, "2025-01-01")
    watch.tick()
    keys = {watch.requests[0].run_key}
    target = watch.folder / "orders" / "order_date=2025-01-01" / "orders.csv"
    shutil.move(target, tmp_path / "away")
    target.write_text(ORDERS + "2,2,3\n")
    assert watch.tick() == [span("2025-01-01")]
    keys.add(watch.requests[0].run_key)
    shutil.move(tmp_path / "away", target)
    assert watch.tick() == [span("2025-01-01")]
    keys.add(watch.requests[0].run_key)
    assert len(keys) == 3


def test_a_cursor_that_an_operator_emptied_runs_everything_again(watch: Watch):
    land(watch.folder, "2025-01-01")
    watch.tick()
    keys = {request.run_key for request in watch.requests}
    again = watch.look(None, last_tick=time.time()).run_requests
    assert [span_of(request) for request in again] == [span("2025-01-01")]
    assert not keys & {request.run_key for request in again}


@pytest.mark.parametrize("cursor", ["not a cursor", '{"version": 9}', "[1, 2]"])
def test_an_unreadable_cursor_leads_to_one_full_check(watch: Watch, cursor: str):
    land(watch.folder, "2025-01-01", "2025-01-02")
    watch.cursor = cursor
    assert watch.tick() == [span("2025-01-01", "2025-01-02")]
    assert watch.tick() == []


def test_a_date_that_is_not_over_yet_is_run_once_it_is(watch: Watch):
    land(watch.folder, "2025-01-01", "2025-01-02")
    with dg.partition_loading_context(effective_dt=datetime(2025, 1, 2, 12, tzinfo=UTC)):
        assert watch.tick() == [span("2025-01-01")]
        watch.tick()
        assert "Outside the order dates of the platform, or not over yet: 2025-01-02." in watch.said
    assert watch.tick() == [span("2025-01-02")]


def test_a_folder_that_is_no_date_is_named_and_does_not_hold_up_the_others(
    watch: Watch, capfd: pytest.CaptureFixture[str]
):
    land(watch.folder, "2025-01-01", "not-a-date", "2025-02-30")
    assert watch.tick() == [span("2025-01-01")]
    said = capfd.readouterr().err
    assert "orders/order_date=2025-02-30" in said
    assert "order_items/order_date=not-a-date" in said


def test_a_file_beside_the_folders_of_dates_is_named_too(watch: Watch, capfd: pytest.CaptureFixture[str]):
    land(watch.folder, "2025-01-01")
    (watch.folder / "orders" / "orders.csv").write_text(ORDERS)
    assert watch.tick() == [span("2025-01-01")]
    assert "Landing file orders/orders.csv is not in a date folder" in capfd.readouterr().err


def test_dates_before_the_first_partition_are_left_alone(watch: Watch):
    land(watch.folder, "2022-12-31", "2023-01-01")
    assert watch.tick() == [span("2023-01-01")]


def test_an_empty_landing_folder_is_no_reason_to_run(watch: Watch):
    assert watch.tick() == []
    assert watch.said == "0 order dates have landed, none of them new or changed."


def test_a_quiet_tick_lists_each_dated_table_once_and_nothing_else(watch: Watch, monkeypatch: pytest.MonkeyPatch):
    land(watch.folder, "2025-01-01")
    watch.tick()
    watch.tick()
    listed: list[str] = []
    list_files = LandingFolder._list
    monkeypatch.setattr(
        LandingFolder, "_list", lambda folder, prefix: listed.append(prefix) or list_files(folder, prefix)
    )
    monkeypatch.setattr(LandingFolder, "stray_folders", lambda folder: listed.append("strays"))
    assert watch.tick() == []
    assert listed == ["orders", "order_items"]


def test_a_thousand_trading_days_at_once_are_a_handful_of_runs_and_known_from_then_on(watch: Watch):
    """On three years without Sundays: a run for every week would be 167 of them."""
    days = [day for number in range(1400) if (day := MONDAY + timedelta(days=number)).isoweekday() != 7][:1000]
    land(watch.folder, *map(str, days))
    started = time.monotonic()
    watch.look(None)
    took = time.monotonic() - started
    ranges = watch.tick()
    assert len(ranges) == 7
    assert all(len(one) <= 183 for one in ranges)
    assert {day for one in ranges for day in one} >= set(days)
    assert all(day.isoweekday() == 7 for one in ranges for day in one if day not in set(days))
    assert all(one.first in set(days) and one.last in set(days) for one in ranges)
    assert len(watch.cursor or "") < 7000
    assert took < 10
    assert watch.tick() == []


def test_a_gap_whose_files_are_gone_but_whose_rows_are_not_is_never_emptied_by_closing_it(watch: Watch):
    shop = shop_at(watch.folder.parent)
    sample = land_sample(watch.folder, end=date(2025, 1, 31), customers=20, days=2)
    shop.run(dg.AssetSelection.groups("bronze"), sample)
    kept = shop.rows(bronze.ORDERS)
    shutil.rmtree(watch.folder)
    # Gaps of two days everywhere, of which the one in the middle holds the sample's rows.
    every_third = [sample.first + timedelta(days=3 * number - 1) for number in range(-20, 21)]
    land(watch.folder, *map(str, every_third))
    ranges = watch.tick()
    assert ranges == [
        DateRange(every_third[0], sample.first - timedelta(days=1)),
        DateRange(sample.last + timedelta(days=1), every_third[-1]),
    ]
    assert set(kept["order_date"]) <= set(sample)


def test_more_ranges_than_there_is_room_for_are_asked_for_in_turn(watch: Watch):
    """Dates still arriving between them keep the ranges apart; no tick asks for more than its share, and none is lost."""
    days = [str(MONDAY + timedelta(days=number)) for number in range(0, 50, 2)]
    land(watch.folder, *days)
    land(watch.folder, *(str(MONDAY + timedelta(days=number)) for number in range(1, 50, 2)), tables=("orders",))
    first = watch.tick(Status.STARTED)
    assert len(first) == MOST_RANGES
    assert watch.tick() == []
    assert "Waiting until earlier runs end" in watch.said
    watch.end(Status.SUCCESS)
    asked = [*first, *watch.tick(), *watch.tick()]
    assert asked == [span(day) for day in days]


def test_a_date_that_changes_while_its_run_is_under_way_is_run_again_after_it(watch: Watch):
    """Two runs of one date at once might leave the older files' rows."""
    land(watch.folder, "2025-01-01", "2025-01-02")
    watch.tick(Status.STARTED)
    land(watch.folder, "2025-01-02", orders=ORDERS + "2,2,3\n")
    land(watch.folder, "2025-01-03")
    assert watch.tick() == [span("2025-01-03")]
    assert watch.tick() == []
    assert "Queued or running: 2025-01-01 to 2025-01-02." in watch.said
    watch.end(Status.SUCCESS)
    assert watch.tick() == [span("2025-01-02")]


def test_no_range_is_drawn_over_dates_whose_run_is_under_way(watch: Watch):
    days = [str(MONDAY + timedelta(days=number)) for number in range(39)]
    land(watch.folder, *days)
    watch.tick()
    land(watch.folder, days[19], orders=ORDERS + "2,2,3\n")
    watch.tick(Status.STARTED)
    land(watch.folder, *days[::2], orders=ORDERS + "2,2,3\n")
    assert watch.tick() == [span(days[0], days[18]), span(days[20], days[38])]


def test_a_date_that_is_gone_from_landing_keeps_its_tables_and_is_known_when_it_returns(watch: Watch, tmp_path: Path):
    land(watch.folder, "2025-01-01", "2025-01-02", "2025-01-03")
    watch.tick()
    for table in ("orders", "order_items"):
        shutil.move(watch.folder / table / "order_date=2025-01-02", tmp_path / f"{table}_away")
    assert watch.tick() == []
    assert "Removed from landing; their tables keep their rows: 2025-01-02." in watch.said
    for table in ("orders", "order_items"):
        shutil.move(tmp_path / f"{table}_away", watch.folder / table / "order_date=2025-01-02")
    assert watch.tick() == []


def test_dates_of_a_failed_run_wait_until_one_of_their_files_changes_and_then_go_together(watch: Watch):
    land(watch.folder, "2025-01-01", "2025-01-02", "2025-01-03")
    watch.tick(Status.FAILURE)
    land(watch.folder, "2025-01-04")
    assert watch.tick() == [span("2025-01-04")], "the failed neighbours are not taken along"
    assert watch.tick() == []
    assert "Failed: 2025-01-01 to 2025-01-03; fix a landing file of these dates" in watch.said
    land(watch.folder, "2025-01-02", orders=ORDERS + "2,2,3\n")
    land(watch.folder, "2025-01-05")
    assert watch.tick() == [span("2025-01-01", "2025-01-03"), span("2025-01-05")]
    assert watch.tick() == []
    assert "Failed" not in watch.said


def test_a_mended_range_that_fails_again_waits_again(watch: Watch):
    land(watch.folder, "2025-01-01", "2025-01-02", "2025-01-03")
    watch.tick(Status.FAILURE)
    unland(watch.folder, "2025-01-02", ("orders",))
    assert watch.tick(Status.FAILURE) == [span("2025-01-01"), span("2025-01-03")]
    assert watch.tick() == []
    unland(watch.folder, "2025-01-02", ("order_items",))
    assert watch.tick() == []
    land(watch.folder, "2025-01-02")
    assert watch.tick() == [span("2025-01-02")]


def test_a_bad_date_may_be_mended_by_removing_it(watch: Watch):
    land(watch.folder, "2025-01-01", "2025-01-02", "2025-01-03")
    watch.tick(Status.FAILURE)
    unland(watch.folder, "2025-01-02")
    assert watch.tick(Status.FAILURE) == [span("2025-01-01"), span("2025-01-03")]
    assert watch.tick() == [], "once, though that date is as absent as before"


def test_dates_of_a_failed_run_go_again_when_a_snapshot_lands(watch: Watch):
    land(watch.folder, "2025-01-01", "2025-01-02")
    watch.tick(Status.FAILURE)
    assert watch.tick() == []
    (watch.folder / "products").mkdir()
    (watch.folder / "products" / "products.csv").write_text("product_id,product_name,aisle_id,department_id\n")
    assert watch.tick() == [span("2025-01-01", "2025-01-02")]
    assert watch.tick() == []


def test_a_failed_run_that_was_re_executed_or_will_be_is_no_failure(watch: Watch):
    land(watch.folder, "2025-01-01")
    watch.tick(Status.FAILURE)
    (failed,) = watch.instance.get_runs()
    watch.instance.add_run_tags(failed.run_id, {"dagster/will_retry": "true"})
    assert watch.tick() == []
    assert "Queued or running: 2025-01-01." in watch.said
    watch.instance.add_run_tags(failed.run_id, {"dagster/auto_retry_run_id": "the retry"})
    assert watch.tick() == []
    assert "Failed: 2025-01-01;" in watch.said
    # Dagster gives a re-execution the tags of its run.
    note_run(watch.instance, _ingest_job(), Status.SUCCESS, failed.tags)
    assert watch.tick() == []
    assert watch.said == "1 order dates have landed, none of them new or changed."


def test_a_failed_range_is_forgotten_once_its_dates_were_made_in_any_other_way(watch: Watch):
    land(watch.folder, "2025-01-01", "2025-01-02")
    watch.tick(Status.FAILURE)
    run(watch.instance, "by_hand", INGESTED, "2025-01-01")
    watch.tick()
    assert "Failed: 2025-01-02;" in watch.said
    run(watch.instance, "by_hand", INGESTED, "2025-01-02")
    watch.tick()
    assert "Failed" not in watch.said
    (watch.folder / "products").mkdir()
    (watch.folder / "products" / "products.csv").write_text("product_id,product_name,aisle_id,department_id\n")
    assert watch.tick() == []


def test_only_the_dates_that_a_failed_run_did_not_make_go_again(watch: Watch):
    """As when files of some dates of a range cannot be read: the run makes the others, and fails."""
    land(watch.folder, *(f"2025-01-0{number}" for number in range(1, 8)))
    watch.tick(Status.FAILURE)
    run(watch.instance, "ingest", INGESTED, "2025-01-01", "2025-01-02")
    run(watch.instance, "ingest", INGESTED, "2025-01-04", "2025-01-05")
    run(watch.instance, "ingest", INGESTED, "2025-01-07")
    watch.tick()
    assert "Failed: 2025-01-03, 2025-01-06;" in watch.said
    land(watch.folder, "2025-01-03", orders=ORDERS + "2,2,3\n")
    assert watch.tick() == [span("2025-01-03"), span("2025-01-06")]
    assert watch.tick() == []


def test_a_change_is_not_forgotten_when_its_run_ends_before_it_starts(watch: Watch):
    """As when it is cancelled in the queue, or its process cannot be launched."""
    land(watch.folder, "2025-01-01")
    watch.tick()
    run(watch.instance, "ingest", INGESTED, "2025-01-01")
    land(watch.folder, "2025-01-01", orders=ORDERS + "2,2,3\n")
    assert watch.tick(Status.NOT_STARTED) == [span("2025-01-01")]
    (queued,) = watch.instance.get_runs(dg.RunsFilter(statuses=[Status.NOT_STARTED]))
    watch.instance.report_run_failed(queued, "It was never launched.")
    watch.tick()
    assert "Failed: 2025-01-01;" in watch.said


def test_what_a_run_made_counts_after_its_re_execution_too(watch: Watch):
    land(watch.folder, *(f"2025-01-0{number}" for number in range(1, 6)))
    result = watch.look(watch.cursor)
    watch.cursor = result.cursor
    # Dagster gives a re-execution the tags of its run.
    (request,) = list(result.run_requests or ())
    tags = {"dagster/run_key": request.run_key or ""}
    run(watch.instance, "ingest", INGESTED, "2025-01-03", failing=INGESTED, tags=tags)
    run(watch.instance, "ingest", INGESTED, "2025-01-01", "2025-01-02")
    run(watch.instance, "ingest", INGESTED, "2025-01-04", "2025-01-05")
    run(watch.instance, "ingest", INGESTED, "2025-01-03", failing=INGESTED, tags=tags)
    watch.tick()
    assert "Failed: 2025-01-03;" in watch.said


def test_a_date_that_a_failed_run_made_runs_again_when_its_files_change(watch: Watch):
    land(watch.folder, "2025-01-01", "2025-01-02")
    watch.tick(Status.FAILURE)
    run(watch.instance, "ingest", INGESTED, "2025-01-01")
    land(watch.folder, "2025-01-01", orders=ORDERS + "2,2,3\n")
    assert watch.tick() == [span("2025-01-01")]
    watch.tick()
    assert "Failed: 2025-01-02;" in watch.said


def test_a_range_whose_run_was_never_created_is_asked_for_again(watch: Watch):
    """As when the sensor is switched off in the middle of a tick."""
    land(watch.folder, "2025-01-01", "2025-01-05")
    watch.cursor = watch.look(None).cursor
    assert watch.tick() == [span("2025-01-01"), span("2025-01-05")]
    assert watch.tick() == []


DAY = st.integers(0, 14)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("land"), DAY, st.integers(0, 2)),
        st.tuples(st.just("half"), DAY, st.just(0)),
        st.tuples(st.just("remove"), DAY, st.just(0)),
        st.tuples(st.just("tick"), st.sampled_from([Status.SUCCESS, Status.FAILURE, Status.STARTED]), st.just(0)),
        st.tuples(st.just("lose"), st.just(0), st.just(0)),
        st.tuples(st.just("end"), st.sampled_from([Status.SUCCESS, Status.FAILURE]), st.just(0)),
    ),
    max_size=30,
)


@given(STEPS)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_the_files_of_every_date_are_run_in_the_end(tmp_path_factory: pytest.TempPathFactory, steps):
    """Runs succeed or fail, ticks are lost, files come and go. Then everything is fixed and all runs succeed."""
    with dg.DagsterInstance.ephemeral() as instance:
        watch = Watch(tmp_path_factory.mktemp("shop"), instance, most_ranges=3)
        size = dict.fromkeys(range(15), 1)
        run_with: dict[date, int] = {}
        under_way: list[dict[date, int]] = []

        def landed() -> dict[date, int]:
            return {MONDAY + timedelta(days=number): size[number] for number in size if whole(number)}

        def present(number: int) -> int:
            folder = f"order_date={MONDAY + timedelta(days=number)}"
            return sum((watch.folder / table / folder).exists() for table in ("orders", "order_items"))

        def whole(number: int) -> bool:
            return present(number) == 2

        def half(number: int) -> bool:
            return present(number) == 1

        def ended(ending: Status) -> None:
            for content in under_way:
                run_with.update(content if ending is Status.SUCCESS else {})
            under_way.clear()
            watch.end(ending)

        def tick(ending: Status) -> list[DateRange]:
            busy = {day for content in under_way for day in content}
            contents = landed()
            ranges = watch.tick(ending)
            days = [day for one in ranges for day in one]
            assert len(days) == len(set(days))
            assert len(ranges) <= 3 or any(half(number) for number in size)
            assert not busy & set(days)
            asked = [{day: contents[day] for day in one if day in contents} for one in ranges]
            assert all(one.first in contents and one.last in contents for one in ranges)
            if ending is Status.SUCCESS:
                for content in asked:
                    run_with.update(content)
            elif ending is Status.STARTED:
                under_way.extend(asked)
            return ranges

        for what, which, content in steps:
            if what == "land":
                size[which] = content + 1
                land(watch.folder, str(MONDAY + timedelta(days=which)), orders=ORDERS + "2,2,3\n" * content)
            elif what in ("half", "remove") and whole(which):
                gone = ("orders",) if what == "half" else ("orders", "order_items")
                unland(watch.folder, str(MONDAY + timedelta(days=which)), gone)
            elif what == "tick":
                tick(which)
            elif what == "lose":
                watch.look(watch.cursor)
            elif what == "end":
                ended(which)
        ended(Status.SUCCESS)
        (watch.folder / "products").mkdir(parents=True)
        (watch.folder / "products" / "products.csv").write_text("product_id\n")
        ticks = 0
        while tick(Status.SUCCESS) or read_cursor(watch.cursor).requests:
            ticks += 1
            assert ticks < 20
        assert {day: run_with.get(day) for day in landed()} == landed()
        assert read_cursor(watch.cursor).requests == ()


def ingest(shop: Shop, instance: dg.DagsterInstance, request: dg.RunRequest) -> bool:
    """Execute the real job for what the sensor asked for."""
    job = build_definitions(shop.settings).resolve_job_def("ingest")
    return job.execute_in_process(
        instance=instance,
        tags={**request.tags, "dagster/run_key": request.run_key or ""},
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        raise_on_error=False,
    ).success


def test_one_bad_file_stops_its_date_alone_and_mending_it_brings_that_date(watch: Watch):
    shop = shop_at(watch.folder.parent)
    days = land_sample(watch.folder, end=date(2025, 1, 31), customers=20, days=4)
    bad = watch.folder / "orders" / f"order_date={days.first}" / "orders.csv"
    good = bad.read_text()
    bad.write_text("nonsense\n1\n")
    result = watch.look(None)
    (request,) = list(result.run_requests or ())
    assert span_of(request) == days
    assert not ingest(shop, watch.instance, request)
    made = set(shop.rows(bronze.ORDERS)["order_date"])
    assert made
    assert days.first not in made
    watch.cursor = result.cursor
    assert watch.tick() == []
    bad.write_text(good)
    result = watch.look(watch.cursor)
    (request,) = list(result.run_requests or ())
    assert span_of(request) == DateRange(days.first, days.first)
    assert ingest(shop, watch.instance, request)
    assert shop.rows(bronze.ORDERS)["order_date"].min() == days.first
    watch.cursor = result.cursor
    assert watch.tick() == []
    assert read_cursor(watch.cursor).requests == ()

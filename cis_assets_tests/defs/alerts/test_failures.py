"""A line for each failed run, in the log and in a chat."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from cis_assets.catalog import gold, silver
from cis_assets.definitions import build_definitions, defs
from cis_assets.defs.alerts import build
from cis_assets.settings import read_settings
from cis_assets_tests.defs.alerts.chat import Chat, chat_server
from cis_assets_tests.defs.pipeline import land_sample, shop_at
from cis_assets_tests.defs.stub_runs import GOLD, SILVER, note_run, run, stub_job

DAY = "2025-10-31"


class Watch:
    """A sensor of runs with the cursor of its last tick, from before the first failure on."""

    def __init__(self, instance: dg.DagsterInstance, said: pytest.CaptureFixture[str], sensor: str) -> None:
        self.instance = instance
        self.sensor = sensor
        self._said = said
        self._cursor: str | None = None
        # A tick without a cursor notes where the event log ends, and looks no further.
        run(instance, "earlier", SILVER, DAY, failing=SILVER)
        run(instance, "earlier", SILVER, DAY)
        self.tick()

    def tick(self) -> list[str]:
        """What a tick of the daemon logs, a line each."""
        self._said.readouterr()
        context = dg.build_sensor_context(
            instance=self.instance, cursor=self._cursor, repository_def=defs.get_repository_def()
        )
        sensors = {sensor.name: sensor for sensor in build(read_settings()).sensors or []}
        result = sensors[self.sensor].evaluate_tick(context)
        self._cursor = result.cursor
        assert [reaction.error for reaction in result.dagster_run_reactions or [] if reaction.error] == []
        return [line.split(" - dagster - ")[1] for line in self._said.readouterr().err.splitlines()]


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def watch(instance: dg.DagsterInstance, capfd: pytest.CaptureFixture[str]) -> Watch:
    return Watch(instance, capfd, "failure_sensor")


@pytest.fixture
def check_watch(instance: dg.DagsterInstance, capfd: pytest.CaptureFixture[str]) -> Watch:
    return Watch(instance, capfd, "check_sensor")


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[Chat]:
    with chat_server() as chat:
        monkeypatch.setenv("CIS_FAILURE_WEBHOOK_URL", chat.url)
        yield chat


def test_a_failed_run_of_a_day_is_a_line_with_job_day_asset_sentence_and_run(watch: Watch):
    failed = run(watch.instance, "daily_gold", GOLD, DAY, failing=[gold.CUSTOMER_SEGMENTS])
    assert watch.tick() == [
        f"ERROR - daily_gold failed for {DAY}: gold/customer_segments: "
        f"gold/customer_segments refuses. (run {failed.run_id})"
    ]
    assert watch.tick() == []


def test_a_range_is_named_by_its_ends_and_a_run_that_succeeds_is_not_mentioned(watch: Watch):
    run(watch.instance, "ingest", SILVER, "2025-10-01", "2025-10-14")
    run(watch.instance, "ingest", SILVER, "2025-10-01", "2025-10-14", failing=[silver.ORDERS])
    (line,) = watch.tick()
    assert line.startswith("ERROR - ingest failed for 2025-10-01 to 2025-10-14: silver/orders: silver/orders refuses")


def test_several_failed_steps_are_still_one_line(watch: Watch):
    run(watch.instance, "daily_gold", GOLD, DAY, failing=[gold.CUSTOMER_SEGMENTS, gold.NOTIFICATIONS])
    (line,) = watch.tick()
    assert "gold/customer_segments: gold/customer_segments refuses.; gold/notifications: gold/" in line


def test_assets_chosen_by_hand_are_watched_too(watch: Watch):
    @dg.asset(key=["gold", "by_hand"])
    def by_hand() -> None:
        raise ValueError("not today")

    dg.materialize([by_hand], instance=watch.instance, raise_on_error=False)
    (line,) = watch.tick()
    assert line.startswith("ERROR - materialization failed: gold/by_hand: not today (run ")


def test_the_sentence_is_that_of_the_asset_on_one_line_and_without_signatures(watch: Watch):
    @dg.asset
    def deep() -> None:
        try:
            raise OSError("what the library said")
        except OSError as error:
            raise RuntimeError("https://a.blob/x?sv=1&sig=T0KEN is\ndenied") from error

    dg.materialize([deep], instance=watch.instance, raise_on_error=False)
    (line,) = watch.tick()
    assert line.startswith("ERROR - materialization failed: deep: https://a.blob/x is (run ")


def test_an_endless_message_is_cut(watch: Watch):
    @dg.asset
    def talkative() -> None:
        raise ValueError("x" * 5000)

    dg.materialize([talkative], instance=watch.instance, raise_on_error=False)
    (line,) = watch.tick()
    assert len(line) < 700


def test_every_table_of_the_step_that_met_a_bad_file_is_named_with_the_file(watch: Watch, tmp_path: Path):
    shop = shop_at(tmp_path)
    days = land_sample(tmp_path / "landing", end=date(2025, 10, 31), customers=20, days=2)
    (tmp_path / "landing" / "orders" / f"order_date={days.last}" / "orders.csv").write_text("nonsense\n1\n")
    job = build_definitions(shop.settings).resolve_job_def("ingest")
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    tags = {"dagster/partition": str(days.last)}
    job.execute_in_process(instance=watch.instance, tags=tags, run_config=quiet, raise_on_error=False)
    (line,) = watch.tick()
    assert line.startswith(
        f"ERROR - ingest failed for {days.last}: bronze/landed_files, bronze/order_items, bronze/orders, bronze/rejected_rows: "
        f"Nothing was written to bronze/orders. {days.last}: Landing file orders/order_date={days.last}/orders.csv "
    )


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (None, "Run execution process unexpectedly exited with exit code -9."),
        ("Exceeded maximum runtime of 21600 seconds.", "Exceeded maximum runtime of 21600 seconds."),
    ],
)
def test_a_run_that_ends_without_the_error_of_a_step_says_what_ended_it(watch: Watch, said: str | None, expected: str):
    killed = note_run(watch.instance, stub_job("ingest", SILVER), dg.DagsterRunStatus.STARTED, {})
    watch.instance.report_engine_event("Run execution process unexpectedly exited with exit code -9.", killed)
    watch.instance.report_run_failed(killed, said)
    assert watch.tick() == [f"ERROR - ingest failed: {expected} (run {killed.run_id})"]


def test_the_line_is_posted_to_the_webhook(watch: Watch, chat: Chat):
    run(watch.instance, "ingest", SILVER, DAY, failing=[silver.ORDERS])
    (line,) = watch.tick()
    (post,) = chat.posts
    assert post == {
        "path": "/services/secret-token",
        "type": "application/json",
        "body": {"text": line.removeprefix("ERROR - ")},
    }


@pytest.mark.parametrize("status", [500, 404, 302])
def test_a_webhook_that_fails_hides_nothing_and_is_not_asked_again(watch: Watch, chat: Chat, status: int):
    chat.status = status
    run(watch.instance, "ingest", SILVER, DAY, failing=[silver.ORDERS])
    failure, warning = watch.tick()
    assert failure.startswith("ERROR - ingest failed")
    assert warning == (
        f"WARNING - This failure was not posted to CIS_FAILURE_WEBHOOK_URL: the webhook answered with HTTP status {status}."
    )
    assert watch.tick() == []
    assert len(chat.posts) == 1


@pytest.mark.parametrize("name", ["slack", "teams", "generic"])
def test_the_format_of_the_settings_is_posted(watch: Watch, chat: Chat, monkeypatch: pytest.MonkeyPatch, name: str):
    chat.posts_only_cards = name == "teams"
    monkeypatch.setenv("CIS_ALERT_FORMAT", name)
    run(watch.instance, "ingest", SILVER, DAY, failing=[silver.ORDERS])
    (line,) = watch.tick()
    (body,) = chat.channel
    assert line.removeprefix("ERROR - ") in json.dumps(body)


def test_invisible_and_control_characters_of_an_error_are_not_passed_on(watch: Watch):
    @dg.asset
    def tricky() -> None:
        raise ValueError("name \u202egnp\u200b \x1b[31mred")

    dg.materialize([tricky], instance=watch.instance, raise_on_error=False)
    (line,) = watch.tick()
    assert "tricky: name \ufffdgnp\ufffd \ufffd[31mred (run" in line


def run_with_checks(instance: dg.DagsterInstance, *found: tuple[str, bool, dg.AssetCheckSeverity]) -> str:
    """Run an asset with these checks; the id of the run."""

    @dg.asset(
        key=["silver", "offers"],
        check_specs=[dg.AssetCheckSpec(name, asset=["silver", "offers"]) for name, *_ in found],
    )
    def offers():
        yield dg.Output(None)
        for name, passed, severity in found:
            yield dg.AssetCheckResult(
                passed=passed, check_name=name, severity=severity, description=f"{name}?sig=1\nis bad"
            )

    return dg.materialize([offers], instance=instance).run_id


def test_a_run_that_succeeds_though_a_check_of_severity_error_failed_is_reported(check_watch: Watch, chat: Chat):
    error, warn = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN
    run_id = run_with_checks(check_watch.instance, ("a", False, error), ("b", True, error), ("c", False, warn))
    line = f"materialization succeeded, but checks failed: silver/offers: a: a?sig=1 is bad (run {run_id})"
    assert check_watch.tick() == [f"ERROR - {line}"]
    assert check_watch.tick() == []
    assert chat.channel == [{"text": line}]


def test_warnings_of_checks_are_not_reported(check_watch: Watch):
    run_with_checks(check_watch.instance, ("a", False, dg.AssetCheckSeverity.WARN))
    assert check_watch.tick() == []


def test_a_failed_run_is_reported_by_the_failure_sensor_alone(check_watch: Watch):
    run(check_watch.instance, "ingest", SILVER, DAY, failing=[silver.ORDERS])
    assert check_watch.tick() == []

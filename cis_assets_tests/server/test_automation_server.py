"""Sensors and backfills under the real web server and daemon, on files that arrive while they run."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cis_assets_tests.defs.alerts.chat import Chat, chat_server
from cis_assets_tests.server.dagster_server import (
    CIS,
    DAY_ASSETS,
    FEATURES,
    QUALITY_ASSETS,
    SILVER_ASSETS,
    Server,
    running_server,
    wait_for,
)

pytestmark = pytest.mark.server

BACKFILLED = 60


@dataclass(frozen=True)
class Shop:
    """A folder to start `cis` in, whose files have not landed yet: each date lands when it is told to."""

    folder: Path
    days: list[str]

    def land(self, *days: str) -> None:
        for day in days:
            for table in ("order_items", "orders"):
                shutil.move(self._waiting / table / f"order_date={day}", self._landing / table / f"order_date={day}")

    def land_late_order(self, day: str) -> None:
        for table, columns, line in (
            ("order_items", "order_id,product_id,add_to_cart_order", "999999,1,1"),
            ("orders", "order_id,customer_id,order_hour", "999999,1,12"),
        ):
            (self._landing / table / f"order_date={day}" / "late.csv").write_text(f"{columns}\n{line}\n")

    def spoil(self, day: str) -> None:
        """Give most order lines of a date a field too many."""
        for file in (self._landing / "order_items" / f"order_date={day}").iterdir():
            header, *rows = file.read_text().splitlines()
            file.write_text("\n".join([header, *(f"{row},?" for row in rows)]) + "\n")

    def hold_back(self) -> None:
        """Move all dates out of landing."""
        for table in ("order_items", "orders"):
            (self._waiting / table).mkdir(parents=True)
            for day in self.days:
                shutil.move(self._landing / table / f"order_date={day}", self._waiting / table)

    @property
    def _landing(self) -> Path:
        return self.folder / ".cis" / "landing"

    @property
    def _waiting(self) -> Path:
        return self.folder / "waiting"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    folder = tmp_path_factory.mktemp("automation")
    command = ["land", "sample", "--customers", "200", "--days", str(BACKFILLED), "--end", "2025-10-31"]
    subprocess.run([CIS, *command], cwd=folder, check=True, capture_output=True)
    orders = folder / ".cis" / "landing" / "orders"
    shop = Shop(folder, sorted(path.name.removeprefix("order_date=") for path in orders.iterdir()))
    assert len(shop.days) == BACKFILLED
    shop.hold_back()
    return shop


@pytest.fixture(scope="module")
def chat() -> Iterator[Chat]:
    with chat_server() as chat:
        yield chat


@pytest.fixture(scope="module")
def server(shop: Shop, chat: Chat) -> Iterator[Server]:
    with running_server(shop.folder, CIS_FAILURE_WEBHOOK_URL=chat.url) as running:
        yield running


def test_the_landing_sensor_runs_what_landed_then_exactly_what_is_new_or_changed(server: Server, shop: Shop):
    known, new, changed = shop.days[10:16], [shop.days[18], shop.days[19]], shop.days[12]
    shop.land(*known)
    server.switch("landing_sensor", on=True)
    server.switch("failure_sensor", on=True)
    wait_for(lambda: server.materializations("silver", "orders") == known or None)
    shop.land(*new)
    shop.land_late_order(changed)
    after = sorted([*known, *new, changed])
    wait_for(lambda: len(server.materializations("silver", "orders")) >= len(after) or None)
    wait_for(lambda: all(run["status"] == "SUCCESS" for run in asked_for(server)) or None)
    assert server.materializations("silver", "orders") == after
    assert server.materializations("bronze", "orders") == after
    assert server.materialized("silver", "orders") == len(known) + len(new)


def asked_for(server: Server) -> list[dict]:
    return server.runs(**{"dagster/sensor_name": "landing_sensor"})


def test_sixty_days_are_backfilled_in_one_run(server: Server, shop: Shop):
    found = len(asked_for(server))
    server.switch("landing_sensor", on=False)
    shop.land(*(day for day in shop.days if (shop.folder / "waiting" / "orders" / f"order_date={day}").exists()))
    ended = server.backfill([*DAY_ASSETS, *SILVER_ASSETS, *QUALITY_ASSETS], shop.days)
    assert ended == ("COMPLETED_SUCCESS", ["SUCCESS"])
    assert server.materialized("silver", "orders") == BACKFILLED
    # The ticks that came after its runs had ended have asked for nothing more.
    assert len(asked_for(server)) == found


def test_a_day_with_a_blocking_failure_stops_its_own_gold_and_no_other_days(server: Server, shop: Shop):
    before, bad, after = shop.days[-3:]
    shop.spoil(bad)
    # To Dagster the backfill is complete, as every date came to silver; its run says what is wrong.
    _, runs = server.backfill([*DAY_ASSETS, *SILVER_ASSETS, *QUALITY_ASSETS], [before, bad, after])
    assert runs == ["FAILURE"]
    assert server.partition_stats("silver", "orders") == {"numMaterialized": BACKFILLED, "numFailed": 0}
    found = server.check("quality", "date_checks", "few_rows_are_rejected")
    assert not found["success"]
    assert found["severity"] == "ERROR"
    assert found["shown"]["dates_quarantined"] == 1
    assert found["shown"]["counts"][0]["order_date"] == bad
    assert len(found["shown"]["first_offenders"]) == 10

    ended = server.backfill(FEATURES, [before, bad, after])
    assert ended == ("COMPLETED_FAILED", ["FAILURE"])
    assert server.materializations("gold", "customer_features") == [before, after]
    assert server.partition_stats("gold", "customer_features") == {"numMaterialized": 2, "numFailed": 1}


def test_a_failed_run_is_a_line_in_the_log_and_in_the_chat(server: Server, chat: Chat):
    run_id = server.launch("ingest", "2024-02-29")
    assert server.wait_for_run(run_id) == "FAILURE"
    line = wait_for(lambda: next((line for line in lines_in(chat) if run_id in line), None))
    assert line.startswith(
        "ingest failed for 2024-02-29: bronze/landed_files, bronze/order_items, bronze/orders, bronze/rejected_rows: "
        "Landing folder orders/order_date=2024-02-29 is empty or absent"
    )
    assert line.endswith(f"(run {run_id})")
    log = server.log.read_text()
    assert line in log
    assert "secret-token" not in log


def lines_in(chat: Chat) -> list[str]:
    return [post["body"]["text"] for post in chat.posts]

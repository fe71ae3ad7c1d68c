"""Faults of the store at every kind of request: a write ends with the new rows, or fails in words with the old ones.

Each test leads the platform through a proxy that fails what the test says, and then looks at the table without it. The
outcomes are those that docs/architecture.md promises.
"""

import contextlib
import itertools
import re
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta

import dagster as dg
import polars as pl
import pytest
from deltalake import DeltaTable

from cis_assets.dates import DateRange
from cis_assets.defs.partitions import ONE_RUN
from cis_assets.errors import OperatorError
from cis_assets.lake import write_path
from cis_assets.lake.io_manager import LakeIOManager
from cis_assets.lake.lake import Lake
from cis_assets.lake.resource import LakeResource
from cis_assets.lake.write_path import UnsettledCommitError
from cis_assets.settings import read_settings, settings
from cis_assets_tests.azure.conftest import KEY
from cis_assets_tests.azure.fault_proxy import FaultProxy, Kind, Operation
from cis_assets_tests.lake.writer_process import ORDERS, Writer, content, stored_versions, writer_processes
from cis_assets_tests.partitions import ORDER_DATES

pytestmark = pytest.mark.azure

OLD_DAYS = DateRange(date(2026, 1, 1), date(2026, 1, 3))
NEW_DAY = date(2026, 1, 4)
OLD = dict.fromkeys(OLD_DAYS, 1)
NEW = {**OLD, NEW_DAY: 2}
RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")

REFUSED = [Kind.FORBIDDEN, Kind.THROTTLED, Kind.SERVER_ERROR, Kind.UNAVAILABLE]
UNDONE = [*REFUSED, Kind.RESET, Kind.HANG]
# What the store does although its client is told otherwise; of a read, that is the same as not to do it.
DONE_UNHEARD = [Kind.LOST_ANSWER, Kind.FALSE_ERROR]
_BROKEN_CONNECTION = "(?i)connection reset|error sending request"
# What an error must say of a fault; the status if nothing else.
SAID = {
    Kind.FORBIDDEN: "denies",
    Kind.RESET: _BROKEN_CONNECTION,
    Kind.LOST_ANSWER: _BROKEN_CONNECTION,
    Kind.OUTAGE: _BROKEN_CONNECTION,
    Kind.FALSE_ERROR: "500",
    Kind.HANG: "timed out|error sending request",
    Kind.LATE: "timed out|error sending request",
}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give up on a failing store after seconds rather than minutes, all times being a tenth of the usual."""
    monkeypatch.setenv("CIS_STORE_TIMEOUT_SECONDS", "1")
    monkeypatch.setenv("CIS_STORE_RETRY_SECONDS", "1.5")
    monkeypatch.setattr(write_path, "_PAUSES", (0.05, 0.1))
    monkeypatch.setattr(write_path, "_SOON_SECONDS", 1.5)
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture
def _patient(_impatient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a fault to pass as long as it takes, also on a machine that is slow."""
    monkeypatch.setenv("CIS_STORE_RETRY_SECONDS", "15")
    monkeypatch.setattr(write_path, "_SOON_SECONDS", 15.0)
    settings.cache_clear()


@pytest.fixture
def lake_uri(azure_uri: str) -> str:
    """A lake whose orders hold three days."""
    uri = f"{azure_uri}/{uuid.uuid4().hex}"
    write(uri, OLD_DAYS, 1)
    assert stored_versions(uri) == OLD
    return uri


@pytest.fixture
def through_proxy(fault_proxy: FaultProxy) -> Callable:
    """A context in which the platform reaches the store through the proxy alone."""

    @contextlib.contextmanager
    def through() -> Iterator[FaultProxy]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AZURE_STORAGE_ENDPOINT", fault_proxy.endpoint)
            yield fault_proxy

    return through


def write(
    lake_uri: str,
    days: DateRange,
    version: int,
    mode: str = "replace",
    retry: Callable | None = None,
    also: Sequence[dg.AssetsDefinition] = (),
) -> None:
    """Materialize a version of some days; `retry` is called when Dagster tries the step again."""

    @dg.asset(
        key=["silver", "orders"],
        partitions_def=ORDER_DATES,
        backfill_policy=ONE_RUN,
        metadata={"partition_expr": "order_date", "lake_mode": mode},
        retry_policy=dg.RetryPolicy(max_retries=1) if retry else None,
    )
    def orders(context: dg.AssetExecutionContext) -> pl.DataFrame:
        if retry and context.retry_number:
            retry()
        return content(days, version)

    dg.materialize(
        [orders, *also],
        resources={"io_manager": LakeIOManager(lake=LakeResource.from_settings(read_settings(lake_uri=lake_uri)))},
        tags=dict(zip(RANGE, (days.first.isoformat(), days.last.isoformat()), strict=True)),
        instance=dg.DagsterInstance.ephemeral(),
    )


def write_new_day(lake_uri: str, mode: str = "replace", retry: Callable | None = None) -> None:
    write(lake_uri, DateRange(NEW_DAY, NEW_DAY), 2, mode, retry)


def assert_clear(error: BaseException, kind: Kind) -> None:
    """A sentence for the operator: it names the table and what happened, and gives nothing away."""
    assert isinstance(error, OperatorError)
    words = str(error)
    assert "silver/orders" in words
    assert re.search(SAID.get(kind, kind.value), words)
    assert words.endswith(".")
    assert not re.search(r"[\n\x1b<]", words), "There are raw parts of the store's answer in it."
    assert KEY not in words


def combined(*operations: Operation, kinds: Sequence[Kind]) -> list[tuple[Operation, Kind]]:
    return list(itertools.product(operations, kinds))


@pytest.mark.usefixtures("_patient")
@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        *combined(Operation.LIST, Operation.LOG_READ, kinds=UNDONE[1:]),
        *combined(Operation.DATA_WRITE, Operation.LOG_WRITE, kinds=[*UNDONE[1:], *DONE_UNHEARD, Kind.LATE]),
    ],
)
def test_a_passing_fault_is_survived(
    lake_uri: str, through_proxy: Callable, operation: Operation, kind: Kind, times: int
):
    with through_proxy() as proxy, proxy.failing(operation, kind, times):
        write_new_day(lake_uri)
        # A commit that landed is found after one lost answer and not sent again.
        assert proxy.hits() == (1 if (operation, kind) == (Operation.LOG_WRITE, Kind.LOST_ANSWER) else times)
    assert stored_versions(lake_uri) == NEW


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        *combined(Operation.LIST, Operation.LOG_READ, Operation.LOG_WRITE, kinds=UNDONE),
        *combined(Operation.DATA_WRITE, kinds=[*UNDONE, *DONE_UNHEARD]),
    ],
)
def test_a_fault_that_stays_fails_in_words_with_the_old_rows_and_the_next_run_heals(
    lake_uri: str, through_proxy: Callable, operation: Operation, kind: Kind
):
    with (
        through_proxy() as proxy,
        proxy.failing(operation, kind),
        pytest.raises(OperatorError, match="silver/orders") as failure,
    ):
        write_new_day(lake_uri)
    assert proxy.hits() > 0
    assert_clear(failure.value, kind)
    assert stored_versions(lake_uri) == OLD
    write_new_day(lake_uri)
    assert stored_versions(lake_uri) == NEW


@pytest.mark.parametrize("kind", DONE_UNHEARD)
def test_a_commit_whose_answer_is_always_lost_is_found_in_the_log(lake_uri: str, through_proxy: Callable, kind: Kind):
    before = version_of(lake_uri)
    with through_proxy() as proxy, proxy.failing(Operation.LOG_WRITE, kind):
        write_new_day(lake_uri)
        assert proxy.hits() > 0
    assert stored_versions(lake_uri) == NEW
    assert version_of(lake_uri) == before + 1


def test_a_commit_after_which_the_store_falls_silent_is_reported_as_unclear(lake_uri: str, through_proxy: Callable):
    with (
        through_proxy() as proxy,
        proxy.failing(Operation.LOG_WRITE, Kind.OUTAGE),
        pytest.raises(UnsettledCommitError, match="all old rows or all new rows") as failure,
    ):
        write_new_day(lake_uri)
    assert_clear(failure.value, Kind.OUTAGE)
    assert stored_versions(lake_uri) == NEW
    write_new_day(lake_uri)
    assert stored_versions(lake_uri) == NEW


def test_commits_that_land_after_the_run_gave_up_leave_whole_rows(lake_uri: str, through_proxy: Callable):
    with through_proxy() as proxy, proxy.failing(Operation.LOG_WRITE, Kind.LATE):
        try:
            write_new_day(lake_uri)
        except OperatorError as error:
            assert_clear(error, Kind.LATE)
        assert proxy.hits() > 0
    assert stored_versions(lake_uri) == NEW
    write_new_day(lake_uri)
    assert stored_versions(lake_uri) == NEW


@pytest.mark.parametrize("kind", [Kind.FORBIDDEN, Kind.UNAVAILABLE, Kind.HANG])
def test_a_checkpoint_that_cannot_be_written_costs_no_commit(lake_uri: str, through_proxy: Callable, kind: Kind):
    interval = int(ORDERS.properties["delta.checkpointInterval"])
    # The commit that makes a multiple of the interval is followed by a checkpoint; versions count from 0.
    while version_of(lake_uri) % interval != interval - 2:
        write(lake_uri, OLD_DAYS, 1)
    before = version_of(lake_uri)
    with through_proxy() as proxy, proxy.failing(Operation.CHECKPOINT_WRITE, kind):
        write_new_day(lake_uri)
        assert proxy.hits() > 0
    assert stored_versions(lake_uri) == NEW
    assert version_of(lake_uri) == before + 1
    write(lake_uri, OLD_DAYS, 1)
    assert stored_versions(lake_uri) == NEW


def test_a_range_is_replaced_and_read_as_a_whole(lake_uri: str):
    seen: dict[date, int] = {}

    @dg.asset(
        key=["silver", "reader"],
        partitions_def=ORDER_DATES,
        backfill_policy=ONE_RUN,
        ins={"orders": dg.AssetIn(["silver", "orders"])},
    )
    def reader(orders: pl.LazyFrame) -> None:
        seen.update(orders.group_by("order_date").agg(pl.col("customer_id").unique().item()).collect().iter_rows())

    write(lake_uri, DateRange(NEW_DAY, NEW_DAY), 2)
    days = DateRange(OLD_DAYS.first, OLD_DAYS.last - timedelta(days=1))
    write(lake_uri, days, 3, also=[reader])
    assert seen == dict.fromkeys(days, 3)
    assert stored_versions(lake_uri) == {**NEW, **seen}


READS = [Operation.LIST, Operation.LOG_READ, Operation.DATA_READ]


@pytest.mark.usefixtures("_patient")
@pytest.mark.parametrize(("operation", "kind"), combined(*READS, kinds=[Kind.UNAVAILABLE, Kind.RESET, Kind.HANG]))
def test_a_read_survives_a_passing_fault(lake_uri: str, through_proxy: Callable, operation: Operation, kind: Kind):
    with through_proxy() as proxy, proxy.failing(operation, kind, times=2):
        assert stored_versions(lake_uri) == OLD
        assert proxy.hits() == 2


@pytest.mark.parametrize(
    ("operation", "kind"), combined(*READS, kinds=[Kind.FORBIDDEN, Kind.UNAVAILABLE, Kind.RESET, Kind.HANG])
)
def test_a_read_fails_under_a_fault_that_stays_and_never_gives_fewer_rows(
    lake_uri: str, through_proxy: Callable, operation: Operation, kind: Kind
):
    with through_proxy() as proxy, proxy.failing(operation, kind), pytest.raises((OperatorError, OSError)):
        stored_versions(lake_uri)
    assert proxy.hits() > 0


@pytest.mark.parametrize("times", [1, None], ids=["passing", "staying"])
@pytest.mark.parametrize("kind", [Kind.UNAVAILABLE, Kind.RESET, *DONE_UNHEARD, Kind.HANG, Kind.LATE])
def test_an_append_adds_each_row_exactly_once(lake_uri: str, through_proxy: Callable, kind: Kind, times: int | None):
    with through_proxy() as proxy, proxy.failing(Operation.LOG_WRITE, kind, times):
        try:
            write_new_day(lake_uri, "append")
        except OperatorError as error:
            assert times is None
            assert kind not in DONE_UNHEARD
            assert_clear(error, kind)
        assert proxy.hits() > 0
    assert stored_versions(lake_uri) in ([NEW] if times or kind in [*DONE_UNHEARD, Kind.LATE] else [OLD])
    write_new_day(lake_uri, "append")
    assert stored_versions(lake_uri) == NEW


def test_an_append_that_dagster_retries_adds_each_row_exactly_once(lake_uri: str, through_proxy: Callable):
    """The commit lands, and the store is silent for so long that the step fails; it is back for Dagster's retry."""
    found_by_retry = []

    def store_is_back() -> None:
        proxy.heal()
        found_by_retry.append(stored_versions(lake_uri))

    before = version_of(lake_uri)
    with through_proxy() as proxy, proxy.failing(Operation.LOG_WRITE, Kind.OUTAGE):
        write_new_day(lake_uri, "append", store_is_back)
    assert found_by_retry == [NEW]
    assert stored_versions(lake_uri) == NEW
    assert version_of(lake_uri) == before + 1


def test_a_table_that_another_process_makes_meanwhile_keeps_its_rows(
    azure_uri: str, fault_proxy: FaultProxy, through_proxy: Callable, monkeypatch: pytest.MonkeyPatch
):
    """One process is about to make the table when another one makes it and fills a day of it."""
    monkeypatch.delenv("CIS_STORE_TIMEOUT_SECONDS")
    lake_uri = f"{azure_uri}/{uuid.uuid4().hex}"
    slow_day = OLD_DAYS.first
    with writer_processes() as writers:
        with fault_proxy.failing(Operation.LOG_WRITE, Kind.SLOW, times=1):
            with through_proxy():
                writers.begin(lake_uri, Writer.of(DateRange(slow_day, slow_day), range(1, 2)))
            deadline = time.monotonic() + 30
            while not fault_proxy.hits() and time.monotonic() < deadline:
                time.sleep(0.01)
            assert fault_proxy.hits() == 1
            write_new_day(lake_uri)
        (end,) = writers.ends()
    assert end.code == 0, end.said
    assert stored_versions(lake_uri) == {slow_day: 1, NEW_DAY: 2}


@pytest.mark.parametrize("kind", [Kind.UNAVAILABLE, Kind.RESET, *DONE_UNHEARD])
def test_a_passing_fault_while_a_table_is_made_is_survived(azure_uri: str, through_proxy: Callable, kind: Kind):
    lake_uri = f"{azure_uri}/{uuid.uuid4().hex}"
    with through_proxy() as proxy, proxy.failing(Operation.LOG_WRITE, kind, times=1):
        write_new_day(lake_uri)
        assert proxy.hits() == 1
    assert stored_versions(lake_uri) == {NEW_DAY: 2}


@pytest.mark.parametrize("kind", [Kind.UNAVAILABLE, Kind.RESET, *DONE_UNHEARD, Kind.HANG])
def test_a_fault_that_stays_while_a_table_is_made_is_healed_by_the_next_run(
    azure_uri: str, through_proxy: Callable, kind: Kind
):
    lake_uri = f"{azure_uri}/{uuid.uuid4().hex}"
    with through_proxy() as proxy:
        for operation in (Operation.LIST, Operation.LOG_WRITE):
            with proxy.failing(operation, kind):
                with contextlib.suppress(OperatorError):
                    write_new_day(lake_uri)
                assert proxy.hits() > 0
    write_new_day(lake_uri)
    assert stored_versions(lake_uri) == {NEW_DAY: 2}


def version_of(lake_uri: str) -> int:
    location = Lake(lake_uri).location(ORDERS)
    return DeltaTable(location.uri, storage_options=dict(location.storage_options)).version()

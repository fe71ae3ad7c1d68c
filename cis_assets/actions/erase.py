"""Erase customers, once no run is in progress, and store the receipt."""

from collections.abc import Callable, Collection
from datetime import UTC, datetime

from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

from cis_assets.erasure.erase import erase
from cis_assets.erasure.receipt import Receipt
from cis_assets.errors import OperatorError
from cis_assets.lake.erased_customers import ErasureKey
from cis_assets.lake.lake import Lake
from cis_assets.landing.folder import LandingFolder

_ENDED = {DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED}
_RUNS_NAMED = 3


class RunsInProgressError(OperatorError):
    """Runs are queued or in progress. An erasure would delete their unfinished files."""


def erase_customers(
    lake: Lake,
    folder: LandingFolder,
    key: ErasureKey,
    customers: Collection[int],
    instance: DagsterInstance,
    *,
    ignored_runs: Collection[str] = (),
    advance: Callable[[int], None] = lambda steps: None,
    requests: Collection[str] = (),
) -> tuple[Receipt, str]:
    """Erase customers now; return the receipt and its address in the lake.

    `requests` names the request files of this erasure. Raises RunsInProgressError if a run of the instance has not
    ended, except `ignored_runs`.
    """
    receipt = erase(
        lake,
        folder,
        key,
        customers,
        now=datetime.now(UTC),
        refuse_in_use=lambda: refuse_runs_in_progress(instance, but=ignored_runs),
        advance=advance,
        carried_out=requests,
    )
    return receipt, receipt.write(lake.uri)


def refuse_runs_in_progress(instance: DagsterInstance, but: Collection[str] = ()) -> None:
    """Raise RunsInProgressError if any run of the instance has not ended, except those named."""
    statuses = [status for status in DagsterRunStatus if status not in _ENDED]
    runs = [run for run in instance.get_runs(filters=RunsFilter(statuses=statuses)) if run.run_id not in but]
    if runs:
        named = ", ".join(f"{run.run_id} ({run.job_name}, {run.status.value})" for run in runs[:_RUNS_NAMED])
        count = "1 Dagster run has" if len(runs) == 1 else f"{len(runs)} Dagster runs have"
        raise RunsInProgressError(
            f"An erasure deletes unfinished files, and {count} not ended: {named}. Wait until they end. If the process of "
            "a run was killed, mark the run as canceled in the Dagster UI (Terminate, Force termination)."
        )

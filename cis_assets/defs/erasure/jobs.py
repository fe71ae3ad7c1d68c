"""The job that forgets customers, and the runs that stand in the way of an erasure.

The job takes its customers from request files in landing, since run configuration, tags and logs are kept by Dagster for
good; it tells of counts and hashes alone.
"""

from collections.abc import Collection
from datetime import UTC, datetime

import dagster as dg
import polars as pl

from cis_assets.erasure.erase import erase
from cis_assets.erasure.requests import REQUESTS, delete_requests, read_requests
from cis_assets.errors import OperatorError
from cis_assets.lake.erased_customers import ErasedCustomersResource, ErasureKey
from cis_assets.lake.lake import Lake
from cis_assets.landing.resource import LandingResource
from cis_assets.settings import settings

_ENDED = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}


class RunsInProgressError(OperatorError):
    """Runs are waiting or under way, whose unfinished files an erasure would delete."""


class ErasureFailedError(OperatorError):
    """Something failed whose own message may show a customer's number."""


def refuse_runs_in_progress(instance: dg.DagsterInstance, but: Collection[str] = ()) -> None:
    """Raise RunsInProgressError if any run of the instance has not ended, except those named."""
    statuses = [status for status in dg.DagsterRunStatus if status not in _ENDED]
    runs = [run for run in instance.get_runs(filters=dg.RunsFilter(statuses=statuses)) if run.run_id not in but]
    if runs:
        named = ", ".join(f"{run.run_id} ({run.job_name}, {run.status.value})" for run in runs[:3])
        raise RunsInProgressError(
            f"An erasure deletes unfinished files, and {len(runs)} Dagster runs have not ended: {named}. Wait for their "
            "end; mark a run whose process was killed as canceled in the Dagster UI (Terminate, Force termination)."
        )


@dg.op(description=f"Erases the customers named in `{REQUESTS}/*.csv` of the landing folder, then deletes these files.")
def erase_requested_customers(
    context: dg.OpExecutionContext, landing: LandingResource, erased: ErasedCustomersResource
) -> None:
    requests = read_requests(landing.landing_uri)
    customers = frozenset[int]().union(*(request.customers for request in requests))
    if not customers:
        context.log.info(f"No customer is named in {REQUESTS}/ of the landing folder.")
        return
    try:
        receipt = erase(
            Lake(erased.lake_uri),
            landing.folder(),
            ErasureKey(settings().erasure_key),
            customers,
            now=datetime.now(UTC),
            refuse_in_use=lambda: refuse_runs_in_progress(context.instance, but=[context.run_id]),
            carried_out=[request.path for request in requests],
        )
    except pl.exceptions.PolarsError as error:
        # Its message may quote the expression that failed, and with it the numbers in it.
        raise ErasureFailedError(
            f"The erasure failed with {type(error).__name__}; `cis forget` shows the message. Nothing is half done that "
            "another erasure of the same customers does not complete."
        ) from None
    address = receipt.write(erased.lake_uri)
    staying = delete_requests(landing.landing_uri, requests)
    if staying:
        context.log.warning(f"Changed while they were carried out, so left for another run: {', '.join(staying)}.")
    if receipt.landing_files.holding:
        context.log.warning(
            f"{len(receipt.landing_files.holding)} landing files still hold these customers; the receipt names them."
        )
    context.add_output_metadata(
        {
            "receipt": address,
            "customers": len(receipt.customer_hashes),
            "rows_removed": receipt.rows_removed,
            "history_files_removed": receipt.history_files_removed,
            "landing_files_still_holding_them": len(receipt.landing_files.holding),
        }
    )


@dg.job(
    executor_def=dg.in_process_executor,
    description="Forgets the customers named in request files in landing: every table, its history, and from now on.",
)
def erase_customers() -> None:
    erase_requested_customers()

"""The job that erases customers, and the refusal to erase while other runs are in progress.

The job reads the customer numbers from request files in landing. Dagster keeps run configuration, tags and logs forever,
so these name only counts and hashes.
"""

from collections.abc import Collection
from datetime import UTC, datetime

import dagster as dg
import polars as pl

from cis_assets.defs.resources import LakeResource, LandingResource
from cis_assets.erasure.erase import erase
from cis_assets.erasure.requests import REQUESTS, delete_requests, read_requests
from cis_assets.errors import OperatorError
from cis_assets.lake.erased_customers import ErasureKey
from cis_assets.settings import Settings

_ENDED = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}


class RunsInProgressError(OperatorError):
    """Runs are queued or running; an erasure would delete their unfinished files."""


class ErasureFailedError(OperatorError):
    """An erasure failed with an error whose own message may show a customer number."""


def refuse_runs_in_progress(instance: dg.DagsterInstance, but: Collection[str] = ()) -> None:
    """Raise RunsInProgressError if any run of the instance has not ended, except those named."""
    statuses = [status for status in dg.DagsterRunStatus if status not in _ENDED]
    runs = [run for run in instance.get_runs(filters=dg.RunsFilter(statuses=statuses)) if run.run_id not in but]
    if runs:
        named = ", ".join(f"{run.run_id} ({run.job_name}, {run.status.value})" for run in runs[:3])
        raise RunsInProgressError(
            f"An erasure deletes unfinished files, and {len(runs)} Dagster runs have not ended: {named}. Wait until they "
            "end. If the process of a run was killed, mark the run as canceled in the Dagster UI (Terminate, Force termination)."
        )


def build_jobs(settings: Settings) -> list[dg.JobDefinition]:
    @dg.op(
        description=f"Erases the customers named in `{REQUESTS}/*.csv` of the landing folder, then deletes these files."
    )
    def erase_requested_customers(context: dg.OpExecutionContext, landing: LandingResource, lake: LakeResource) -> None:
        requests = read_requests(landing.landing_uri)
        customers = frozenset[int]().union(*(request.customers for request in requests))
        if not customers:
            context.log.info(f"No customer is named in {REQUESTS}/ of the landing folder.")
            return
        try:
            receipt = erase(
                lake.lake(),
                landing.folder(),
                ErasureKey(settings.erasure_key),
                customers,
                now=datetime.now(UTC),
                refuse_in_use=lambda: refuse_runs_in_progress(context.instance, but=[context.run_id]),
                carried_out=[request.path for request in requests],
            )
        except pl.exceptions.PolarsError as error:
            # Its message may quote the expression that failed, which may hold customer numbers.
            raise ErasureFailedError(
                f"The erasure failed with {type(error).__name__}; `cis forget` shows the message. Another erasure of the "
                "same customers completes what is half done."
            ) from None
        address = receipt.write(lake.uri)
        changed = delete_requests(landing.landing_uri, requests)
        if changed:
            context.log.warning(
                f"Request files that changed during the erasure are left for the next run: {', '.join(changed)}."
            )
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
        description="Erases the customers named in request files of the landing folder from every table and its history. "
        "Later runs leave their rows out.",
    )
    def erase_customers() -> None:
        erase_requested_customers()

    return [erase_customers]

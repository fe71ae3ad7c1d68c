"""The job that forgets customers.

The job takes its customers from request files in landing, since run configuration, tags and logs are kept by Dagster for
good; it tells of counts and hashes alone.
"""

import dagster as dg
import polars as pl

from cis_assets.actions.erase import erase_customers as erase_customers_now
from cis_assets.erasure.requests import REQUESTS, delete_requests, read_requests
from cis_assets.errors import OperatorError
from cis_assets.lake.erased_customers import ErasedCustomersResource, ErasureKey
from cis_assets.lake.lake import Lake
from cis_assets.landing.resource import LandingResource
from cis_assets.settings import settings


class ErasureFailedError(OperatorError):
    """Something failed whose own message may show a customer's number."""


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
        receipt, address = erase_customers_now(
            Lake(erased.lake_uri),
            landing.folder(),
            ErasureKey(settings().erasure_key),
            customers,
            context.instance,
            ignored_runs=[context.run_id],
            requests=[request.path for request in requests],
        )
    except pl.exceptions.PolarsError as error:
        # Its message may quote the expression that failed, and with it the numbers in it.
        raise ErasureFailedError(
            f"The erasure failed with {type(error).__name__}; `cis forget` shows the message. Nothing is half done that "
            "another erasure of the same customers does not complete."
        ) from None
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

"""The job that erases customers.

The job reads the customer numbers from request files in landing. Dagster keeps run configuration, tags and logs forever,
so these name only counts and hashes.
"""

import dagster as dg
import polars as pl

from cis_assets.actions import erase
from cis_assets.defs.resources import LakeResource, LandingResource
from cis_assets.erasure.requests import REQUESTS, delete_requests, read_requests
from cis_assets.errors import OperatorError
from cis_assets.lake.erased_customers import ErasureKey
from cis_assets.settings import Settings


class ErasureFailedError(OperatorError):
    """An erasure failed with an error whose own message may show a customer number."""


def build(settings: Settings) -> dg.Definitions:
    @dg.op(
        description=f"Erases the customers named in `{REQUESTS}/*.csv` of the landing folder, then deletes these files."
    )
    def erase_requested_customers(context: dg.OpExecutionContext, landing: LandingResource, lake: LakeResource) -> None:
        requests = read_requests(landing.landing_uri, follow_links=landing.follow_links)
        customers = frozenset[int]().union(*(request.customers for request in requests))
        if not customers:
            context.log.info(f"No customer is named in {REQUESTS}/ of the landing folder.")
            return
        try:
            receipt, address = erase.erase_customers(
                lake.lake(),
                landing.folder(),
                ErasureKey(settings.erasure_key),
                customers,
                context.instance,
                ignored_runs=[context.run_id],
                requests=[request.path for request in requests],
            )
        except pl.exceptions.PolarsError as error:
            # Its message may quote the expression that failed, which may hold customer numbers.
            raise ErasureFailedError(
                f"The erasure failed with {type(error).__name__}; `cis forget` shows the message. Another erasure of the "
                "same customers completes what is half done."
            ) from None
        changed = delete_requests(landing.landing_uri, requests)
        if changed:
            context.log.warning(
                f"Request files that changed during the erasure are left for the next run: {', '.join(changed)}."
            )
        if receipt.landing_files.holding:
            context.log.warning(
                f"{len(receipt.landing_files.holding)} landing files still hold these customers; the receipt names them."
            )
        if receipt.hashes_found_nowhere:
            context.log.warning(
                f"{len(receipt.hashes_found_nowhere)} of {len(customers)} customers were found in no table and in no landing "
                "file: check the numbers of the request for typing errors."
            )
        context.add_output_metadata(
            {
                "receipt": address,
                "customers": len(receipt.customer_hashes),
                "customers_found_nowhere": len(receipt.hashes_found_nowhere),
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

    return dg.Definitions(jobs=[erase_customers])

"""Checks that fail their run: a check of severity error that fails turns the run red, and the failure sensor reports it.

Dagster alone records a failed check and lets the run succeed. The tables of the run are written before the checks.
"""

from collections.abc import Iterable, Iterator

import dagster as dg

from cis_assets.errors import OperatorError


class FailedChecksError(OperatorError):
    """Checks of severity error failed; the message names each of them with its reason."""


def fail_on_errors(results: Iterable[dg.AssetCheckResult]) -> Iterator[dg.AssetCheckResult]:
    """Yield the results of a check, then raise FailedChecksError if one of severity error failed.

    For the function of a `@dg.multi_asset_check`, which is a step of its own. The results name asset and check.
    """
    failed = []
    for result in results:
        yield result
        if not result.passed and result.severity is dg.AssetCheckSeverity.ERROR:
            of = f" of {result.asset_key.to_user_string()}" if result.asset_key else ""
            failed.append(f"The check {result.check_name}{of} failed: {result.description}")
    if failed:
        raise FailedChecksError(" ".join(failed))

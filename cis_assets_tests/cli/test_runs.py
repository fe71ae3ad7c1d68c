"""Runs of commands: what a failed check does to them."""

from __future__ import annotations

import dagster as dg
import pytest

from cis_assets.cli.runs import run_job

ERROR, WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN


@pytest.mark.parametrize(
    ("severity", "warnings", "failures"),
    [(ERROR, [], ["The check c failed: It is bad."]), (WARN, ["The check c failed: It is bad."], [])],
)
def test_a_failed_check_of_severity_error_is_a_failure_though_the_run_succeeds(
    severity: dg.AssetCheckSeverity, warnings: list[str], failures: list[str]
) -> None:
    @dg.asset(check_specs=[dg.AssetCheckSpec("c", asset="a")])
    def a():
        yield dg.Output(None)
        yield dg.AssetCheckResult(passed=False, severity=severity, description="It is bad.")

    job = dg.Definitions(assets=[a], executor=dg.in_process_executor).resolve_implicit_global_asset_job_def()
    result, warned, failed = run_job(job)
    assert result.success
    assert (warned, failed) == (warnings, failures)

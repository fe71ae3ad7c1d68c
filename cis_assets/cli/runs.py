"""Run assets and jobs in this process, recorded in the project's Dagster instance.

A run over several days is one run with a partition range, as the UI starts it for a single-run backfill.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

from cis_assets.cli.console import Refused, progress, say
from cis_assets.dates import DateRange
from cis_assets.errors import first_line
from cis_assets.settings import Settings

if TYPE_CHECKING:
    from dagster import AssetKey, Definitions, ExecuteInProcessResult, JobDefinition


class _RunLog(logging.Handler):
    """Keeps the warnings of a run and advances by its steps, since reading them back takes seconds for a long run."""

    def __init__(self, advance: Callable[[int], None]) -> None:
        super().__init__()
        self.advance = advance
        self.warnings: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        logged: Mapping[str, Any] = record.dagster_meta  # pyright: ignore[reportAttributeAccessIssue]
        event = logged["dagster_event"]
        if event and event.is_step_success:
            self.advance(1)
        elif record.levelno == logging.WARNING:
            # Dagster adds the run to the text of the record and keeps the message here.
            self.warnings.append(logged["orig_message"])


def run_assets(settings: Settings, selection: str, days: DateRange | None, ops: Mapping[str, Any] | None = None) -> str:
    """Materialize the assets of a Dagster selection in one run, for `days` (None: only unpartitioned assets).

    `ops` is the run configuration of the assets' ops, by name.
    Returns the run's id. Prints its warnings. Raises Refused with the sentences of the failed steps.
    """
    from dagster import Definitions

    from cis_assets.catalog import gold
    from cis_assets.definitions import build_definitions
    from cis_assets.defs.maintenance import TABLE_IS_MAINTAINED
    from cis_assets.defs.partitions import range_tags
    from cis_assets.defs.tables import asset_key
    from cis_assets.writers.resource import CopyWriterResource

    built = build_definitions(settings)
    # Whether tables need maintenance is for the job check_lake to check.
    checks = [
        check for check in built.asset_checks or () if TABLE_IS_MAINTAINED not in {key.name for key in check.check_keys}
    ]
    definitions = Definitions(built.assets, resources=built.resources, executor=built.executor, asset_checks=checks)
    keys = _select(definitions, selection)
    if asset_key(gold.NOTIFICATION_COPY) in keys:
        # Raises WriterError before anything is computed.
        CopyWriterResource.from_settings(settings).chosen()
    job = definitions.resolve_implicit_global_asset_job_def()
    with progress("Steps", len(job.get_subset(asset_selection=keys).nodes)) as advance:
        result, warnings, failures = run_job(
            job, advance, ops, asset_selection=sorted(keys), tags=range_tags(days) if days else {}
        )
    for warning in warnings:
        say(f"Warning: {warning}")
    if failures:
        raise Refused(f"{' '.join(dict.fromkeys(failures))} (run {result.run_id})")
    return result.run_id


def run_job(
    job: JobDefinition,
    advance: Callable[[int], None] = lambda steps: None,
    ops: Mapping[str, Any] | None = None,
    **arguments: Any,
) -> tuple[ExecuteInProcessResult, list[str], list[str]]:
    """Run a job; return the result, its warnings, and the sentence of each failed step.

    `advance` is called with 1 after each step. `ops` configures them; `arguments` are those of `execute_in_process`.
    """
    from dagster import AssetCheckSeverity, LoggerDefinition

    from cis_assets.cli.instance import dagster_instance
    from cis_assets.defs.alerts.failures import error_message

    log = _RunLog(advance)
    logger = logging.Logger("cis")
    logger.addHandler(log)
    with dagster_instance() as instance:
        result = job.with_logger_defs({"cis": LoggerDefinition(lambda _: logger)}).execute_in_process(
            instance=instance,
            # Replaces Dagster's console logger.
            run_config={"loggers": {"cis": {}}, "ops": ops or {}},
            raise_on_error=False,
            **arguments,
        )
    failed_checks: dict[AssetCheckSeverity, list[str]] = {severity: [] for severity in AssetCheckSeverity}
    for found in result.get_asset_check_evaluations():
        if not found.passed:
            failed_checks[found.severity].append(f"The check {found.check_name} failed: {found.description}")
    failures = [error_message(event.step_failure_data.error) for event in result.all_events if event.is_step_failure]
    if result.success:
        # For Dagster, a run succeeds whatever its checks find.
        failures = failed_checks[AssetCheckSeverity.ERROR]
    elif not failures:
        failures = ["The run failed before its first step; the Dagster UI shows why."]
    return result, log.warnings + failed_checks[AssetCheckSeverity.WARN], failures


def _select(definitions: Definitions, selection: str) -> AbstractSet[AssetKey]:
    """Select the assets that can be materialized, with those that are always made together with them."""
    from dagster import AssetSelection, DagsterError

    graph = definitions.resolve_asset_graph()
    try:
        selected = AssetSelection.from_string(selection).required_multi_asset_neighbors()
        keys = selected.resolve(graph) & graph.executable_asset_keys
    except DagsterError as error:
        raise Refused(f"--select {selection!r} cannot be read: {first_line(error)}.") from None
    if not keys:
        raise Refused(f"--select {selection!r} names no asset that can be materialized.")
    return keys

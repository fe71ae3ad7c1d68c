"""Runs of assets from the command line: in this process, recorded in the project's Dagster instance.

A run over several days is one run with a partition range, exactly what the UI launches for a single-run backfill.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cis_assets.cli.console import progress
from cis_assets.dates import DateRange
from cis_assets.errors import OperatorError

if TYPE_CHECKING:
    from dagster import AssetKey, DagsterInstance, Definitions, LoggerDefinition


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended: the sentence of the error of each failed step (none if it succeeded), and what it warned of."""

    run_id: str
    failures: tuple[str, ...]
    warnings: tuple[str, ...]


class _Warnings(logging.Handler):
    """The warnings that a run logs, caught on their way: reading them back takes seconds for a run over years."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def logger(self) -> LoggerDefinition:
        from dagster import LoggerDefinition

        def catching(_: object) -> logging.Logger:
            logger = logging.Logger("cis", logging.WARNING)
            logger.addHandler(self)
            return logger

        return LoggerDefinition(catching)

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno == logging.WARNING:
            # Dagster adds the run's name to the message, and keeps it as it was logged beside it.
            self.said.append(record.dagster_meta["orig_message"])  # pyright: ignore[reportAttributeAccessIssue]


class UnknownSelectionError(OperatorError):
    """A selection names no asset, or cannot be read."""


def run_assets(selection: str, days: DateRange | None, label: str) -> RunOutcome:
    """Materialize the assets of a Dagster selection for `days` in one run (None: only unpartitioned assets)."""
    from dagster import AssetCheckSeverity, Definitions

    from cis_assets.cli.instance import dagster_instance
    from cis_assets.definitions import build_definitions
    from cis_assets.defs.alerts.sensors import error_message
    from cis_assets.defs.maintenance.checks import TABLE_IS_MAINTAINED
    from cis_assets.settings import settings

    built = build_definitions(settings())
    # Whether tables need maintenance is no matter of this run, though the check comes along with every table.
    checks = [
        check for check in built.asset_checks or () if TABLE_IS_MAINTAINED not in {key.name for key in check.check_keys}
    ]
    warnings = _Warnings()
    definitions = Definitions(
        assets=built.assets,
        asset_checks=checks,
        resources=built.resources,
        executor=built.executor,
        loggers={"warnings": warnings.logger()},
    )
    keys = _selected_keys(definitions, selection)
    _refuse_without_writer(keys)
    job = definitions.resolve_implicit_global_asset_job_def()
    run_id = str(uuid.uuid4())
    steps = len(job.get_subset(asset_selection=keys).nodes)
    with dagster_instance() as instance, progress(label, steps) as advance:
        stop = threading.Event()
        watcher = threading.Thread(target=_report_steps, args=(instance, run_id, advance, stop), daemon=True)
        watcher.start()
        try:
            result = job.execute_in_process(
                instance=instance,
                run_id=run_id,
                asset_selection=sorted(keys),
                tags=_range_tags(days),
                # Without the console's logger: this command says itself what is worth saying.
                run_config={"loggers": {"warnings": {}}},
                raise_on_error=False,
            )
        finally:
            stop.set()
            watcher.join()
        failed_checks = [
            f"The check {found.check_name} failed: {found.description}"
            for found in result.get_asset_check_evaluations()
            if not found.passed and found.severity is AssetCheckSeverity.WARN
        ]
    failures = [error_message(event.step_failure_data.error) for event in result.all_events if event.is_step_failure]
    if not result.success and not failures:
        failures = ["The run failed before its first step; the Dagster UI shows why."]
    return RunOutcome(run_id, tuple(failures), (*warnings.said, *failed_checks))


def _selected_keys(definitions: Definitions, selection: str) -> AbstractSet[AssetKey]:
    """The assets of a selection that can be materialized, with those that are only ever made together with them."""
    from dagster import AssetSelection, DagsterError

    graph = definitions.resolve_asset_graph()
    try:
        selected = AssetSelection.from_string(selection).required_multi_asset_neighbors()
        keys = selected.resolve(graph) & graph.executable_asset_keys
    except DagsterError as error:
        raise UnknownSelectionError(f"--select {selection!r} cannot be read: {error}") from None
    if not keys:
        raise UnknownSelectionError(f"--select {selection!r} names no asset that can be materialized.")
    return keys


def _refuse_without_writer(keys: AbstractSet[AssetKey]) -> None:
    """Raise WriterError before anything is computed, if copy is to be written by a writer that cannot work."""
    from cis_assets.catalog import gold
    from cis_assets.defs.tables import asset_key
    from cis_assets.settings import settings
    from cis_assets.writers.writer import copy_writer

    if asset_key(gold.NOTIFICATION_COPY) in keys:
        copy_writer(settings())


def _range_tags(days: DateRange | None) -> dict[str, str]:
    if days is None:
        return {}
    return {
        "dagster/asset_partition_range_start": days.first.isoformat(),
        "dagster/asset_partition_range_end": days.last.isoformat(),
    }


def _report_steps(
    instance: DagsterInstance, run_id: str, advance: Callable[[int], None], stop: threading.Event
) -> None:
    """Advance the progress by every step of the run that ends, until told to stop."""
    from dagster import DagsterEventType

    seen = 0
    while not stop.is_set():
        stop.wait(0.5)
        ended = len(instance.all_logs(run_id, of_type={DagsterEventType.STEP_SUCCESS}))
        if ended > seen:
            advance(ended - seen)
            seen = ended


def joined(sentences: Iterable[str]) -> str:
    """Sentences without repetition, in order."""
    return " ".join(dict.fromkeys(sentences))

"""What is said of a run that failed, or whose checks failed: the job, the dates, the failed assets, the error and the run.

No message contains the address of the webhook, and none quotes an error that does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import dagster as dg

if TYPE_CHECKING:
    from dagster_shared.error import SerializableErrorInfo

_LONGEST_MESSAGE = 500
# The part of an address after the ? may be a signature that grants access.
_QUERY = re.compile(r"(\w+://[^\s?'\")]*)\?[^\s'\")]*")
_FROM_OUTSIDE = "marked as failed from outside"


@dataclass(frozen=True)
class Alert:
    """What is said of a run: the job, its dates if it has any, the cause of each failed step or check, and the run."""

    job: str
    dates: str
    causes: tuple[str, ...]
    run_id: str
    event: Literal["run_failed", "checks_failed"] = "run_failed"

    @property
    def line(self) -> str:
        """All of it in one line."""
        dates = f" for {self.dates}" if self.dates else ""
        outcome = f"failed{dates}" if self.event == "run_failed" else f"succeeded{dates}, but checks failed"
        return f"{self.job} {outcome}: {'; '.join(self.causes)} (run {self.run_id})"


def error_message(error: SerializableErrorInfo | None) -> str:
    """Return the first line of the error that Dagster wrapped, without the name of its class."""
    if error is None:
        return "no error was recorded"
    while error.cause is not None and (error.cls_name or "").startswith("Dagster"):
        error = error.cause
    name = f"{error.cls_name}: "
    message = (error.message.strip() or name).splitlines()[0]
    return message.removeprefix(name) if message.startswith(name) else message.split(": ", 1)[-1]


def describe_failure(context: dg.RunFailureSensorContext) -> Alert:
    """Describe a failed run. Addresses lose what follows the ?, and each cause is one line of visible characters."""
    return _describe(context.dagster_run, "run_failed", _find_causes(context))


def describe_failed_checks(context: dg.RunStatusSensorContext) -> Alert | None:
    """Describe the checks of severity error that failed in a run; None if there are none."""
    found = context.instance.get_records_for_run(
        context.dagster_run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
    )
    causes = [_describe_check(record.event_log_entry) for record in found.records]
    return _describe(context.dagster_run, "checks_failed", filter(None, causes)) if any(causes) else None


def _describe_check(entry: dg.EventLogEntry) -> str:
    found = entry.dagster_event.event_specific_data if entry.dagster_event else None
    if not isinstance(found, dg.AssetCheckEvaluation) or found.passed or found.severity is dg.AssetCheckSeverity.WARN:
        return ""
    return f"{found.asset_key.to_user_string()}: {found.check_name}: {_cut(found.description or '')}"


def _describe(run: dg.DagsterRun, event: Literal["run_failed", "checks_failed"], causes: Iterable[str]) -> Alert:
    # Dagster names its own job for hand-picked assets with underscores.
    job = "materialization" if run.job_name.startswith("__") else run.job_name
    first, last = (run.tags.get(f"dagster/asset_partition_range_{end}", "") for end in ("start", "end"))
    dates = run.tags.get("dagster/partition") or (first if first == last else f"{first} to {last}")
    return Alert(job, dates, tuple(dict.fromkeys(map(_make_safe, causes))), run.run_id, event)


def _make_safe(cause: str) -> str:
    line = "".join(letter if letter.isprintable() else "\ufffd" for letter in " ".join(cause.split()))
    return _QUERY.sub(r"\1", line)


def _find_causes(context: dg.RunFailureSensorContext) -> Iterator[str]:
    """Yield the assets and the error of each failed step, or the error of the run if no step failed."""
    failed = context.get_step_failure_events()
    if not failed:
        yield _cut(_find_cause_of_run(context))
        return
    planned = context.instance.get_records_for_run(
        context.dagster_run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
    )
    assets: dict[str | None, set[str]] = {}
    for record in planned.records:
        if record.asset_key:
            assets.setdefault(record.event_log_entry.step_key, set()).add(record.asset_key.to_user_string())
    for event in failed:
        names = ", ".join(sorted(assets.get(event.step_key, ()))) or event.step_key
        yield f"{names}: {_cut(error_message(event.step_failure_data.error))}"


def _find_cause_of_run(context: dg.RunFailureSensorContext) -> str:
    """Return the error of a run whose steps did not fail, or Dagster's message about the end of its process."""
    failure = context.failure_event
    # A run that was ended from outside has no data.
    error = failure.job_failure_data.error if failure.event_specific_data else None
    if error:
        return error_message(error)
    if failure.message and _FROM_OUTSIDE not in failure.message:
        return failure.message
    logged = context.instance.all_logs(context.dagster_run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
    return logged[-1].message if logged else failure.message or ""


def _cut(message: str) -> str:
    return message if len(message) <= _LONGEST_MESSAGE else f"{message[:_LONGEST_MESSAGE]} ..."

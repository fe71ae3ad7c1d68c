"""Failed runs in a line each: what failed, for which dates, and the sentence of the error.

The failure sensor logs the line, and posts it to CIS_FAILURE_WEBHOOK_URL if that is set.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import dagster as dg

from cis_assets.defs.alerts.webhook import WebhookError, post_text
from cis_assets.settings import Settings

if TYPE_CHECKING:
    from dagster_shared.error import SerializableErrorInfo

_LONGEST_SENTENCE = 500
# What follows the ? of an address may be a signature that opens it.
_QUERY = re.compile(r"(\w+://[^\s?'\")]*)\?[^\s'\")]*")
_FROM_OUTSIDE = "marked as failed from outside"


def sentence_of(error: SerializableErrorInfo | None) -> str:
    """The words of the error that Dagster wrapped, without the name of its class; the first line, since stores add many more."""
    if error is None:
        return "no error was recorded"
    while error.cause is not None and (error.cls_name or "").startswith("Dagster"):
        error = error.cause
    name = f"{error.cls_name}: "
    message = (error.message.strip() or name).splitlines()[0]
    return message.removeprefix(name) if message.startswith(name) else message.split(": ", 1)[-1]


def build_sensors(settings: Settings) -> list[dg.SensorDefinition]:
    @dg.run_failure_sensor(
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Logs a line for each failed run of this location, and posts it to CIS_FAILURE_WEBHOOK_URL if that is set.",
    )
    def failure_sensor(context: dg.RunFailureSensorContext) -> None:
        line = failure_line(context)
        context.log.error(line)
        url = settings.failure_webhook_url.get_secret_value()
        if url:
            try:
                post_text(url, line)
            except WebhookError as error:
                context.log.warning(f"This failure was not posted: {error} (CIS_FAILURE_WEBHOOK_URL).")

    return [failure_sensor]


def failure_line(context: dg.RunFailureSensorContext) -> str:
    """Job, partitions, what failed and why, and the run, in one line."""
    run = context.dagster_run
    # Dagster's own job for assets that were chosen by hand.
    job = "materialization" if run.job_name.startswith("__") else run.job_name
    partitions = _partitions(run.tags)
    causes = "; ".join(dict.fromkeys(_causes(context)))
    line = f"{job} failed{f' for {partitions}' if partitions else ''}: {causes} (run {run.run_id})"
    return _QUERY.sub(r"\1", " ".join(line.split()))


def _partitions(tags: Mapping[str, str]) -> str:
    first, last = (tags.get(f"dagster/asset_partition_range_{end}", "") for end in ("start", "end"))
    return tags.get("dagster/partition") or (first if first == last else f"{first} to {last}")


def _causes(context: dg.RunFailureSensorContext) -> Iterator[str]:
    """Assets and sentence of each step that failed; of the run itself if none did."""
    failed = context.get_step_failure_events()
    if not failed:
        yield _cut(_cause_of_run(context))
        return
    assets = _assets_by_step(context)
    for event in failed:
        names = ", ".join(sorted(assets.get(event.step_key or "", ()))) or event.step_key
        yield f"{names}: {_cut(sentence_of(event.step_failure_data.error))}"


def _assets_by_step(context: dg.RunFailureSensorContext) -> dict[str, set[str]]:
    planned = context.instance.get_records_for_run(
        context.dagster_run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
    )
    assets: dict[str, set[str]] = {}
    for record in planned.records:
        event = record.event_log_entry.dagster_event
        if event and event.step_key and record.asset_key:
            assets.setdefault(event.step_key, set()).add(record.asset_key.to_user_string())
    return assets


def _cause_of_run(context: dg.RunFailureSensorContext) -> str:
    """Why a run failed without the error of a step: the error itself, or what was said of the end of its process."""
    failure = context.failure_event
    # A run that was ended from outside brings no data at all.
    error = failure.job_failure_data.error if failure.event_specific_data else None
    if error:
        return sentence_of(error)
    if failure.message and _FROM_OUTSIDE not in failure.message:
        return failure.message
    said = context.instance.all_logs(context.dagster_run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
    return said[-1].message if said else failure.message or ""


def _cut(sentence: str) -> str:
    return sentence if len(sentence) <= _LONGEST_SENTENCE else f"{sentence[:_LONGEST_SENTENCE]} ..."

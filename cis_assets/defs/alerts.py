"""Alerts: one line for each failed run, in the log and in a chat such as Slack or Teams.

The line names the job, the dates, the failed assets, the error and the run. The address of the chat's webhook is a secret:
anyone who knows it can post. No message contains it, and no message quotes an error that does.
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from typing import TYPE_CHECKING

import dagster as dg

from cis_assets.errors import OperatorError
from cis_assets.settings import Settings

if TYPE_CHECKING:
    from dagster_shared.error import SerializableErrorInfo

_LONGEST_MESSAGE = 500
# The part of an address after the ? may be a signature that grants access.
_QUERY = re.compile(r"(\w+://[^\s?'\")]*)\?[^\s'\")]*")
_FROM_OUTSIDE = "marked as failed from outside"


class WebhookError(OperatorError):
    """The webhook did not accept a text. The message gives the reason without the address."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Refuse redirects: urllib would repeat the request without its text and report success."""

    def redirect_request(self, *_: object) -> None:
        return None


def error_message(error: SerializableErrorInfo | None) -> str:
    """Return the first line of the error that Dagster wrapped, without the name of its class."""
    if error is None:
        return "no error was recorded"
    while error.cause is not None and (error.cls_name or "").startswith("Dagster"):
        error = error.cause
    name = f"{error.cls_name}: "
    message = (error.message.strip() or name).splitlines()[0]
    return message.removeprefix(name) if message.startswith(name) else message.split(": ", 1)[-1]


def build(settings: Settings) -> dg.Definitions:
    @dg.run_failure_sensor(
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Logs one line for each failed run of this code location. "
        "With CIS_FAILURE_WEBHOOK_URL set, it also posts the line to that address.",
    )
    def failure_sensor(context: dg.RunFailureSensorContext) -> None:
        line = describe_failure(context)
        context.log.error(line)
        url = settings.failure_webhook_url.get_secret_value()
        if url:
            try:
                post_text(url, line)
            except WebhookError as error:
                context.log.warning(f"This failure was not posted to CIS_FAILURE_WEBHOOK_URL: {error}.")

    return dg.Definitions(sensors=[failure_sensor])


def describe_failure(context: dg.RunFailureSensorContext) -> str:
    """Describe a failed run in one line: job, dates, failed assets, error and run."""
    run = context.dagster_run
    # Dagster names its own job for hand-picked assets with underscores.
    job = "materialization" if run.job_name.startswith("__") else run.job_name
    first, last = (run.tags.get(f"dagster/asset_partition_range_{end}", "") for end in ("start", "end"))
    dates = run.tags.get("dagster/partition") or (first if first == last else f"{first} to {last}")
    causes = "; ".join(dict.fromkeys(_find_causes(context)))
    line = f"{job} failed{f' for {dates}' if dates else ''}: {causes} (run {run.run_id})"
    return _QUERY.sub(r"\1", " ".join(line.split()))


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


def post_text(url: str, text: str, *, timeout_seconds: float = 5.0) -> None:
    """Post a text once to a webhook, as {"text": ...}. WebhookError if the webhook does not accept it."""
    try:
        request = urllib.request.Request(  # noqa: S310 - the settings allow http and https only
            url, json.dumps({"text": text}).encode(), {"Content-Type": "application/json"}
        )
        urllib.request.build_opener(_NoRedirects).open(request, timeout=timeout_seconds).close()
    except urllib.error.HTTPError as error:
        raise WebhookError(f"the webhook answered with HTTP status {error.code}") from None
    except (OSError, HTTPException, ValueError) as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        raise WebhookError(f"the webhook could not be reached: {type(cause).__name__}") from None

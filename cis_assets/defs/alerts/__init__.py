"""Alerts: one line for each failed run and for failed checks, in the log and in a chat such as Slack or Teams."""

import logging

import dagster as dg

from cis_assets.defs.alerts.failures import Alert, describe_failed_checks, describe_failure
from cis_assets.defs.alerts.webhook import WebhookError, post
from cis_assets.settings import Settings


def build(settings: Settings) -> dg.Definitions:
    @dg.run_failure_sensor(
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Logs one line for each failed run of this code location. "
        "With CIS_FAILURE_WEBHOOK_URL set, it also posts the line to that address, as CIS_ALERT_FORMAT says.",
    )
    def failure_sensor(context: dg.RunFailureSensorContext) -> None:
        _report(settings, describe_failure(context), context.log)

    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Reports, like failure_sensor, each run that succeeded although a check of severity error failed.",
    )
    def check_sensor(context: dg.RunStatusSensorContext) -> None:
        alert = describe_failed_checks(context)
        if alert:
            _report(settings, alert, context.log)

    return dg.Definitions(sensors=[failure_sensor, check_sensor])


def _report(settings: Settings, alert: Alert, log: logging.Logger) -> None:
    log.error(alert.line)
    url = settings.failure_webhook_url.get_secret_value()
    if url:
        try:
            post(url, settings.alert_format, alert)
        except WebhookError as error:
            log.warning(f"This failure was not posted to CIS_FAILURE_WEBHOOK_URL: {error}.")

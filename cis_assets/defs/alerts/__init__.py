"""Alerts: one line for each failed run, in the log and in a chat such as Slack or Teams."""

import dagster as dg

from cis_assets.defs.alerts.failures import describe_failure
from cis_assets.defs.alerts.webhook import WebhookError, post
from cis_assets.settings import Settings


def build(settings: Settings) -> dg.Definitions:
    @dg.run_failure_sensor(
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Logs one line for each failed run of this code location. "
        "With CIS_FAILURE_WEBHOOK_URL set, it also posts the line to that address, as CIS_ALERT_FORMAT says.",
    )
    def failure_sensor(context: dg.RunFailureSensorContext) -> None:
        alert = describe_failure(context)
        context.log.error(alert.line)
        url = settings.failure_webhook_url.get_secret_value()
        if url:
            try:
                post(url, settings.alert_format, alert)
            except WebhookError as error:
                context.log.warning(f"This failure was not posted to CIS_FAILURE_WEBHOOK_URL: {error}.")

    return dg.Definitions(sensors=[failure_sensor])

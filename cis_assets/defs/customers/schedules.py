"""The schedule of the daily snapshot."""

import dagster as dg

from cis_assets.defs.customers.sensors import request_first
from cis_assets.defs.jobs import daily_gold
from cis_assets.defs.partitions import order_dates
from cis_assets.settings import Settings


def build_schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    @dg.schedule(
        job=daily_gold,
        # By then the last order files of the day before have landed and are ingested.
        cron_schedule="30 4 * * *",
        execution_timezone=settings.time_zone,
        description="Makes the gold tables of the previous day every morning at 4:30, in the time zone CIS_TIME_ZONE.",
        default_status=dg.DefaultScheduleStatus.STOPPED,
    )
    def daily_gold_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        with dg.partition_loading_context(effective_dt=context.scheduled_execution_time):
            day = order_dates(settings).get_last_partition_key()
        if day is None:
            return dg.SkipReason("No order date is over yet.")
        return request_first(context.instance, day, settings.first_order_date)

    return [daily_gold_schedule]

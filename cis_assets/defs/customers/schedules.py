"""The schedules: of the daily snapshot, and those of maintenance."""

import dagster as dg

from cis_assets.defs.customers.jobs import daily_gold
from cis_assets.defs.customers.sensors import make_first
from cis_assets.defs.partitions import order_dates
from cis_assets.settings import Settings


def build_schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    @dg.schedule(
        name="daily_gold_schedule",
        job=daily_gold,
        # Late enough for the last order files of the day before to have landed and been ingested.
        cron_schedule="30 4 * * *",
        execution_timezone=settings.time_zone,
        description="Every morning, the gold tables as of the order date before, in the time zone of CIS_TIME_ZONE.",
        default_status=dg.DefaultScheduleStatus.STOPPED,
    )
    def daily_gold_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        with dg.partition_loading_context(effective_dt=context.scheduled_execution_time):
            day = order_dates(settings).get_last_partition_key()
        return (
            make_first(context.instance, day, settings.history_days)
            if day
            else dg.SkipReason("There is no order date yet.")
        )

    return [daily_gold_schedule]

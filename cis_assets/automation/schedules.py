"""The schedule of the daily snapshot."""

import dagster as dg

from cis_assets.automation.jobs import daily_gold

# Late enough for the last order files of the day before to have landed and been ingested.
daily_gold_schedule = dg.build_schedule_from_partitioned_job(
    daily_gold,
    name="daily_gold_schedule",
    hour_of_day=4,
    minute_of_hour=30,
    description="Every morning, the gold tables as of the order date before, in the time zone of CIS_TIME_ZONE.",
    default_status=dg.DefaultScheduleStatus.STOPPED,
)

SCHEDULES = [daily_gold_schedule]

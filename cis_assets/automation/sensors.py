"""The landing sensor: new or changed order dates lead to runs for exactly these dates.

The cursor holds a fingerprint per date (names, sizes and ETags of its files), so that a date is run again when a file is
added or replaced and is left alone otherwise. Neighbouring dates go into one range run.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import PurePosixPath

import dagster as dg

from cis_assets.assets.partitioning import ORDER_DATES
from cis_assets.automation.jobs import ingest
from cis_assets.landing.contract import DATED
from cis_assets.landing.folder import LandingFile
from cis_assets.landing.resource import LandingResource
from cis_assets.partitions import neighbouring_ranges

_FINGERPRINT_LENGTH = 12


@dg.sensor(
    job=ingest,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Runs the ingest job for order dates whose landing files are new or changed, neighbouring dates as one run.",
)
def landing_sensor(context: dg.SensorEvaluationContext, landing: LandingResource) -> dg.SensorResult | dg.SkipReason:
    folder = landing.folder()
    for stray in folder.stray_folders():
        context.log.warning(
            f"Landing folder {stray} is no order date and was left alone: name it order_date=YYYY-MM-DD."
        )
    seen: dict[str, str] = json.loads(context.cursor) if context.cursor else {}
    landed = fingerprints({day: files for day, files in folder.order_dates(strict=False).items() if is_whole(files)})
    partitions = set(ORDER_DATES.get_partition_keys())
    # Dates that are no partition yet, such as today, must not enter the cursor: they are to be found when they become one.
    found = {day: fingerprint for day, fingerprint in landed.items() if day in partitions}
    for day in sorted(landed.keys() - found.keys()):
        context.log.info(f"Order date {day} has landed, but is not (yet) one of the platform's order dates.")
    changed = [date.fromisoformat(day) for day in sorted(found) if seen.get(day) != found[day]]
    if not changed:
        return dg.SkipReason(f"Nothing new on {len(found)} order dates.")
    requests = [
        dg.RunRequest(
            tags={
                "dagster/asset_partition_range_start": str(span.first),
                "dagster/asset_partition_range_end": str(span.last),
            },
        )
        for span in neighbouring_ranges(changed)
    ]
    return dg.SensorResult(run_requests=requests, cursor=json.dumps(found, separators=(",", ":")))


def is_whole(files: Iterable[LandingFile]) -> bool:
    """Whether a date has files of every dated table; one that is still arriving is left for a later tick."""
    return {PurePosixPath(file.path).parts[0] for file in files} == {table.name for table in DATED}


def fingerprints(files: Mapping[date, Iterable[LandingFile]]) -> dict[str, str]:
    """One short fingerprint per date, which changes when a file is added, removed or replaced."""
    return {
        day.isoformat(): _digest(f"{file.path}|{file.size}|{file.e_tag}" for file in its_files)
        for day, its_files in files.items()
    }


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:_FINGERPRINT_LENGTH]


SENSORS = [landing_sensor]

"""Draw the pictures of segmentation.md and predictions.md from the newest day of a lake: `python docs/segment_pictures.py LAKE`.

Those in the repository are of The Complete Journey (`make demo DATA=completejourney`, then 2017-12-31).
"""

import sys
from datetime import date
from pathlib import Path

import polars as pl

from cis_assets.catalog import gold
from cis_assets.dashboard import charts, extra, movement_charts, prediction_charts, theme
from cis_assets.dashboard.summaries import GoldFrames, segment_map, segment_order
from cis_assets.lake.lake import Lake
from cis_assets.predictions.evaluation import PredictionOptions
from cis_assets.settings import settings
from cis_assets.views.predictions import evaluate_lake, find_evaluation_day

IMAGES = Path(__file__).parent / "images"


def main(lake: Lake) -> None:
    versions = lake.scan(gold.SEGMENT_CANDIDATES).collect()
    newest = versions.filter(pl.col("version") == pl.col("version").max())
    draw("segment-candidates", movement_charts.candidates_chart(newest))
    tables = (gold.CUSTOMER_SEGMENTS, gold.SEGMENT_PROFILES, gold.ORDER_PATTERNS, gold.ORDER_FREQUENCY)
    frames = GoldFrames(**{table.name: lake.snapshot(table).collect() for table in tables})
    draw("segment-map", charts.segment_map_chart(segment_map(frames.segment_profiles), segment_order(frames)))
    draw("segment-migration", movement_charts.migration_chart(lake.snapshot(gold.SEGMENT_MIGRATION).collect()))
    draw("cohort-retention", movement_charts.cohort_chart(lake.snapshot(gold.COHORT_RETENTION).collect()))
    draw_calibration(lake)


def draw_calibration(lake: Lake) -> None:
    day = find_evaluation_day(lake, None, date.max)
    found = evaluate_lake(lake, day, PredictionOptions.from_settings(settings()))
    draw("calibration", prediction_charts.calibration_chart(found.calibration))


def draw(name: str, chart) -> None:
    specification = {**chart.to_dict(), "config": {**theme.vega_config(dark=False), "background": "white"}}
    (IMAGES / f"{name}.png").write_bytes(extra.png(specification))


if __name__ == "__main__":
    main(Lake(sys.argv[1]))

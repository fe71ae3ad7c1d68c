"""Prints how steady segments are: `python -m benchmarks.segments ORDERS.parquet`, or a lake's address.

ORDERS has the columns customer_id, day_number, order_of_day and item_count, as silver/orders. The model is trained as of the
last day and frozen; then the 31 days up to it are placed. Retrainings use another seed, shuffled rows and earlier days.
"""

import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import narwhals as nw
import polars as pl
from click import echo

from cis_assets.catalog import silver
from cis_assets.catalog.gold import SEGMENT_MODEL
from cis_assets.dates import EPOCH, trailing_window
from cis_assets.lake.lake import Lake
from cis_assets.segmentation.assignment import place_customers
from cis_assets.segmentation.habits import customer_habits
from cis_assets.segmentation.model import TrainingOptions, train_segment_model
from cis_assets.segmentation.versions import add_challenger, champion, promote

DAYS = 31
HISTORY_DAYS = 365
_OPTIONS = TrainingOptions(segments_min=4, segments_max=8, seed=7)


def measure(orders: pl.LazyFrame) -> None:
    """Print the figures for rows of silver/orders."""
    last = EPOCH + timedelta(days=orders.select(pl.col("day_number").max()).collect().item())
    days = list(trailing_window(last, DAYS))
    habits = customer_habits(nw.from_native(orders), days, HISTORY_DAYS)
    of_day = {day: habits.filter(pl.col("as_of_date") == day) for day in days}
    first = train_segment_model(of_day[last], SEGMENT_MODEL.empty(), _OPTIONS)
    model = add_challenger(SEGMENT_MODEL.empty(), first.rows)
    for tried in first.candidates.iter_rows(named=True):
        faults = ", ".join(tried["faults"]) or "no faults"
        echo(f"{tried['segment_count']} segments: least Jaccard {tried['least_jaccard']:.2f}, {faults}")
    for row in model.iter_rows(named=True):
        echo(f"{row['segment_id']} {row['segment_name']}: {row['customer_count']} customers, {row['segment_marks']}")
    _print_changes(pl.concat(place_customers(of_day[day], model) for day in days))
    again = {
        "another seed": (of_day[last], 99),
        "shuffled rows": (of_day[last].sample(fraction=1, shuffle=True, seed=1), 7),
        "one day earlier": (of_day[days[-2]], 7),
        "one week earlier": (of_day[days[-8]], 7),
    }
    for name, (rows, seed) in again.items():
        retrained = train_segment_model(rows, model, replace(_OPTIONS, seed=seed)).rows
        promoted = champion(promote(add_challenger(model, retrained), last, name))
        before, after = (place_customers(of_day[last].sort("customer_id"), each) for each in (model, promoted))
        echo(f"trained again, {name}: {(before['segment_id'] == after['segment_id']).mean():.2%} keep their id")


def _print_changes(placed: pl.DataFrame) -> None:
    before = pl.col("segment_id").shift().over("customer_id")
    changed = (pl.col("segment_id") != before) & (before != 0)
    marked = placed.sort("customer_id", "as_of_date").with_columns(changed=changed)
    often = marked.group_by("customer_id").agg(pl.col("changed").sum())["changed"] >= 2
    echo(f"daily change {marked['changed'].mean():.2%}, twice or more {often.mean():.2%}")


if __name__ == "__main__":
    source = sys.argv[1]
    measure(pl.scan_parquet(source) if Path(source).suffix == ".parquet" else Lake(source).scan(silver.ORDERS))

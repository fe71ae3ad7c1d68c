"""Prints how steady segments are: `python -m benchmarks.segments ORDERS.parquet`, or a lake's address.

ORDERS has the columns customer_id, day_number, order_of_day and item_count, as silver/orders. The model is trained as of the
last day and frozen; then the 31 days up to it are placed. Retrainings use another seed, shuffled rows and earlier days.
Then 200 customers get the habits of another segment for the last 28 days, and drift is measured over ten weeks.
"""

import sys
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import narwhals as nw
import numpy as np
import polars as pl
from click import echo

from cis_assets.catalog import silver
from cis_assets.catalog.gold import SEGMENT_MODEL
from cis_assets.dates import EPOCH, day_number, trailing_window
from cis_assets.lake.lake import Lake
from cis_assets.segmentation.assignment import place_customers
from cis_assets.segmentation.drift import DRIFTED, measure_drift
from cis_assets.segmentation.habits import HABITS, customer_habits
from cis_assets.segmentation.model import TrainingOptions, train_segment_model
from cis_assets.segmentation.versions import CHALLENGER, add_challenger, champion, promote

DAYS = 31
NEW_HABIT_DAYS = 28
CHANGED = 200
_MANY_ORDERS = 8
_WEEKS = 10
_COLUMNS = ("customer_id", "day_number", "order_of_day", "item_count")
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
        retrained = add_challenger(model, train_segment_model(rows, model, replace(_OPTIONS, seed=seed)).rows)
        # A training that finds the champion again makes no challenger.
        promoted = champion(promote(retrained, last, name) if CHALLENGER in retrained["state"] else retrained)
        before, after = (place_customers(of_day[last].sort("customer_id"), each) for each in (model, promoted))
        echo(f"trained again, {name}: {(before['segment_id'] == after['segment_id']).mean():.2%} keep their id")
    _print_response(orders, model, last)
    _print_drift(orders, last)


def _print_response(orders: pl.LazyFrame, model: pl.DataFrame, last: date) -> None:
    """Give customers the habits of another segment, with gaps and baskets that scatter as their own do, and place them."""
    start = last - timedelta(days=NEW_HABIT_DAYS)
    rows = orders.filter(pl.col("day_number") <= day_number(start)).select(_COLUMNS).collect()
    before = customer_habits(nw.from_native(rows.lazy()), [start], HISTORY_DAYS)
    recent = rows.filter(pl.col("day_number") > day_number(start) - NEW_HABIT_DAYS)["customer_id"].unique()
    placed = place_customers(before, model).join(before.select("customer_id", *HABITS), on="customer_id")
    active = placed.filter((pl.col("segment_id") > 0) & pl.col("customer_id").is_in(recent.implode())).sort(
        "customer_id"
    )
    chosen = active.sample(min(CHANGED, active.height), seed=7).sort("customer_id")
    centers = dict(zip(model["segment_id"], model["centroid_values"].to_list(), strict=True))
    random, made = np.random.default_rng(7), []
    for customer in chosen.iter_rows(named=True):
        others = [center for segment, center in centers.items() if segment != customer["segment_id"]]
        factors = random.choice(np.array(others)) / np.array([customer[habit] for habit in HABITS])
        own = rows.filter(pl.col("customer_id") == customer["customer_id"])
        made += _new_orders(random, own, factors, day_number(start))
    new = pl.DataFrame(made, schema=rows.schema, orient="row")
    after = customer_habits(nw.from_native(pl.concat([rows, new]).lazy()), [last], HISTORY_DAYS)
    now = place_customers(after, model).select("customer_id", now="segment_id")
    found = chosen.join(now, on="customer_id").join(new["customer_id"].value_counts(), on="customer_id", how="left")
    moved = found.select(moved=pl.col("now") != pl.col("segment_id"), many=pl.col("count").fill_null(0) >= _MANY_ORDERS)
    often = moved.filter("many")
    echo(f"new habits of another segment: {moved['moved'].mean():.0%} of {moved.height} moved in {NEW_HABIT_DAYS} days")
    echo(
        f"of those with {_MANY_ORDERS} orders or more in these days: {often['moved'].mean() or 0:.0%} of {often.height}"
    )
    # More than what these days alone tell cannot be asked of any rule.
    alone = rows.filter(pl.col("day_number") > day_number(start) - NEW_HABIT_DAYS)
    means = place_customers(_habits_of_gaps(alone, before), model).select("customer_id", alone="segment_id")
    same = active.join(means, on="customer_id").select((pl.col("segment_id") == pl.col("alone")).mean()).item()
    echo(f"{NEW_HABIT_DAYS} days alone place {same:.0%} of customers with unchanged habits in their own segment")


def _print_drift(orders: pl.LazyFrame, last: date) -> None:
    """Train ten weeks before the last day, and measure drift each week: as it was, and with planted changes after that day."""
    rows = orders.select(_COLUMNS).collect()
    trained = last - timedelta(days=7 * _WEEKS)
    later = pl.col("day_number") > day_number(trained)
    every_second = pl.int_range(pl.len()).over("customer_id") % 2 == 0
    doubled = pl.when(later).then(pl.col("item_count") * 2).otherwise("item_count").alias("item_count")
    changes = {
        "as it was": rows,
        "half as often": rows.filter(~later | every_second),
        "baskets doubled": rows.with_columns(doubled),
    }
    days = [trained + timedelta(days=7 * week) for week in range(_WEEKS + 1)]
    for name, changed in changes.items():
        habits = customer_habits(nw.from_native(changed.lazy()), days, HISTORY_DAYS)
        of_day = [habits.filter(pl.col("as_of_date") == day) for day in days]
        model = add_challenger(
            SEGMENT_MODEL.empty(), train_segment_model(of_day[0], SEGMENT_MODEL.empty(), _OPTIONS).rows
        )
        largest = [max(measure_drift(own, place_customers(own, model), model).values()) for own in of_day]
        found = next((f"from week {week} on" for week, index in enumerate(largest) if index >= DRIFTED), "no drift")
        echo(f"drift in {_WEEKS} weeks, {name}: largest index {max(largest):.2f}, {found}")


def _habits_of_gaps(orders: pl.DataFrame, habits: pl.DataFrame) -> pl.DataFrame:
    """The habits of each customer as the means of these orders alone, in the columns of `habits`."""
    gap = pl.col("day_number").diff().over("customer_id")
    own = orders.sort("customer_id", "day_number", "order_of_day").with_columns(gap=gap).group_by("customer_id")
    means = own.agg(
        gap_days=pl.col("gap").mean().fill_null(NEW_HABIT_DAYS).clip(0.5), basket_size=pl.col("item_count").mean()
    )
    return habits.drop(HABITS).join(means, on="customer_id").select(habits.columns)


def _new_orders(random: np.random.Generator, own: pl.DataFrame, factors: np.ndarray, start: int) -> list[tuple]:
    ordered = own.sort("day_number", "order_of_day")
    gaps = ordered["day_number"].diff().drop_nulls().to_numpy()
    baskets = ordered["item_count"].to_numpy()
    day, made, of_day = float(ordered["day_number"][-1]), [], {}
    while True:
        day += float(random.choice(gaps)) * factors[0]
        if day > start + NEW_HABIT_DAYS:
            return made
        if day > start:
            of_day[int(day)] = of_day.get(int(day), 0) + 1
            basket = max(1, round(float(random.choice(baskets)) * factors[1]))
            made.append((ordered["customer_id"][0], int(day), of_day[int(day)], basket))


def _print_changes(placed: pl.DataFrame) -> None:
    before = pl.col("segment_id").shift().over("customer_id")
    changed = (pl.col("segment_id") != before) & (before != 0)
    marked = placed.sort("customer_id", "as_of_date").with_columns(changed=changed)
    often = marked.group_by("customer_id").agg(pl.col("changed").sum())["changed"] >= 2
    echo(f"daily change {marked['changed'].mean():.2%}, twice or more {often.mean():.2%}")


if __name__ == "__main__":
    source = sys.argv[1]
    measure(pl.scan_parquet(source) if Path(source).suffix == ".parquet" else Lake(source).scan(silver.ORDERS))

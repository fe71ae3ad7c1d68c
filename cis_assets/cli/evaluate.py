"""`cis evaluate`: how good the predictions of the next basket and the next order are, on orders that they do not know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import click

from cis_assets.cli.backfill import find_newest_complete_date
from cis_assets.cli.console import DAY, heading, json_option, note, print_json, print_table, say, with_settings
from cis_assets.settings import Settings

if TYPE_CHECKING:
    import polars as pl

_TASKS = {
    "next_basket": "Next basket: the last order of each customer, predicted from the orders before it",
    "next_order": "Next order: forecasts of the last third of the time, by models of the time before",
}
_CONTEXTS = {
    "given": "weekday, hour and gap of the order are known",
    "expected": "as when serving: the time of the order is not known",
}
_METRICS = {
    "next_basket": [("p@1", "recall@10", "ndcg@10", "ece")],
    "next_order": [
        ("brier", "log_loss", "auc", "ece"),
        ("brier_28d", "log_loss_28d", "auc_28d", "ece_28d"),
        ("absolute_error_90d", "poisson_deviance_90d"),
    ],
}
_MAIN_METRICS = {"next_basket": "recall@10", "next_order": "brier"}
_ALL = "all"


@click.command()
@click.option("--as-of", type=DAY, help="Day that the evaluation ends with (default: the newest order date).")
@json_option
@with_settings
def evaluate(settings: Settings, as_of: date | None, as_json: bool) -> None:
    """Evaluate the predictions on later orders than they know. Writes nothing.

    Reads silver. Trains on earlier orders, predicts later ones, and compares with baselines. A method serves only if it is
    better beyond chance. Intervals are 95% bootstrap intervals over customers. Takes up to a few minutes.
    """
    from cis_assets.lake.lake import Lake
    from cis_assets.predictions.evaluation import PredictionOptions
    from cis_assets.views.predictions import evaluate_lake, find_evaluation_day

    lake = Lake(settings.lake_uri)
    day = find_evaluation_day(lake, as_of, find_newest_complete_date(settings))
    note(f"Evaluating on the orders up to {day} ...")
    rows = evaluate_lake(lake, day, PredictionOptions.from_settings(settings)).evaluations.drop("trained_as_of")
    if as_json:
        print_json(
            rows.select(
                "task", "method", "slice", "context", "served", "metric", "value", "low", "high", "baseline", "n"
            ).to_dicts()
        )
        return
    for task in _TASKS:
        _print_task(task, rows)
    say(
        "Higher is better: p@1, recall@10, ndcg@10, auc. Lower is better: brier, log_loss, ece, absolute_error, "
        "poisson_deviance. In brackets: 95% intervals."
    )


def _print_task(task: str, rows: pl.DataFrame) -> None:
    import polars as pl

    heading(_TASKS[task])
    of_task = rows.filter(pl.col("task") == task)
    if of_task.is_empty():
        say("Too few orders to hold some back, so a baseline serves.")
    for (context,), found in of_task.group_by("context", maintain_order=True):
        say("", f"{_CONTEXTS[str(context)]} ({context})")
        for metrics in _METRICS[task]:
            _print_metrics(found.filter(pl.col("slice") == _ALL, pl.col("metric").is_in(metrics)), metrics)
        _print_slices(found, _MAIN_METRICS[task])


def _print_metrics(rows: pl.DataFrame, metrics: Sequence[str]) -> None:
    """A table of the methods, and one of their differences to baselines."""
    import polars as pl

    if rows.is_empty():
        return
    figures, differences = (rows.filter(pl.col("baseline").is_null() == flag) for flag in (True, False))
    methods = [
        (method, "serves" if found["served"].any() else "", *_cells(found, metrics))
        for (method,), found in figures.group_by("method", maintain_order=True)
    ]
    print_table(["method", "", *metrics], methods, right=metrics)
    compared = [metric for metric in metrics if metric in differences["metric"]]
    pairs = [
        (f"{method} less {baseline}", "", *_cells(found, compared))
        for (method, baseline), found in differences.group_by("method", "baseline", maintain_order=True)
    ]
    if pairs:
        print_table(["difference", "", *compared], pairs, right=compared)
    say()


def _print_slices(rows: pl.DataFrame, metric: str) -> None:
    import polars as pl

    found = rows.filter(pl.col("served"), pl.col("metric") == metric, pl.col("baseline").is_null())
    print_table(
        ["slice", "method that serves", metric, "n"],
        [(row["slice"], row["method"], _format(row), f"{row['n']:,}") for row in found.iter_rows(named=True)],
        right=(metric, "n"),
    )


def _cells(rows: pl.DataFrame, metrics: Sequence[str]) -> list[str]:
    found = {row["metric"]: row for row in rows.iter_rows(named=True)}
    return [_format(found[metric]) if metric in found else "" for metric in metrics]


def _format(row: Mapping[str, Any]) -> str:
    if row["value"] is None:
        return "-"
    value = f"{row['value']:+.3f}" if row["baseline"] else f"{row['value']:.3f}"
    return value if row["low"] is None or row["high"] is None else f"{value} ({row['low']:.3f} to {row['high']:.3f})"

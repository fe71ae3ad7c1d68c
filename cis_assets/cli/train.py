"""`cis train`: train a challenger of the segment model and promote it on request, or train the models of predictions."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import click

from cis_assets.cli.console import DAY, Refused, say, with_settings
from cis_assets.settings import Settings

if TYPE_CHECKING:
    from cis_assets.lake.lake import Lake


@click.command()
@click.option("--promote", is_flag=True, help="Let the challenger serve the snapshots after the newest one.")
@click.option("--reason", help="Why it is promoted; kept with the version.  [default: promoted by hand]")
@click.option("--predictions", is_flag=True, help="Train the models of the next order and the next basket instead.")
@click.option("--as-of", type=DAY, help="With --predictions: train on the orders up to this day (default: all).")
@with_settings
def train(settings: Settings, promote: bool, reason: str | None, predictions: bool, as_of: date | None) -> None:
    """Train a challenger of the segment model on the newest snapshot, or promote the one that waits.

    A challenger changes no customer's segment until it is promoted. The first version is promoted by itself. --promote
    trains only if no challenger waits.

    With --predictions, the models of predictions are evaluated and trained on the orders in silver. They predict the days
    from the newest of these orders on, where they beat their baselines; else a baseline does.
    """
    import polars as pl

    from cis_assets.catalog import gold
    from cis_assets.cli.runs import run_assets
    from cis_assets.defs.jobs import SEGMENT_MODEL, SEGMENT_TRAINING
    from cis_assets.lake.lake import Lake
    from cis_assets.segmentation.versions import CHALLENGER, champion

    if predictions and (promote or reason):
        raise click.UsageError("Models of predictions need no promotion: leave out --promote and --reason.")
    lake = Lake(settings.lake_uri)
    if predictions:
        _train_predictions(settings, lake, as_of)
        return
    if as_of:
        raise click.UsageError("Segments are trained on the newest snapshot: --as-of goes with --predictions.")
    if not lake.exists(gold.CUSTOMER_HABITS):
        raise Refused("gold/customer_habits has no snapshot yet: run `cis snapshot` first.")
    ops = {SEGMENT_TRAINING: {"config": {"promote": promote, "reason": reason or "promoted by hand"}}}
    run_id = run_assets(settings, SEGMENT_MODEL, None, ops)
    models = lake.scan(gold.SEGMENT_MODEL).collect()
    shown = models.filter(pl.col("state") == CHALLENGER)
    if promote or shown.is_empty():
        shown = champion(models)
    say(
        f"Done in run {run_id}: version {shown['version'][0]} is the {shown['state'][0]}, from {shown['serves_from'][0] or 'its promotion'} on."
    )
    for row in shown.iter_rows(named=True):
        say(f"  {row['segment_id']:>3} {row['segment_name']} ({row['origin']}): {row['segment_marks']}")


def _train_predictions(settings: Settings, lake: Lake, as_of: date | None) -> None:
    from cis_assets.catalog import gold, silver
    from cis_assets.cli.runs import run_assets
    from cis_assets.defs.jobs import PREDICTION_MODELS, PREDICTION_TRAINING
    from cis_assets.predictions.model_rows import NEXT_BASKET, NEXT_ORDER, version_of_day

    if not lake.exists(silver.ORDERS):
        raise Refused("silver/orders has no orders yet: run `cis backfill` first.")
    ops = {PREDICTION_TRAINING: {"config": {"as_of": str(as_of) if as_of else None}}}
    run_id = run_assets(settings, PREDICTION_MODELS, None, ops)
    say(f"Done in run {run_id}. `cis evaluate` shows how good the models are.")
    if not lake.exists(gold.PREDICTION_MODELS):
        # The run warned that there are no orders.
        return
    models = lake.scan(gold.PREDICTION_MODELS).select("task", "trained_as_of", "served").unique().collect()
    for task in (NEXT_ORDER, NEXT_BASKET):
        newest = version_of_day(models, task, as_of or date.max)
        for trained_as_of, served in newest.select("trained_as_of", "served").iter_rows():
            say(f"  {task}: version of {trained_as_of}, served by {' and '.join(dict.fromkeys(served))}.")
        if newest.is_empty():
            say(f"  {task}: no version, because the orders are too few.")

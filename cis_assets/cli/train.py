"""`cis train`: train a challenger of the segment model and promote it on request, or train the models of predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cis_assets.cli.console import Refused, say, with_settings
from cis_assets.settings import Settings

if TYPE_CHECKING:
    from cis_assets.lake.lake import Lake


@click.command()
@click.option("--promote", is_flag=True, help="Let the challenger serve the snapshots after the newest one.")
@click.option(
    "--reason", default="promoted by hand", show_default=True, help="Why it is promoted; kept with the version."
)
@click.option("--predictions", is_flag=True, help="Train the models of the next order and the next basket instead.")
@with_settings
def train(settings: Settings, promote: bool, reason: str, predictions: bool) -> None:
    """Train a challenger of the segment model on the newest snapshot, or promote the one that waits.

    A challenger changes no customer's segment until it is promoted. The first version is promoted by itself. --promote
    trains only if no challenger waits.

    With --predictions, the models of predictions are evaluated and trained on all orders in silver. They predict the days
    from the newest order date on, where they beat their baselines.
    """
    import polars as pl

    from cis_assets.catalog import gold
    from cis_assets.cli.runs import run_assets
    from cis_assets.defs.jobs import SEGMENT_MODEL, SEGMENT_TRAINING
    from cis_assets.lake.lake import Lake
    from cis_assets.segmentation.versions import CHALLENGER, champion

    if predictions and promote:
        raise click.UsageError("Models of predictions need no promotion: leave out --promote.")
    lake = Lake(settings.lake_uri)
    if predictions:
        _train_predictions(settings, lake)
        return
    if not lake.exists(gold.CUSTOMER_HABITS):
        raise Refused("gold/customer_habits has no snapshot yet: run `cis snapshot` first.")
    ops = {SEGMENT_TRAINING: {"config": {"promote": promote, "reason": reason}}}
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


def _train_predictions(settings: Settings, lake: Lake) -> None:
    import polars as pl

    from cis_assets.catalog import gold, silver
    from cis_assets.cli.runs import run_assets
    from cis_assets.defs.jobs import PREDICTION_MODELS

    if not lake.exists(silver.ORDERS):
        raise Refused("silver/orders has no orders yet: run `cis backfill` first.")
    run_id = run_assets(settings, PREDICTION_MODELS, None)
    models = lake.scan(gold.PREDICTION_MODELS).select("task", "trained_as_of", "served").collect()
    newest = models.filter(pl.col("trained_as_of") == pl.col("trained_as_of").max()).unique("task").sort("task")
    say(f"Done in run {run_id}. `cis evaluate` shows how good the models are.")
    for task, trained_as_of, served in newest.iter_rows():
        say(f"  {task} of {trained_as_of}: {', '.join(served)} serves.")
    if newest.is_empty():
        say("  The orders are too few to train a model. Baselines serve where they can.")

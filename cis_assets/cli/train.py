"""`cis train`: train a challenger of the segment model, and promote it on request."""

import click

from cis_assets.cli.console import Refused, say, with_settings
from cis_assets.settings import Settings


@click.command()
@click.option("--promote", is_flag=True, help="Let the challenger serve the snapshots after the newest one.")
@click.option(
    "--reason", default="promoted by hand", show_default=True, help="Why it is promoted; kept with the version."
)
@with_settings
def train(settings: Settings, promote: bool, reason: str) -> None:
    """Train a challenger of the segment model on the newest snapshot, or promote the one that waits.

    A challenger changes no customer's segment until it is promoted. The first version is promoted by itself. --promote
    trains only if no challenger waits.
    """
    import polars as pl

    from cis_assets.catalog import gold
    from cis_assets.cli.runs import run_assets
    from cis_assets.defs.jobs import SEGMENT_MODEL, SEGMENT_TRAINING
    from cis_assets.lake.lake import Lake
    from cis_assets.segmentation.versions import CHALLENGER, champion

    lake = Lake(settings.lake_uri)
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

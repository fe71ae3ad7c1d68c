"""`cis train`: train a challenger of the segment model, and promote it on request."""

import click

from cis_assets.cli.console import Refused, say, with_settings
from cis_assets.settings import Settings


@click.command()
@click.option("--promote", is_flag=True, help="Let the challenger serve the snapshots from the newest one on.")
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

    lake = Lake(settings.lake_uri)
    if not lake.exists(gold.CUSTOMER_HABITS):
        raise Refused("gold/customer_habits has no snapshot yet: run `cis snapshot` first.")
    ops = {SEGMENT_TRAINING: {"config": {"promote": promote, "reason": reason}}}
    run_id = run_assets(settings, SEGMENT_MODEL, None, ops)
    models = lake.scan(gold.SEGMENT_MODEL).collect()
    newest = models.filter(pl.col("version") == pl.col("version").max())
    say(f"Done in run {run_id}: version {newest['version'][0]} is the {newest['state'][0]}.")
    for row in newest.iter_rows(named=True):
        say(f"  {row['segment_id']:>3} {row['segment_name']} ({row['origin']}): {row['segment_marks']}")

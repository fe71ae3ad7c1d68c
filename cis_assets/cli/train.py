"""`cis train`: train a challenger of the segment model, and promote it on request."""

import click

from cis_assets.cli.backfill import materialize
from cis_assets.cli.console import Refused, with_settings
from cis_assets.settings import Settings


@click.command()
@click.option("--promote", is_flag=True, help="Let the trained version serve the snapshots from its day on.")
@click.option(
    "--reason", default="promoted by hand", show_default=True, help="Why it is promoted; kept with the version."
)
@with_settings
def train(settings: Settings, promote: bool, reason: str) -> None:
    """Train a new version of the segment model on the newest snapshot.

    It is a challenger and changes no customer's segment until it is promoted. The first version is promoted by itself.
    """
    from cis_assets.catalog import gold
    from cis_assets.defs.jobs import SEGMENT_MODEL
    from cis_assets.lake.lake import Lake

    if not Lake(settings.lake_uri).exists(gold.CUSTOMER_HABITS):
        raise Refused("gold/customer_habits has no snapshot yet: run `cis snapshot` first.")
    materialize(settings, SEGMENT_MODEL, None, {"promote": promote, "reason": reason})

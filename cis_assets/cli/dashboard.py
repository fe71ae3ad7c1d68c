"""`cis dashboard`: draw the dashboard page from the newest snapshot and say where it is."""

from __future__ import annotations

import click

from cis_assets.cli.console import Refused, say
from cis_assets.settings import settings


@click.command()
@click.option("--open", "open_page", is_flag=True, help="Open the page in the browser.")
def dashboard(open_page: bool) -> None:
    """Draw the dashboard page from the newest gold snapshot."""
    from cis_assets.cli.runs import joined, run_assets

    outcome = run_assets("group:dashboard", None, "Drawing")
    if outcome.failures:
        raise Refused(joined(outcome.failures))
    link = dashboard_link()
    say(f"Dashboard: {link}")
    if open_page:
        click.launch(link)


def dashboard_link() -> str:
    from cis_assets.defs.dashboard.assets import DASHBOARD_KEY
    from cis_assets.lake.pages import page_address, page_link

    return page_link(page_address(settings().lake_uri, *DASHBOARD_KEY.path))

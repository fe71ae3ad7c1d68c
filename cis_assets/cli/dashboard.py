"""`cis dashboard`: draw the dashboard page from the newest snapshot and say where it is."""

import click

from cis_assets.cli.console import say, with_settings
from cis_assets.settings import Settings


@click.command()
@click.option("--open", "open_page", is_flag=True, help="Open the page in the browser.")
@with_settings
def dashboard(settings: Settings, open_page: bool) -> None:
    """Draw the dashboard page from the newest gold snapshot."""
    from cis_assets.cli.runs import run_assets

    run_assets(settings, "group:dashboard", None)
    link = dashboard_link(settings)
    say(f"Dashboard: {link}")
    if open_page:
        click.launch(link)


def dashboard_link(settings: Settings) -> str:
    from cis_assets.defs.dashboard import DASHBOARD_KEY
    from cis_assets.lake.pages import page_address, page_link

    return page_link(page_address(settings.lake_uri, *DASHBOARD_KEY.path))

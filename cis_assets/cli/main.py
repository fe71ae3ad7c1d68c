"""The commands of `cis` and how their errors are shown: one sentence and exit status 1."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from deltalake.exceptions import DeltaError
from dotenv import load_dotenv
from obstore.exceptions import BaseError as ObjectStoreError

from cis_assets.cli.backfill import backfill
from cis_assets.cli.console import Refused
from cis_assets.cli.dashboard import dashboard
from cis_assets.cli.demo import demo
from cis_assets.cli.doctor import doctor
from cis_assets.cli.forget import forget
from cis_assets.cli.land import land
from cis_assets.cli.maintain import maintain
from cis_assets.cli.show import show
from cis_assets.cli.show_reconciliation import reconciliation
from cis_assets.cli.ui import ui
from cis_assets.errors import OperatorError


class _Commands(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except OperatorError as error:
            raise Refused(str(error)) from None
        except (OSError, ObjectStoreError, DeltaError) as error:
            # Whatever a store says of itself (no connection, no right, no container) is for the operator to mend.
            raise Refused(f"The store of the lake or the landing folder failed: {str(error).splitlines()[0]}") from None


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="customer-intelligence-system")
def main() -> None:
    """Customer Intelligence System: from daily orders to customer segments and true, personal notifications.

    Where the lake, the landing folder and Dagster's home are is set by CIS_LAKE_URI, CIS_LANDING_URI and DAGSTER_HOME;
    all three begin in the folder .cis of the working folder.
    """
    # The clouds' and OpenAI's own variables may stand in the same file as the CIS_ settings.
    load_dotenv(Path(".env"))


show.add_command(reconciliation)
for command in (land, backfill, show, dashboard, demo, ui, doctor, forget, maintain):
    main.add_command(command)

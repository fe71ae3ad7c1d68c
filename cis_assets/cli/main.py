"""The commands of `cis`. An error is shown as one sentence, with exit status 1."""

from pathlib import Path
from typing import Any

import click
from deltalake.exceptions import DeltaError
from dotenv import load_dotenv
from narwhals.exceptions import NarwhalsError
from obstore.exceptions import BaseError as ObjectStoreError
from polars.exceptions import PanicException, PolarsError

from cis_assets.cli.backfill import backfill
from cis_assets.cli.console import Refused
from cis_assets.cli.dashboard import dashboard
from cis_assets.cli.demo import demo
from cis_assets.cli.doctor import doctor
from cis_assets.cli.evaluate import evaluate
from cis_assets.cli.forget import forget
from cis_assets.cli.land import land
from cis_assets.cli.maintain import maintain
from cis_assets.cli.show import show
from cis_assets.cli.snapshot import snapshot
from cis_assets.cli.train import train
from cis_assets.cli.ui import ui
from cis_assets.errors import OperatorError
from cis_assets.settings import settings


class _Commands(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except OperatorError as error:
            raise Refused(str(error)) from None
        except (PolarsError, NarwhalsError, PanicException) as error:
            raise Refused(_name_unreadable_file(error)) from None
        except (OSError, ObjectStoreError, DeltaError) as error:
            # The operator must fix what storage reports: no connection, no permission, no container.
            raise Refused(
                f"The storage of the lake or the landing folder failed: {str(error).splitlines()[0]}"
            ) from None


def _name_unreadable_file(error: BaseException) -> str:
    """Name the damaged data file that polars could not decode. Raises the error again if there is none."""
    from cis_assets.catalog import SYSTEM_TABLES, TABLES
    from cis_assets.lake.damage import name_unreadable_files
    from cis_assets.lake.lake import Lake

    lake = Lake(settings().lake_uri)
    try:
        with name_unreadable_files(map(lake.location, (TABLES | SYSTEM_TABLES).values())):
            raise error
    except OperatorError as named:
        return str(named)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="customer-intelligence-system")
def main() -> None:
    """Customer Intelligence System: from daily orders to customer segments and true, personal notifications.

    CIS_LAKE_URI, CIS_LANDING_URI and DAGSTER_HOME say where the lake, the landing folder and Dagster's home are. By
    default they are in the folder .cis of the working folder.
    """
    # The same file may set variables of Azure, Databricks and OpenAI.
    load_dotenv(Path(".env"))


for command in (land, backfill, snapshot, show, dashboard, demo, ui, doctor, forget, maintain, train, evaluate):
    main.add_command(command)
